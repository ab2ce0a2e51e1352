// Package nixdisk makes a raw disk of a NixOS system without running anything of
// it: no virtual machine, no root, no code of the system's architecture. It
// takes the system's closure, from any store that Nix reads, and writes what
// NixOS's installer would leave: a GPT, an EFI system partition with
// systemd-boot, and an ext4 root with the store, its registration, the system
// profile and what the first boot expects.
//
// What the disk is like the system itself says: its boot.json (bootspec,
// NixOS RFC 125), its /etc/fstab, and the script by which it would install its
// boot loader. What only the system's own programs could do is refused, by name:
// see [ErrUnsupported].
//
// The bytes depend on the closure and [Config] alone, and on which of its files
// the local store keeps as one: these are hard links on the disk too.
package nixdisk

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/ext4"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/derive"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/size"
	"github.com/imgasm/imgasm/nixglue"
)

var (
	// ErrSystem: the store path is no NixOS system, or contradicts itself.
	ErrSystem = fault.Class(fault.Input, "not a NixOS system")
	// ErrUnsupported: it is one that cannot be put on a disk in this way.
	ErrUnsupported = fault.Class(fault.Input, "a NixOS system that a virtual machine must install")
	// ErrArch: the system is of another architecture than was asked for.
	ErrArch = fault.Class(fault.Input, "another architecture")
	// ErrSize: the disk, or its EFI system partition, is too small.
	ErrSize = fault.Class(fault.Input, "too small a disk")
)

// DefaultESPBytes is a size of the EFI system partition that has room for the
// kernels and initrds of several generations.
const DefaultESPBytes = 512 << 20

// Config says what to put on a disk. Toplevel alone is needed.
type Config struct {
	Nix      nixglue.Nix // whose Store has the closure
	Toplevel string      // the system: "/nix/store/…-nixos-system-…", config.system.build.toplevel
	Arch     string      // "x86_64" or "aarch64": what it must be; "": either

	// SizeBytes is the size of the disk, rounded up to a whole MiB; 0: as the
	// closure needs. A root that shall have FreeBytes free asks the store how
	// many files there are: of a closure that is not on this machine all is read twice.
	SizeBytes int64
	FreeBytes int64 // what the root has free if SizeBytes is 0; 0: 1 GiB
	ESPBytes  int64 // of the EFI system partition, rounded up to a whole MiB; 0: DefaultESPBytes

	// Verify compares the hashes of what this machine's store has, too. Nix itself
	// does not when it uses it; without it, the sizes of archives are compared. What
	// comes from elsewhere is verified in any case. It costs half as much CPU again.
	Verify bool

	// Seed is what identifiers are derived from that the system does not name;
	// "": Toplevel. Disks of one machine need different ones.
	Seed string
	// Time is of all files outside of the store; zero: derived from Seed.
	Time time.Time
	// Progress is told of bytes of the closure that are written; nil: nobody is.
	Progress func(done, total int64)
}

// System is a NixOS system that can be put on a disk.
type System struct {
	Toplevel  string
	Arch      string   // "x86_64", "aarch64"
	Label     string   // what it calls itself: "NixOS Yarara 25.11 (Linux 6.12.50)"
	Paths     int      // of its closure
	NarBytes  int64    // of all archives of the closure, somewhat more than its files
	RootLabel string   // of the root's file system
	ESPPoint  string   // where the EFI system partition is mounted: "/boot"
	Entries   []string // titles of the boot menu; the first is the default

	c       Config
	arch    arch.Arch
	store   string // the folder of the closure: "/nix/store"
	closure []nixglue.PathInfo
	root    volume
	esp     volume
	loader  loader
	systems []bootable // the system, and its specialisations by name
}

// "/nix/store/rbai883gsrhdj7yb050ar0lnpr26a29j-nixos-system-…"
var storePath = regexp.MustCompile(`^/(?:[^/\x00-\x20\x7f]+/)+[0-9a-df-np-sv-z]{32}-[0-9a-zA-Z+._?=-]{1,211}$`)

