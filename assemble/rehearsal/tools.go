// Programs of a distribution that the guest runs: what makes the partition
// table and the file systems of the rehearsal is nothing that imgasm wrote.
// Only named files are taken out of the packages, and the shared libraries
// that they name (System V ABI, "Dynamic Section", DT_NEEDED): what a package
// depends on otherwise is not wanted, such as Python for xfsprogs.

package rehearsal

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/internal/arch"
)

// toolPackages hold the wanted tools and every library that they need, by
// Debian 12's names.
var toolPackages = []string{
	"dosfstools", "e2fsprogs", "fdisk", "util-linux", "xfsprogs",
	"libblkid1", "libc6", "libcom-err2", "libext2fs2", "libfdisk1", "libinih1", "libpcre2-8-0",
	"libreadline8", "libselinux1", "libsmartcols1", "libtinfo6", "liburcu8", "libuuid1",
}

// wantedTools are their paths, with /bin, /sbin and /lib below /usr.
var wantedTools = []string{
	"usr/sbin/sfdisk", "usr/sbin/mkfs.vfat", "usr/sbin/mkfs.xfs", "usr/sbin/mkswap",
	"usr/sbin/mkfs.ext2", "usr/sbin/mkfs.ext3", "usr/sbin/mkfs.ext4", "etc/mke2fs.conf",
}

// A tool is a program, a library or a file that one of them reads.
type tool struct {
	name string // path without leading slash, below usr/ unless in etc/
	link string // of a symbolic link: the path that it leads to, in the same form
	data []byte
}

// tools are files by their names.
type tools map[string]tool

// merged is a path as on a system whose /bin, /sbin and /lib are links into /usr.
func merged(name string) string {
	for _, dir := range []string{"bin/", "sbin/", "lib/", "lib64/"} {
		if strings.HasPrefix(name, dir) {
			return "usr/" + name
		}
	}
	return name
}

// isLibrary tells whether a path is a shared library's in one of the folders
// of the system's own: "usr/lib/x86_64-linux-gnu/libc.so.6".
func isLibrary(name string) bool {
	dir, base := path.Split(merged(name))
	multiarch := strings.HasPrefix(dir, "usr/lib/") && strings.HasSuffix(dir, "-linux-gnu/")
	return (multiarch || dir == "usr/lib64/" || dir == "usr/lib/") && strings.Contains(base, ".so")
}

// take keeps a file of a package that the guest may run.
func (t tools) take(name, link string, content io.Reader) error {
	f := tool{name: merged(name)}
	if !isLibrary(f.name) && !slices.Contains(wantedTools, f.name) && !strings.HasPrefix(f.name, "usr/sbin/mk") {
		return nil
	}
	if link != "" {
		if !path.IsAbs(link) {
			link = path.Join("/", path.Dir(name), link)
		}
		f.link = merged(strings.TrimPrefix(path.Clean(link), "/"))
		t[f.name] = f
		return nil
	}
	var err error
	f.data, err = io.ReadAll(io.LimitReader(content, maxBootFile+1))
	if err == nil && len(f.data) > maxBootFile {
		err = fmt.Errorf("larger than %d MiB", maxBootFile>>20)
	}
	t[f.name] = f
	return err
}

