// This file lists what is installed.

package inspect

import (
	"cmp"
	"errors"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/imgasm/imgasm/assemble/rpmdb"
)

// Package is an installed package.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"` // "1:2.3-4.el10"; no epoch of 0
	Arch    string `json:"arch,omitempty"`
	Bytes   int64  `json:"bytes,omitempty"` // of its files
}

// packages reads the first database of packages that there is.
func (s *System) packages() {
	for _, m := range []struct {
		name string
		list func() ([]Package, error)
	}{{"rpm", s.rpmPackages}, {"dpkg", s.dpkgPackages}, {"nix", s.nixPackages}} {
		list, err := m.list()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		s.unread(err)
		s.PackageManager, s.Packages, s.PackagesErr = m.name, list, err
		return
	}
}

func (s *System) rpmPackages() (all []Package, err error) {
	s.rpms, err = rpmdb.List(s.tree)
	for _, p := range s.rpms {
		if p.IsKey() {
			continue
		}
		version := p.Version + "-" + p.Release
		if p.Epoch > 0 {
			version = strconv.FormatUint(uint64(p.Epoch), 10) + ":" + version
		}
		all = append(all, Package{p.Name, version, p.Arch, int64(min(p.Size, 1<<62))})
	}
	return all, err
}

var (
	// "rbai883gsrhdj7yb050ar0lnpr26a29j-glibc-2.40-66-bin": a name ends before the
	// first digit behind a dash, as Nix itself has it (builtins.parseDrvName)
	storeName = regexp.MustCompile(`^[0-9a-z]{32}-(.+?)-([0-9].*)$`)
	// outputs of nixpkgs' packages besides "out"
	storeOutput = regexp.MustCompile(`-(bin|lib|dev|man|doc|info|data|debug)$`)
)

// nixPackages are the store paths that have a version: settings, units, scripts and
// the like have none. Outputs of one package count once.
func (s *System) nixPackages() (all []Package, err error) {
	entries, err := s.tree.ReadDir("nix/store")
	for _, e := range entries {
		if m := storeName.FindStringSubmatch(e.Name()); m != nil {
			all = append(all, Package{Name: m[1], Version: storeOutput.ReplaceAllString(m[2], "")})
		}
	}
	slices.SortFunc(all, func(a, b Package) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version)) })
	return slices.Compact(all), err
}

// maxStatus is the largest status file that is read, in bytes. 10,000 packages
// take 10 MiB.
const maxStatus = 64 << 20

// dpkgPackages reads dpkg's status file: paragraphs of "Field: value" (Debian
// Policy, chapter 5), of which only what is installed counts.
func (s *System) dpkgPackages() ([]Package, error) {
	status, err := text(s.tree, "var/lib/dpkg/status", maxStatus)
	if err != nil {
		return nil, err
	}
	var all []Package
	var p Package
	installed := false
	for line := range strings.Lines(status + "\n\n") {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			if p.Name != "" && installed {
				all = append(all, p)
			}
			p, installed = Package{}, false
			continue
		}
		key, value, _ := strings.Cut(line, ":")
		switch value = strings.TrimSpace(value); key {
		case "Package":
			p.Name = value
		case "Version":
			p.Version = value
		case "Architecture":
			p.Arch = value
		case "Installed-Size":
			kib, _ := strconv.ParseInt(value, 10, 40)
			p.Bytes = kib << 10
		case "Status":
			installed = strings.HasSuffix(value, " installed")
		}
	}
	slices.SortFunc(all, func(a, b Package) int { return strings.Compare(a.Name+"\x00"+a.Arch, b.Name+"\x00"+b.Arch) })
	return all, nil
}
