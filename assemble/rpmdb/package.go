package rpmdb

import (
	"cmp"
	"strings"
	"time"
)

// Package is an installed package, as its header describes it. What the header
// lacks is zero. Texts are as their packager wrote them, and may be anything.
type Package struct {
	Name    string
	Epoch   uint32 // 0 also for none, which RPM takes for the same
	Version string
	Release string
	Arch    string // "x86_64", "noarch"; "" of a key

	Summary   string
	License   string
	Vendor    string
	URL       string
	SourceRPM string // the file's name of the source package: "bash-5.2.26-6.el10.src.rpm"
	// Modularity is the module that the package comes from: "nodejs:20:…".
	Modularity string
	// Size is that of the installed files in bytes.
	Size        uint64
	BuildTime   time.Time
	InstallTime time.Time
	// HeaderSHA256 is the digest of the header that the package was published
	// with, in hex: it tells builds of the same name apart.
	HeaderSHA256 string
}

// String is what rpm -qa prints: NAME-VERSION-RELEASE.ARCH.
func (p Package) String() string {
	s := p.Name + "-" + p.Version + "-" + p.Release
	if p.Arch != "" {
		s += "." + p.Arch
	}
	return s
}

// IsKey reports whether this is no software but a key that packages are checked
// with, which RPM keeps, and rpm -qa shows, as a package.
func (p Package) IsKey() bool { return p.Name == "gpg-pubkey" }

// Compare orders by name, then by what CompareVersions says, then by
// architecture.
func Compare(a, b Package) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), CompareVersions(a, b), strings.Compare(a.Arch, b.Arch))
}

// CompareVersions is negative where a is older than b, by epoch, version and
// release, as RPM sees it.
func CompareVersions(a, b Package) int {
	return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), compareVersions(a.Version, b.Version), compareVersions(a.Release, b.Release))
}

func parse(blob []byte) (Package, error) {
	h, err := readHeader(blob)
	if err != nil {
		return Package{}, err
	}
	p := Package{
		Name: h.text(tagName), Epoch: uint32(h.number(tagEpoch)), Version: h.text(tagVersion), Release: h.text(tagRelease), Arch: h.text(tagArch),
		Summary: h.text(tagSummary), License: h.text(tagLicense), Vendor: h.text(tagVendor), URL: h.text(tagURL), SourceRPM: h.text(tagSourceRPM),
		Modularity: h.text(tagModularityLabel), Size: h.number(tagLongSize),
		BuildTime: h.time(tagBuildTime), InstallTime: h.time(tagInstallTime), HeaderSHA256: h.text(tagSHA256Header),
	}
	if p.Size == 0 { // the long size is there only from 4 GiB on
		p.Size = h.number(tagSize)
	}
	if h.err == nil && (p.Name == "" || p.Version == "" || p.Release == "") {
		return p, corrupt("no name, version or release")
	}
	return p, h.err
}

// textSize is how many bytes p's texts take.
func (p Package) textSize() int {
	n := 0
	for _, s := range []string{p.Name, p.Version, p.Release, p.Arch, p.Summary, p.License, p.Vendor, p.URL, p.SourceRPM, p.Modularity, p.HeaderSHA256} {
		n += len(s)
	}
	return n
}
