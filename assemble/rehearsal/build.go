// The installer ISO and its files.

package rehearsal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/tmpdir"
	"github.com/imgasm/imgasm/internal/tree"
)

// mediumTime is the date of every file of the ISO: the same inputs give the
// same ISO, whenever it is built.
var mediumTime = time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC)

// label is the ISO's volume label, in the form of AlmaLinux's.
func label(arch string) string {
	return "AlmaLinux-" + strings.ReplaceAll(Release, ".", "-") + "-" + arch + "-rehearsal"
}

// contents are what the ISO's archives hold.
type contents struct {
	prefix string // the folder in which GRUB looks for its configuration
	initrd []pkgFile
	all    []pkg
}

func contentsOf(s *supply) (c contents, err error) {
	if c.prefix, err = grubPrefix(s.GRUB); err != nil {
		return c, err
	}
	if c.initrd, err = initrdFiles(s); err != nil {
		return c, err
	}
	c.all, err = packages(s, c.prefix)
	return c, err
}

// mediumFiles are the ISO's files, laid out as AlmaLinux's.
func mediumFiles(s *supply, c contents) ([]tree.File, error) {
	rd, err := initrd(c.initrd)
	if err != nil {
		return nil, err
	}
	second, err := stage2(c.all, c.prefix, mediumTime)
	if err != nil {
		return nil, err
	}
	a := s.Arch
	return []tree.File{
		tree.Bytes(".discinfo", fmt.Appendf(nil, "%d.000000\n%s\n%s\n", mediumTime.Unix(), Release, a.Name)),
		tree.Bytes(".treeinfo", []byte(treeInfo(s, rd, second))),
		tree.Bytes(iso.RehearsalName, []byte(readme(s))),
		tree.Bytes("images/pxeboot/vmlinuz", s.Kernel),
		tree.Bytes("images/pxeboot/initrd.img", rd),
		tree.Bytes("images/install.img", second),
		tree.Bytes("EFI/BOOT/"+a.EFIBoot, s.Shim),
		tree.Bytes("EFI/BOOT/"+a.EFIGRUB, s.GRUB),
		tree.Bytes("EFI/BOOT/grub.cfg", []byte(mediumGrub(a.Name))),
	}, nil
}

// treeInfo is the ISO's .treeinfo (productmd, "treeinfo file format 1.2").
func treeInfo(s *supply, rd, second []byte) string {
	a := s.Arch.Name
	return fmt.Sprintf(`[checksums]
images/install.img = sha256:%s
images/pxeboot/initrd.img = sha256:%s
images/pxeboot/vmlinuz = sha256:%s

[general]
arch = %s
family = AlmaLinux
name = AlmaLinux %s (imgasm rehearsal)
platforms = %s
timestamp = %d
version = %s

[header]
type = productmd.treeinfo
version = 1.2

[images-%s]
initrd = images/pxeboot/initrd.img
kernel = images/pxeboot/vmlinuz

[release]
name = AlmaLinux
short = AlmaLinux
version = %s

[stage2]
mainimage = images/install.img

[tree]
arch = %s
build_timestamp = %d
platforms = %s
`, digest.Bytes(second), digest.Bytes(rd), digest.Bytes(s.Kernel), a, Release, a, mediumTime.Unix(), Release, a, Release, a, mediumTime.Unix(), a)
}

// mediumGrub is the ISO's own boot menu. imgasm boots by its own.
func mediumGrub(arch string) string {
	return fmt.Sprintf(`set timeout=60
set default=0
search --no-floppy --set=root -l '%[1]s'
menuentry 'Install AlmaLinux %[2]s (imgasm rehearsal)' {
	linux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL=%[1]s quiet
	initrd /images/pxeboot/initrd.img
}
`, label(arch), Release)
}

func readme(s *supply) string {
	return "This is imgasm's rehearsal: an installer that is laid out and speaks as AlmaLinux's does,\n" +
		"but installs only a kernel and a few of Debian's programs. It is not AlmaLinux.\n\n" +
		"Kernel, shim and GRUB are from: " + strings.Join(s.Origin, ", ") + "\n"
}

// buildISO writes the ISO unless the cache has it. Its name tells what it is
// made of, and its contents, so that a damaged one is found out.
func buildISO(ctx context.Context, o Options, dir string, s *supply, say func(event.Event)) (*Installer, error) {
	c, err := contentsOf(s)
	if err != nil {
		return nil, err
	}
	key := contentKey(s, c)
	in := &Installer{Label: label(o.Arch.Name), Kernel: s.Release, Origin: s.Origin}
	prefix := filepath.Join(dir, "rehearsal-"+o.Arch.Name+"-"+key+"-")
	if in.ISO = cachedISO(ctx, prefix, say); in.ISO != "" {
		in.Cached = true
		taken(in.ISO, o.Now())
		return in, nil
	}
	say(event.Event{Kind: event.Note, Text: "writing the rehearsal's installer ISO"})
	files, err := mediumFiles(s, c)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	work, remove, err := tmpdir.Hidden(dir)
	if err != nil {
		return nil, err
	}
	defer remove()
	f, err := os.Create(filepath.Join(work, "iso"))
	if err != nil {
		return nil, err
	}
	err = iso.WriteInstallerTree(f, in.Label, files, mediumTime)
	if err := errors.Join(err, publish.Sync(ctx, f), f.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	taken(f.Name(), o.Now())
	sum, _, err := digest.File(ctx, f.Name())
	if err != nil {
		return nil, err
	}
	in.ISO = prefix + sum[:shortSum] + ".iso"
	if err := publish.Rename(f.Name(), in.ISO); err != nil {
		return nil, err
	}
	prune(dir, o.Arch.Name, o.Now())
	return in, nil
}

// cachedISO is the path, which begins with prefix, of an ISO whose contents are
// what its name says, or "". Damaged ones are removed.
func cachedISO(ctx context.Context, prefix string, say func(event.Event)) string {
	found, _ := filepath.Glob(prefix + "*.iso") // only a folder with *, ? or [ in its name makes it fail, and then nothing is cached
	for _, path := range found {
		if sum, _, err := digest.File(ctx, path); err == nil && path == prefix+sum[:shortSum]+".iso" {
			return path
		}
		say(event.Event{Kind: event.Note, Text: path + " is damaged and is made anew"})
		os.Remove(path)
	}
	return ""
}

// shortSum is how much of a sum is in the names of the cache: it is to find
// damage, not malice.
const shortSum = 16

// contentKey is a hash over all that the ISO is made of, before anything is
// compressed: telling that the cache has it must take no time.
func contentKey(s *supply, c contents) string {
	h := sha256.New()
	add := func(name string, data []byte) {
		fmt.Fprintf(h, "%s %d\n", name, len(data))
		h.Write(data)
	}
	add("kernel", s.Kernel)
	add("shim", s.Shim)
	add("grub", s.GRUB)
	add("texts", []byte(treeInfo(s, nil, nil)+mediumGrub(s.Arch.Name)+readme(s)))
	for _, p := range append(slices.Clone(c.all), pkg{nevra: "initrd", files: c.initrd}) {
		for _, f := range p.files {
			add(fmt.Sprintf("%s/%s %o %s %s", p.nevra, f.path, f.mode, f.link, f.medium), f.data)
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:shortSum]
}
