package sbom_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/rpmdb"
	"github.com/imgasm/imgasm/assemble/sbom"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/golden"
)

// document has everything, and texts that strangers might write.
func document() sbom.Document {
	return sbom.Document{
		Image: sbom.Image{Name: "alma 10.qcow2", SHA256: strings.Repeat("0123456789abcdef", 4)},
		OS: sbom.OS{
			ID: "almalinux", VersionID: "10.0", PrettyName: "AlmaLinux 10.0 (Purple Lion)",
			CPEName: "cpe:/o:almalinux:almalinux:10::baseos", HomeURL: "https://almalinux.org/",
		},
		Packages: append(sbom.RPM([]rpmdb.Package{
			{
				Name: "bash", Version: "5.2.26", Release: "6.el10", Arch: "x86_64", License: "GPL-3.0-or-later", Vendor: "AlmaLinux",
				Summary: "The GNU <Bourne> Again shell", URL: "https://www.gnu.org/software/bash", SourceRPM: "bash-5.2.26-6.el10.src.rpm",
				HeaderSHA256: strings.Repeat("ab", 32),
			},
			{Name: "gpg-pubkey", Version: "c2a1e572", Release: "668fe8ef", License: "pubkey"},
			{Name: "libstdc++", Version: "14.2.1", Release: "7.el10", Arch: "x86_64", License: "gpl-3.0-or-later WITH GCC-exception-3.1 AND LicenseRef-Fedora-Public-Domain", Vendor: "AlmaLinux"},
			{Name: "nodejs", Epoch: 1, Version: "20.1.0~rc1^2", Release: "1.module_el9", Arch: "x86_64", License: "MIT and ASL 2.0", Modularity: "nodejs:20:9040020240301:rhel9"},
			{Name: "odd/name@1?\"\x01\n\xff", Version: "ü", Release: "1", License: "DocumentRef-x:LicenseRef-y", Vendor: "\x7f", URL: "javascript:alert(1)"},
			{Name: "odd/name@1?\"\x01\n\xff", Version: "ü", Release: "1"},
		}), sbom.Package{
			Type: "deb", Name: "libc6", Version: "2:2.36-9+deb12u9", Arch: "amd64", Source: "glibc", URL: "http://[::1",
		}),
		Created: time.Date(2025, 6, 1, 12, 0, 0, 999, time.FixedZone("", 7200)),
		Tool:    sbom.Tool{Name: "imgasm", Version: "1.2.3"},
	}
}

// bare is of an image in which nothing was found.
func bare() sbom.Document {
	d := document()
	d.OS, d.Packages, d.Unknown = sbom.OS{}, nil, "no RPM database in usr/lib/sysimage/rpm or var/lib/rpm"
	return d
}

var formats = map[string]func(io.Writer, sbom.Document) error{"cdx": sbom.CycloneDX, "spdx": sbom.SPDX}

func written(t *testing.T, format string, d sbom.Document) []byte {
	t.Helper()
	var text bytes.Buffer
	if err := formats[format](&text, d); err != nil {
		t.Fatal(err)
	}
	if !json.Valid(text.Bytes()) {
		t.Error("not JSON")
	}
	return text.Bytes()
}

func TestGolden(t *testing.T) {
	for format := range formats {
		golden.Check(t, "full."+format+".json", written(t, format, document()))
		golden.Check(t, "bare."+format+".json", written(t, format, bare()))
	}
}

// Equal documents are equal bytes; any difference is another identity.
func TestIdentity(t *testing.T) {
	for format, field := range map[string]string{"cdx": "serialNumber", "spdx": "documentNamespace"} {
		identity := func(change func(*sbom.Document)) string {
			d := document()
			change(&d)
			var doc map[string]any
			if err := json.Unmarshal(written(t, format, d), &doc); err != nil {
				t.Fatal(err)
			}
			return doc[field].(string)
		}
		seen := map[string]bool{identity(func(*sbom.Document) {}): true}
		for name, change := range map[string]func(*sbom.Document){
			"image":   func(d *sbom.Document) { d.Image.SHA256 = strings.Repeat("0", 64) },
			"date":    func(d *sbom.Document) { d.Created = d.Created.Add(time.Second) },
			"package": func(d *sbom.Document) { d.Packages[0].License = "MIT" },
			"system":  func(d *sbom.Document) { d.OS.VersionID = "10.1" },
		} {
			id := identity(change)
			if seen[id] {
				t.Errorf("%s: another %s has the same %s %s", format, name, field, id)
			}
			seen[id] = true
		}
	}
}

