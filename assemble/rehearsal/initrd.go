// The initial RAM file system of the medium and of the installed system: the
// guest's scripts, the few programs that they need before stage 2 brings the
// others, and the kernel's modules.

package rehearsal

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble/boot"
	"github.com/imgasm/imgasm/internal/tree"
	"github.com/imgasm/imgasm/kickstart"
)

// guest holds the guest's scripts: init, and a file a topic that it reads.
//
//go:embed guest
var guest embed.FS

// firstTools are what the scripts run in the initial RAM file system, apart from
// busyboxFirst, the commands that busybox stands for there.
var firstTools = []neededTool{{"usr/bin/bash", "init"}, {"usr/bin/busybox", "init"}, {"usr/sbin/blkid", "init"}}

const busyboxFirst = "cat cp env insmod ln mkdir mount sleep switch_root sync tar umount"

// initrdFiles lists the files. The file modules/order names the modules in the
// order in which they load.
func initrdFiles(s *supply) ([]pkgFile, error) {
	first, err := s.tools.closure(s.Arch, firstTools)
	if err != nil {
		return nil, err
	}
	modules, err := loadOrder(wanted, s.have, s.builtin)
	if err != nil {
		return nil, fmt.Errorf("kernel %s: %w", s.Release, err)
	}
	scripts, err := guest.ReadDir("guest")
	if err != nil {
		return nil, err
	}
	all := append(folders("dev/", "guest/", "modules/", "proc/", "run/", "sys/", "sysroot/", "tmp/",
		"usr/", "usr/bin/", "usr/lib/", "usr/lib/"+s.Arch.Name+"-linux-gnu/", "usr/lib64/", "usr/sbin/"), mergedUsr...)
	for _, t := range first.sorted() {
		all = append(all, t.file())
	}
	for _, c := range strings.Fields(busyboxFirst) {
		all = append(all, pkgFile{path: "usr/bin/" + c, link: "busybox"})
	}
	for _, e := range scripts {
		data, err := guest.ReadFile("guest/" + e.Name())
		if err != nil {
			return nil, err
		}
		f := pkgFile{path: "guest/" + e.Name(), data: data}
		if e.Name() == "init" {
			f.path, f.mode = "init", 0o755
		}
		all = append(all, f)
	}
	all = append(all, pkgFile{path: "guest/dialect.sh", data: []byte(dialect())})
	var order strings.Builder
	for _, m := range modules {
		order.WriteString(strings.TrimSpace(m.Name+".ko "+m.Class) + "\n")
		all = append(all, pkgFile{path: "modules/" + m.Name + ".ko", data: m.Data})
	}
	return append(all, pkgFile{path: "modules/order", data: []byte(order.String())}), nil
}

// dialect is the table of what a kickstart may say, for the guest's bash: see
// guest/kickstart.sh.
func dialect() string {
	var b strings.Builder
	b.WriteString("# Written out of imgasm's table of the kickstart language.\ndeclare -A dialect=(\n")
	row := func(name string, h kickstart.History, raw bool, options []kickstart.OptionSpec) {
		status := h.In(kickstart.AlmaLinux10).String()
		if raw && status == "active" {
			status = "raw"
		}
		fmt.Fprintf(&b, "['%s']='%s'\n", name, status)
		for _, o := range options {
			if s := o.History.In(kickstart.AlmaLinux10); s != kickstart.Active && s != kickstart.Deprecated {
				continue
			}
			for _, n := range o.Names {
				fmt.Fprintf(&b, "['%s %s']=%s%s\n", name, n, o.Name(), map[bool]string{true: "="}[o.Type != kickstart.TypeFlag])
			}
		}
	}
	for _, c := range kickstart.Commands() {
		for _, name := range append([]string{c.Name}, c.Also...) {
			row(name, c.History, c.Raw, c.Options)
		}
	}
	for _, s := range kickstart.Sections() {
		row(s.Name, s.History, s.Raw, s.Options)
	}
	return b.String() + ")\n"
}

// initrd packs the files.
func initrd(files []pkgFile) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	cpio := boot.NewArchive(z, 0, time.Time{})
	for _, f := range files {
		e := boot.Entry{Name: f.path, Mode: boot.TypeFile | uint32(cmp.Or(f.mode, 0o644)), Contents: tree.Bytes(f.path, f.data)}
		switch {
		case strings.HasSuffix(f.path, "/"):
			e = boot.Entry{Name: strings.TrimSuffix(f.path, "/"), Mode: boot.TypeDir | 0o755}
		case f.link != "":
			e.Mode, e.Contents = boot.TypeLink|0o777, tree.Bytes(f.path, []byte(f.link))
		}
		cpio.Add(e)
	}
	// The kernel opens it for /init before anything can mount devtmpfs.
	cpio.Add(boot.Entry{Name: "dev/console", Mode: boot.TypeChar | 0o600, Major: 5, Minor: 1})
	if err := errors.Join(cpio.End(), z.Close()); err != nil {
		return nil, fmt.Errorf("initial RAM file system: %w", err)
	}
	return b.Bytes(), nil
}
