// Programs of a distribution that the guest runs: what makes the partition
// table and the file systems of the rehearsal, runs its scripts and answers ssh
// is nothing that imgasm wrote. Only named files are taken out of the packages,
// and the shared libraries that they name (System V ABI, "Dynamic Section",
// DT_NEEDED): what a package depends on otherwise is not wanted, such as Python
// for xfsprogs.

package rehearsal

import (
	"bytes"
	"cmp"
	"context"
	"debug/elf"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// toolSources are the packages, by Debian 12's names, and the files that are
// wanted out of each: patterns of path.Match, with /bin, /sbin and /lib below
// /usr. Of the last ones nothing is wanted but the libraries that others name.
var toolSources = []toolSource{
	{"bash", "usr/bin/bash"},
	{"busybox-static", "usr/bin/busybox"},
	{"coreutils", "usr/bin/* usr/sbin/chroot"},
	{"dosfstools", "usr/sbin/mkfs.vfat usr/sbin/fsck.vfat"},
	{"e2fsprogs", "usr/sbin/mkfs.ext2 usr/sbin/mkfs.ext3 usr/sbin/mkfs.ext4 usr/sbin/e2fsck etc/mke2fs.conf"},
	{"fdisk", "usr/sbin/sfdisk"},
	{"findutils", "usr/bin/find usr/bin/xargs"},
	{"grep", "usr/bin/*grep"},
	{"gzip", "usr/bin/gzip usr/bin/gunzip usr/bin/zcat"},
	{"libpam-modules", "usr/lib/*/security/pam_unix.so usr/lib/*/security/pam_permit.so usr/lib/*/security/pam_deny.so"},
	{"login", "etc/login.defs"},
	{"mount", "usr/bin/mount usr/bin/umount usr/sbin/swapon usr/sbin/swapoff"},
	{"openssh-client", "usr/bin/ssh-keygen"},
	{"openssh-server", "usr/sbin/sshd"},
	{"openssh-sftp-server", "usr/lib/openssh/sftp-server"},
	{"passwd", "usr/sbin/user* usr/sbin/group* usr/sbin/chpasswd usr/bin/*"},
	{"sed", "usr/bin/sed"},
	{"sudo", "usr/bin/sudo usr/libexec/sudo/sudoers.so"},
	{"tar", "usr/bin/tar"},
	{"util-linux", "usr/sbin/blkid usr/sbin/mkswap usr/sbin/wipefs usr/sbin/fstrim usr/bin/findmnt usr/bin/lsblk"},
	{"xfsprogs", "usr/sbin/mkfs.xfs usr/sbin/xfs_repair"},
	{"libacl1", ""}, {"libattr1", ""}, {"libaudit1", ""}, {"libblkid1", ""}, {"libbz2-1.0", ""}, {"libc6", ""}, {"libcap-ng0", ""},
	{"libcap2", ""}, {"libcom-err2", ""}, {"libcrypt1", ""}, {"libext2fs2", ""}, {"libfdisk1", ""}, {"libgcrypt20", ""}, {"libgmp10", ""},
	{"libgpg-error0", ""}, {"libgssapi-krb5-2", ""}, {"libinih1", ""}, {"libk5crypto3", ""}, {"libkeyutils1", ""}, {"libkrb5-3", ""},
	{"libkrb5support0", ""}, {"liblz4-1", ""}, {"liblzma5", ""}, {"libmount1", ""}, {"libnsl2", ""}, {"libpam0g", ""}, {"libpcre2-8-0", ""},
	{"libreadline8", ""}, {"libselinux1", ""}, {"libsemanage2", ""}, {"libsepol2", ""}, {"libsmartcols1", ""}, {"libssl3", ""},
	{"libsystemd0", ""}, {"libtinfo6", ""}, {"libtirpc3", ""}, {"libudev1", ""}, {"liburcu8", ""}, {"libuuid1", ""}, {"libwrap0", ""},
	{"libzstd1", ""}, {"zlib1g", ""},
}

// toolSource is a package and what is wanted out of it, separated by blanks.
type toolSource struct{ pkg, files string }

// toolPackages are the names of all of them.
func toolPackages() []string {
	var all []string
	for _, s := range toolSources {
		all = append(all, s.pkg)
	}
	return all
}

// A tool is a program, a library or a file that one of them reads.
type tool struct {
	name string // path without leading slash, below usr/ unless in etc/
	pkg  string // that it is from
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
	return (multiarch || dir == "usr/lib64/" || dir == "usr/lib/" || dir == "usr/libexec/sudo/") && strings.Contains(base, ".so")
}

// take keeps a file of a package: any but documents, for closure to choose.
func (t tools) take(pkg, name, link string, content io.Reader) error {
	f := tool{name: merged(name), pkg: pkg}
	if strings.HasPrefix(f.name, "usr/share/") {
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
	f.data, err = smallfile.All(content, name, maxBootFile)
	t[f.name] = f
	return err
}

// neededTool is a file that something leads to.
type neededTool struct{ name, by string }

// roots are the files that are wanted for themselves.
func (t tools) roots() ([]neededTool, error) {
	var all []neededTool
	for _, s := range toolSources {
		for _, pattern := range strings.Fields(s.files) {
			before := len(all)
			for name, f := range t {
				if ok, err := path.Match(pattern, name); f.pkg == s.pkg && ok && err == nil {
					all = append(all, neededTool{name, "the rehearsal"})
				}
			}
			if len(all) == before {
				return nil, fmt.Errorf("no %s in the package %s", pattern, s.pkg)
			}
		}
	}
	return all, nil
}

// closure returns the tools of todo with all that they lead to: the targets of
// links, the interpreter of programs, and libraries.
func (t tools) closure(a arch.Arch, todo []neededTool) (tools, error) {
	have := map[string]string{} // a library's path by its base name
	for name := range t {
		if isLibrary(name) {
			have[path.Base(name)] = name
		}
	}
	all := tools{}
	for len(todo) > 0 {
		n := todo[0]
		todo = todo[1:]
		if _, ok := all[n.name]; ok {
			continue
		}
		f, ok := t[n.name]
		if !ok {
			return nil, fmt.Errorf("no %s for %s, needed by %s, in the packages %s", n.name, a.Name, n.by, strings.Join(toolPackages(), ", "))
		}
		all[n.name] = f
		if f.link != "" {
			todo = append(todo, neededTool{f.link, n.name})
			continue
		}
		leads, err := dynamic(f, a)
		if err != nil {
			return nil, err
		}
		for _, l := range leads {
			if !strings.Contains(l, "/") {
				l = cmp.Or(have[l], l)
			}
			todo = append(todo, neededTool{l, n.name})
		}
	}
	return all, nil
}

// wanted returns the tools that are wanted for themselves and their closure.
func (t tools) wanted(a arch.Arch) (tools, error) {
	roots, err := t.roots()
	if err != nil {
		return nil, fmt.Errorf("tools for %s: %w", a.Name, err)
	}
	return t.closure(a, roots)
}

// file is the tool as the guest has it.
func (t tool) file() pkgFile {
	f := pkgFile{path: t.name, mode: 0o755, data: t.data}
	if t.link != "" {
		f.link = "/" + t.link
	}
	return f
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
	return seal(ctx, file, toolSources, func(add func(name, link string, data []byte)) {
		for _, x := range t.sorted() {
			link := x.link
			if link != "" {
				link = "/" + link
			}
			add(x.pkg+"/"+x.name, link, x.data)
		}
	})
}

// loadTools reads what store wrote, if it is what is wanted today.
func loadTools(file string, a arch.Arch) (tools, error) {
	t := tools{}
	err := unseal(file, toolSources, func(name, link string, content io.Reader) error {
		pkg, name, _ := strings.Cut(name, "/")
		return t.take(pkg, name, link, content)
	})
	if err != nil {
		return nil, err
	}
	return t.wanted(a)
}