func TestIncomplete(t *testing.T) {
	for want, change := range map[string]func(*sbom.Document){
		"Image.Name":   func(d *sbom.Document) { d.Image.Name = "" },
		"Image.SHA256": func(d *sbom.Document) { d.Image.SHA256 = "0123" },
		"Created":      func(d *sbom.Document) { d.Created = time.Time{} },
	} {
		for format, write := range formats {
			d := document()
			change(&d)
			var text bytes.Buffer
			if err := write(&text, d); !errors.Is(err, sbom.ErrDocument) || !strings.Contains(err.Error(), want) || text.Len() > 0 {
				t.Errorf("%s without %s: %v, %q", format, want, err, text.Bytes())
			}
		}
	}
}

// FuzzLicense holds that what a package declares, whatever it is, makes a document.
func FuzzLicense(f *testing.F) {
	for _, text := range []string{"MIT AND (GPL-2.0+ OR LicenseRef-x)", "GPL-2.0-only WITH Linux-syscall-note", "GPLv3+ and MIT", "((", "DocumentRef-a:LicenseRef-b", "LicenseRef-"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, write := range formats {
			d := document()
			d.Packages[0].License = text
			if err := write(io.Discard, d); err != nil {
				t.Error(err)
			}
		}
	})
}

// The package URLs are those that the specification shows for RPM and Debian
// packages, and those that need every rule.
func TestPURL(t *testing.T) {
	for _, test := range []struct {
		p    sbom.Package
		os   sbom.OS
		want string
	}{
		{sbom.Package{Type: "rpm", Name: "curl", Version: "7.50.3-1.fc25", Arch: "i386"}, sbom.OS{ID: "Fedora", VersionID: "25"}, "pkg:rpm/fedora/curl@7.50.3-1.fc25?arch=i386&distro=Fedora-25"},
		{sbom.Package{Type: "rpm", Name: "centerim", Version: "4.22.10-1.el6", Arch: "i686", Epoch: 1}, sbom.OS{}, "pkg:rpm/centerim@4.22.10-1.el6?arch=i686&epoch=1"},
		{sbom.Package{Type: "deb", Name: "attr", Version: "1:2.4.47-2", Arch: "amd64", Source: "attr"}, sbom.OS{ID: "debian"}, "pkg:deb/debian/attr@1:2.4.47-2?arch=amd64&distro=debian&upstream=attr"},
		{sbom.Package{Type: "rpm", Name: "libstdc++", Version: "1~rc1^2-3"}, sbom.OS{}, "pkg:rpm/libstdc%2B%2B@1~rc1%5E2-3"},
		{sbom.Package{Type: "rpm", Name: "a/b@c?d#e f%ü"}, sbom.OS{}, "pkg:rpm/a%2Fb%40c%3Fd%23e%20f%25%C3%BC"},
	} {
		if got := test.p.PURL(test.os); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
}

func TestFormats(t *testing.T) {
	for _, f := range sbom.Formats() {
		byName, err := sbom.FormatOf(f.Name)
		if err != nil || byName.Ending != f.Ending {
			t.Errorf("%s: %v, %v", f.Name, byName, err)
		}
		byFile, err := sbom.FormatOfFile("a/b.qcow2" + f.Ending)
		if err != nil || byFile.Name != f.Name {
			t.Errorf("%s: %v, %v", f.Ending, byFile, err)
		}
		var text bytes.Buffer
		if err := f.Write(&text, document()); err != nil {
			t.Fatal(err)
		}
		if !sbom.MadeBy(text.Bytes(), "imgasm") || sbom.MadeBy(text.Bytes(), "img") || sbom.MadeBy([]byte("{}"), "") {
			t.Errorf("%s: who made it is not told", f.Name)
		}
	}
	for _, err := range []error{second(sbom.FormatOf("swid")), second(sbom.FormatOfFile("bom.json"))} {
		if !errors.Is(err, sbom.ErrFormat) || !strings.Contains(fault.Hint(err, nil), "spdx") {
			t.Errorf("%v, hint %q", err, fault.Hint(err, nil))
		}
	}
}

func second(_ sbom.Format, err error) error { return err }
