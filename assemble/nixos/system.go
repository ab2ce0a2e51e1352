// What system the disk holds, and where it shows itself: read from the disk.

package nixos

import (
	"cmp"
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/inspect"
)

// System is what the disk of an image says of its system.
type System struct {
	Title    string   // of its last boot entry: "NixOS"
	Release  string   // "26.05.20260601.abcdef"; "": not known
	Toplevel string   // "/nix/store/…-nixos-system-…"; "": not known
	Consoles []string // of its kernel: "tty0", "ttyS0"
	Paths    []string // the names in its store
}

// name is what people call the system.
func (s System) name() string { return strings.TrimSpace(s.Title + " " + s.Release) }

// logins say who may log in, as far as that is known: users are made at the first boot.
func (s System) logins() []string {
	if slices.ContainsFunc(s.Paths, func(name string) bool { return strings.Contains(name, "-cloud-init-") }) {
		return []string{"root, by the ssh key of the machine's seed (cloud-init; imgasm run seeds a key of its own)"}
	}
	return nil
}

// look reads the disk of a job.
func look(j *assemble.Job) (System, error) {
	f, err := j.Folder.Open(assemble.DiskFile)
	if err != nil {
		return System{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return System{}, err
	}
	image, err := inspect.Open(f, info.Size())
	if err != nil {
		return System{}, err
	}
	var s System
	for i := range image.Volumes {
		if fsys := image.Volumes[i].FS(); fsys != nil {
			s.readEntries(fsys)
		}
	}
	store := "nix/store"
	if s.Toplevel != "" {
		store = strings.TrimPrefix(path.Dir(s.Toplevel), "/")
	}
	for i := range image.Volumes {
		fsys := image.Volumes[i].FS()
		if fsys == nil {
			continue
		}
		if entries, err := fs.ReadDir(fsys, store); err == nil {
			for _, e := range entries {
				if storePath.MatchString(e.Name()) {
					s.Paths = append(s.Paths, e.Name())
				}
			}
		}
	}
	if s.Consoles == nil {
		return s, errors.New("no boot entry of systemd-boot's or GRUB's names a console")
	}
	return s, nil
}

var (
	// "rbai883gsrhdj7yb050ar0lnpr26a29j-kernel"
	storePath = regexp.MustCompile(`^[0-9a-z]{32}-`)
	// "…-nixos-system-nixos-26.05.20260601.abcdef": the machine's name may be anything
	release = regexp.MustCompile(`-nixos-system-.*-([0-9]{2}\.[0-9]{2}[^-]*)$`)
	// "init=/nix/store/rbai883gsrhdj7yb050ar0lnpr26a29j-nixos-system-nixos-26.05/init"
	initOf = regexp.MustCompile(`^init=(/[^\x00-\x20]*/[0-9a-z]{32}-[^/]+)/init$`)
)

// maxEntry is the largest file with boot entries that is read, in bytes; maxEntries
// how many are.
const (
	maxEntry   = 1 << 20
	maxEntries = 100
)

// grubConfigs are where NixOS has GRUB's configuration: on its root, or on an EFI
// system partition that is /boot.
var grubConfigs = []string{"boot/grub/grub.cfg", "grub/grub.cfg"}

// readEntries reads the boot entries of a file system: systemd-boot's (Boot Loader
// Specification, type 1), and the lines of GRUB's that load a kernel.
func (s *System) readEntries(fsys fs.FS) {
	names, _ := fs.Glob(fsys, "loader/entries/*.conf") // the pattern is well-formed
	for _, name := range append(names[max(0, len(names)-maxEntries):], grubConfigs...) {
		info, err := fs.Stat(fsys, name)
		if err != nil || !info.Mode().IsRegular() || info.Size() > maxEntry {
			continue
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			s.readLine(strings.TrimSpace(line), strings.HasSuffix(name, ".conf"))
		}
	}
}

func (s *System) readLine(line string, systemdBoot bool) {
	key, value, _ := strings.Cut(line, " ")
	switch {
	case systemdBoot && key == "title":
		s.Title = strings.TrimSpace(value)
	case systemdBoot && key == "options", !systemdBoot && key == "linux":
		for _, o := range strings.Fields(value) {
			if m := initOf.FindStringSubmatch(o); m != nil {
				s.Toplevel = m[1]
			}
			if m := release.FindStringSubmatch(s.Toplevel); m != nil {
				s.Title, s.Release = cmp.Or(s.Title, "NixOS"), m[1]
			}
			if c, ok := strings.CutPrefix(o, "console="); ok {
				c, _, _ = strings.Cut(c, ",")
				if !slices.Contains(s.Consoles, c) {
					s.Consoles = append(s.Consoles, c)
				}
			}
		}
	}
}
