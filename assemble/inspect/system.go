// This file says what system a disk holds.

package inspect

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/imgasm/imgasm/assemble/rpmdb"
)

// System is what a disk's files say of the system on it.
type System struct {
	// OS is /etc/os-release: ID, VERSION_ID, PRETTY_NAME and others. nil if there is none.
	OS       map[string]string `json:"os,omitempty"`
	Hostname string            `json:"hostname,omitempty"`

	Kernels     []Kernel     `json:"kernels,omitempty"`
	BootEntries []BootEntry  `json:"bootEntries,omitempty"`
	BootConfig  []string     `json:"bootConfig,omitempty"` // paths: of GRUB's grub.cfg and grubenv, systemd-boot's loader.conf
	Loaders     []Loader     `json:"loaders,omitempty"`
	Fstab       []FstabEntry `json:"fstab,omitempty"`
	Users       []User       `json:"users,omitempty"`
	// Left is what an image that many machines start from should not have.
	Left []Leftover `json:"leftBehind,omitempty"`
	// PackageManager is "rpm", "dpkg" or "nix"; "" if there is nothing of any of them.
	PackageManager string    `json:"packageManager,omitempty"`
	Packages       []Package `json:"packages,omitempty"` // by name
	// PackagesErr is why Packages are not all that is installed; Unread has it too.
	PackagesErr error `json:"-"`
	// Unread is what could not be read, and why.
	Unread []string `json:"unread,omitempty"`

	image *Image
	tree  *Tree
	disk  string // its name in that system, as rootDisk has it

	rpms []rpmdb.Package // with what Packages has not
}

// Look reads what the tree of an image, as its Tree has joined it, says of its system.
// What cannot be read is told in Unread.
func (m *Image) Look(t *Tree) *System {
	s := &System{image: m, tree: t, disk: rootDisk(t.Fstab), Fstab: t.Fstab}
	s.release()
	if lines := s.lines("etc/hostname"); len(lines) > 0 {
		s.Hostname = strings.TrimSpace(lines[0])
	}
	s.kernels()
	s.bootEntries()
	s.loaders()
	s.images()
	s.users()
	s.left()
	s.packages()
	return s
}

// Release is /etc/os-release of a tree of the image's, as Look has it: nil if there
// is none that can be read.
func (m *Image) Release(t *Tree) map[string]string {
	s := &System{image: m, tree: t}
	s.release()
	return s.OS
}

// Name is what people call the system, of what os-release(5) has; "" if that is
// nothing.
func (s *System) Name() string {
	if name := s.OS["PRETTY_NAME"]; name != "" {
		return name
	}
	return strings.TrimSpace(cmp.Or(s.OS["NAME"], s.OS["ID"]) + " " + s.OS["VERSION_ID"])
}

func (s *System) release() {
	for _, name := range []string{"etc/os-release", "usr/lib/os-release", nixosEtc + "/os-release"} {
		for _, line := range s.lines(name) {
			key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
			if !ok || strings.HasPrefix(key, "#") {
				continue
			}
			if s.OS == nil {
				s.OS = map[string]string{}
			}
			if plain, err := strconv.Unquote(value); err == nil {
				value = plain
			}
			s.OS[key] = strings.Trim(value, `'`)
		}
		if s.OS != nil {
			return
		}
	}
}

// unread notes an error, unless it is that something does not exist.
func (s *System) unread(err error) {
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.Unread = append(s.Unread, err.Error())
	}
}

// maxText is the largest file of settings that is read, in bytes: /etc/passwd
// of ten thousand users has less.
const maxText = 1 << 20

// text reads a regular file of at most limit bytes.
func text(fsys fs.FS, name string, limit int64) (string, error) {
	in, err := fs.Stat(fsys, name)
	switch {
	case err != nil:
		return "", err
	case !in.Mode().IsRegular():
		return "", &fs.PathError{Op: "read", Path: name, Err: errors.New("is no regular file")}
	case in.Size() > limit:
		return "", &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("%d bytes are more than such a file has", in.Size())}
	}
	b, err := fs.ReadFile(fsys, name)
	return string(b), err
}

// lines are those of a small text file, none if it does not exist.
func (s *System) lines(name string) []string { return s.linesOf(name, maxText) }

func (s *System) linesOf(name string, limit int64) []string {
	t, err := text(s.tree, name, limit)
	s.unread(err)
	var all []string
	for line := range strings.Lines(t) {
		all = append(all, strings.TrimRight(line, "\r\n"))
	}
	return all
}

// names are those in a directory, in order; none if it does not exist.
func (s *System) names(dir string) []string {
	list, err := s.tree.ReadDir(dir)
	s.unread(err)
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// exists reports whether a path leads to a file that matters: one with bytes,
// or a directory.
func (s *System) exists(name string) bool {
	in, err := s.tree.Stat(name)
	s.unread(err)
	return err == nil && (in.IsDir() || in.Size() > 0)
}

// file is what stands at a path of the system, as fs.FS has it.
func file(absolute string) string {
	if name := strings.TrimPrefix(path.Clean("/"+absolute), "/"); name != "" {
		return name
	}
	return "."
}
