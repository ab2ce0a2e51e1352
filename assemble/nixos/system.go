// What system the disk holds, and where it shows itself: read from the disk.

package nixos

import (
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
	Title    string   // of its newest boot entry: "NixOS"
	Release  string   // "26.05.20260601.abcdef"; "": not known
	Toplevel string   // "/nix/store/…-nixos-system-…"; "": not known
	Consoles []string // of its kernel: "tty0", "ttyS0"
	Paths    []string // the names in its store
}

// name is what people call the system.
func (s System) name() string { return strings.TrimSpace(s.Title + " " + s.Release) }

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
		return s, errors.New("no boot entry of systemd-boot's names a console")
	}
	return s, nil
}

var (
	// "rbai883gsrhdj7yb050ar0lnpr26a29j-kernel"
	storePath = regexp.MustCompile(`^[0-9a-z]{32}-`)
	// "Generation 1 NixOS Yarara 26.05.20260601.abcdef (Linux 6.18), built on 2026-06-01",
	// and in NixOS 26.11 "NixOS 26.11.20261101.abcdef (Zokor), Linux 6.18.2"
	release = regexp.MustCompile(`NixOS (?:[A-Z][a-z]+ )?([0-9][^ ,;)]*)`)
	// "init=/nix/store/rbai883gsrhdj7yb050ar0lnpr26a29j-nixos-system-nixos-26.05/init"
	initOf = regexp.MustCompile(`^init=(/[^\x00-\x20]*/[0-9a-z]{32}-[^/]+)/init$`)
)

// maxEntry is the largest boot entry that is read, in bytes; maxEntries how many are.
const (
	maxEntry   = 64 << 10
	maxEntries = 100
)

// readEntries reads the entries of systemd-boot on an EFI system partition (Boot
// Loader Specification, type 1).
func (s *System) readEntries(fsys fs.FS) {
	names, err := fs.ReadDir(fsys, "loader/entries")
	if err != nil {
		return
	}
	for _, e := range names[max(0, len(names)-maxEntries):] {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() > maxEntry || !strings.HasSuffix(e.Name(), ".conf") {
			continue
		}
		text, err := fs.ReadFile(fsys, path.Join("loader/entries", e.Name()))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			s.readLine(strings.TrimSpace(line))
		}
	}
}

func (s *System) readLine(line string) {
	key, value, _ := strings.Cut(line, " ")
	value = strings.TrimSpace(value)
	switch key {
	case "title":
		s.Title = value
	case "version":
		if m := release.FindStringSubmatch(value); m != nil {
			s.Release = m[1]
		}
	case "options":
		for _, o := range strings.Fields(value) {
			if m := initOf.FindStringSubmatch(o); m != nil {
				s.Toplevel = m[1]
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