// Check finds out all that is known of a system before a byte is written. The
// error is ErrSystem, ErrUnsupported, ErrArch, ErrSize, or one of nixglue's.
func Check(ctx context.Context, c Config) (*System, error) {
	s := &System{Toplevel: c.Toplevel, store: path.Dir(c.Toplevel), c: c}
	if err := s.configure(); err != nil {
		return nil, err
	}
	var err error
	if s.closure, err = c.Nix.PathInfo(ctx, true, c.Toplevel); err != nil {
		return nil, err
	}
	if pathOf(s.closure, c.Toplevel) < 0 {
		return nil, broken("nix tells no closure of %s", c.Toplevel)
	}
	s.Paths = len(s.closure)
	for _, p := range s.closure {
		s.NarBytes += p.NarSize
		switch {
		case path.Dir(p.Path) != s.store || !storePath.MatchString(p.Path) || p.NarSize < 0:
			return nil, broken("%q is no path of the store %s", p.Path, s.store)
		case strings.HasSuffix(p.Path, ".drv"):
			return nil, refuse("system.includeBuildDependencies = false;", "its closure has derivations, such as %s", p.Path)
		}
	}
	f := &files{ctx: ctx, nix: c.Nix, closure: s.closure, nodes: map[string]file{}}
	for _, step := range []func(*files) error{s.readBootspec, s.readLoader, s.readFstab} {
		if err := step(f); err != nil {
			return nil, err
		}
	}
	for _, b := range s.systems {
		s.Entries = append(s.Entries, s.loader.title(b))
	}
	return s, nil
}

// configure fills what Config leaves out.
func (s *System) configure() error {
	c := &s.c
	if !storePath.MatchString(c.Toplevel) {
		return &fault.Error{Class: ErrSystem, Field: "Toplevel", Err: fmt.Errorf("%q is no store path", c.Toplevel),
			Do: "its path is what this prints: nix build --print-out-paths FLAKE#nixosConfigurations.NAME.config.system.build.toplevel"}
	}
	if err := c.CheckSizes(); err != nil {
		return err
	}
	c.FreeBytes = cmp.Or(c.FreeBytes, 1<<30)
	c.ESPBytes = wholeMiB(cmp.Or(c.ESPBytes, DefaultESPBytes))
	c.SizeBytes = wholeMiB(c.SizeBytes)
	c.Seed = cmp.Or(c.Seed, c.Toplevel)
	if c.Time.IsZero() {
		c.Time = derive.Date(c.Seed)
	}
	c.Time = c.Time.UTC().Truncate(time.Second)
	return nil
}

// CheckSizes is the part of [Check] that needs no store: whether a disk can have
// the sizes. The error is ErrSize, and names the field.
func (c Config) CheckSizes() error {
	const mostESP = 2<<40 - 1<<20 // FAT32 numbers its sectors with 32 bits
	for _, s := range []struct {
		field             string
		size, least, most int64
	}{
		{"SizeBytes", c.SizeBytes, cmp.Or(c.ESPBytes, DefaultESPBytes) + ext4.MinSizeBytes + 2*disk.Alignment, ext4.MaxSizeBytes},
		{"FreeBytes", c.FreeBytes, 1, ext4.MaxSizeBytes},
		{"ESPBytes", c.ESPBytes, disk.MinFAT32Bytes, mostESP},
	} {
		if s.size != 0 && (s.size < s.least || s.size > s.most) {
			return &fault.Error{Class: ErrSize, Field: s.field, Err: fmt.Errorf("%s: it takes from %s to %s", size.Text(s.size), size.Text(s.least), size.Text(s.most))}
		}
	}
	return nil
}

func wholeMiB(n int64) int64 { return (n + 1<<20 - 1) &^ (1<<20 - 1) }

// broken is a system that is none.
func broken(format string, args ...any) error {
	return &fault.Error{Class: ErrSystem, Err: fmt.Errorf(format, args...)}
}

// refuse is a system that is not for this package; do is what to change in its
// configuration, "" for nothing.
func refuse(do, format string, args ...any) error {
	if do != "" {
		do = "in the system's configuration: " + do + "\n"
	}
	return &fault.Error{Class: ErrUnsupported, Err: fmt.Errorf(format, args...),
		Do: do + "or have a virtual machine of the system's architecture install it: config.system.build.images, make-disk-image.nix"}
}

// loaders are boot loaders and what installs them, a store path's name.
var loaders = []struct{ name, option, installer string }{
	{"GRUB", "grub", "-install-grub.sh"},
	{"GRUB", "grub", "-install-grub.pl"},
	{"limine", "limine", "-limine-install.py"},
	{"rEFInd", "refind", "-refind-install.py"},
	{"extlinux", "generic-extlinux-compatible", "-extlinux-conf-builder.sh"},
}

// otherLoader is the boot loader that the closure installs, as an error.
func (s *System) otherLoader() error {
	for _, l := range loaders {
		if slices.ContainsFunc(s.closure, func(p nixglue.PathInfo) bool { return strings.HasSuffix(p.Path, l.installer) }) {
			return refuse("boot.loader."+l.option+".enable = false; boot.loader.systemd-boot.enable = true;", "its boot loader is %s, not systemd-boot", l.name)
		}
	}
	return refuse("boot.loader.systemd-boot.enable = true;", "its boot loader is not systemd-boot")
}