// closure returns the wanted tools with all that they lead to: the targets of
// links, the interpreter of programs, and libraries.
func (t tools) closure(a arch.Arch) (tools, error) {
	have := map[string]string{} // a library's path by its base name
	for name := range t {
		if isLibrary(name) {
			have[path.Base(name)] = name
		}
	}
	all := tools{}
	type need struct{ name, by string }
	var todo []need
	for _, name := range wantedTools {
		todo = append(todo, need{name, "the rehearsal"})
	}
	for len(todo) > 0 {
		n := todo[0]
		todo = todo[1:]
		if _, ok := all[n.name]; ok {
			continue
		}
		f, ok := t[n.name]
		if !ok {
			return nil, fmt.Errorf("no %s for %s, needed by %s, in the packages %s", n.name, a.Name, n.by, strings.Join(toolPackages, ", "))
		}
		all[n.name] = f
		if f.link != "" {
			todo = append(todo, need{f.link, n.name})
			continue
		}
		leads, err := dynamic(f, a)
		if err != nil {
			return nil, err
		}
		for _, l := range leads {
			if !strings.Contains(l, "/") {
				l = orElse(have[l], l)
			}
			todo = append(todo, need{l, n.name})
		}
	}
	return all, nil
}

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// dynamic is what an ELF file names to be loaded with it: the paths of its
// interpreter, the names of libraries. Of a file that is no ELF it is nothing.
func dynamic(f tool, a arch.Arch) ([]string, error) {
	if !bytes.HasPrefix(f.data, []byte(elf.ELFMAG)) {
		return nil, nil
	}
	e, err := elf.NewFile(bytes.NewReader(f.data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	if uint16(e.Machine) != a.Elf {
		return nil, fmt.Errorf("%s: a program for %s, not for %s", f.name, e.Machine, a.Name)
	}
	names, err := e.ImportedLibraries()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	for _, p := range e.Progs {
		if p.Type == elf.PT_INTERP && p.Filesz < 4096 {
			text := make([]byte, p.Filesz)
			if _, err := p.ReadAt(text, 0); err != nil {
				return nil, fmt.Errorf("%s: %w", f.name, err)
			}
			names = append(names, merged(strings.Trim(string(text), "/\x00")))
		}
	}
	return names, nil
}

// sorted lists the files in the order of their names.
func (t tools) sorted() []tool {
	var all []tool
	for _, f := range t {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b tool) int { return strings.Compare(a.name, b.name) })
	return all
}

// store writes the tools to a file, whole or not at all.
func (t tools) store(ctx context.Context, file string) error {
	return seal(ctx, file, func(to io.Writer) (err error) {
		w := tar.NewWriter(to)
		for _, x := range t.sorted() {
			h := &tar.Header{Name: x.name, Mode: 0o755, Size: int64(len(x.data))}
			if x.link != "" {
				h.Typeflag, h.Linkname = tar.TypeSymlink, "/"+x.link
			}
			err = errors.Join(err, w.WriteHeader(h))
			_, e := w.Write(x.data)
			err = errors.Join(err, e)
		}
		return errors.Join(err, w.Close())
	})
}

// loadTools reads what store wrote.
func loadTools(file string, a arch.Arch) (tools, error) {
	data, err := unseal(file)
	if err != nil {
		return nil, err
	}
	t := tools{}
	err = walkTar(bytes.NewReader(data), func(name, link string, _ int64, content io.Reader) error { return t.take(name, link, content) })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return t.closure(a)
}

// entries are the tools in an initial RAM file system, with their folders and
// with /bin, /sbin and /lib as links into /usr.
func (t tools) entries() []cpioEntry {
	var all []cpioEntry
	for _, dir := range []string{"bin", "sbin", "lib", "lib64"} {
		all = append(all, cpioEntry{Name: dir, Mode: cpioLink | 0o777, Data: []byte("usr/" + dir)})
	}
	made := map[string]bool{}
	var folder func(dir string)
	folder = func(dir string) {
		if dir == "." || made[dir] {
			return
		}
		folder(path.Dir(dir))
		made[dir] = true
		all = append(all, cpioEntry{Name: dir, Mode: cpioDir | 0o755})
	}
	for _, dir := range []string{"usr/bin", "usr/sbin", "usr/lib", "usr/lib64"} {
		folder(dir)
	}
	for _, x := range t.sorted() {
		folder(path.Dir(x.name))
		if x.link != "" {
			all = append(all, cpioEntry{Name: x.name, Mode: cpioLink | 0o777, Data: []byte("/" + x.link)})
			continue
		}
		all = append(all, cpioEntry{Name: x.name, Mode: cpioFile | 0o755, Data: x.data})
	}
	return all
}
