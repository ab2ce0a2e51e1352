// This file lists what is installed.

package inspect

import (
	"errors"
	"io/fs"
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
	}{{"rpm", s.rpmPackages}, {"dpkg", s.dpkgPackages}} {
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
