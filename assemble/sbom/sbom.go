// Package sbom writes bills of materials of operating system images: the image,
// the system in it, and that system's packages, as CycloneDX 1.6 or SPDX 2.3
// JSON. Equal documents give equal bytes.
package sbom

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"time"

	"github.com/imgasm/imgasm/assemble/rpmdb"
	"github.com/imgasm/imgasm/internal/fault"
)

// ErrDocument says that a Document lacks what every bill of materials must say.
var ErrDocument = fault.Class(fault.Input, "incomplete bill of materials")

// Document is what a bill of materials says. Texts may be anything: they are
// those of strangers.
type Document struct {
	Image Image
	OS    OS
	// Packages are listed in this order; of equal ones (by PURL) the first.
	Packages []Package
	// Unknown says why the packages are not known, where they are not.
	Unknown string
	// Created is when the document was made, to the second. It is needed: take a
	// date that does not change for a document that shall not.
	Created time.Time
	// Tool made the document.
	Tool Tool
}

// Image is the file that is described. Both are needed.
type Image struct {
	Name   string // without folders
	SHA256 string // in hex
}

// Tool is a program by name and version.
type Tool struct{ Name, Version string }

// OS is what the image's os-release says (os-release(5)); zero if it has none.
type OS struct {
	ID         string // "almalinux"
	VersionID  string // "10.0"
	PrettyName string // "AlmaLinux 10.0 (Purple Lion)"
	CPEName    string // "cpe:/o:almalinux:almalinux:10::baseos"
	HomeURL    string
}

// Package is an installed package.
type Package struct {
	// Type is that of package URLs: "rpm", "deb", "nix".
	Type string
	Name string
	// Version is VERSION-RELEASE of an rpm, and all of the version of a deb.
	Version string
	// Epoch is an rpm's; 0 for none.
	Epoch uint32
	Arch  string
	// License is what the package declares: an SPDX expression, or other text.
	License  string
	Supplier string
	Summary  string
	URL      string
	// Source is the source package: the file's name of an rpm, the name of a deb.
	Source string
	// Module is the one that an rpm belongs to: NAME:STREAM:VERSION:CONTEXT.
	Module string
	// HeaderSHA256 is the digest of an rpm's header, in hex.
	HeaderSHA256 string
}

// RPM are packages of an RPM database. Keys, which RPM keeps among them, are
// left out.
func RPM(list []rpmdb.Package) []Package {
	var all []Package
	for _, p := range list {
		if p.IsKey() {
			continue
		}
		all = append(all, Package{
			Type: "rpm", Name: p.Name, Version: p.Version + "-" + p.Release, Epoch: p.Epoch, Arch: p.Arch,
			License: p.License, Supplier: p.Vendor, Summary: p.Summary, URL: p.URL, Source: p.SourceRPM,
			Module: p.Modularity, HeaderSHA256: p.HeaderSHA256,
		})
	}
	return all
}

// version is the package's as its package manager shows it.
func (p Package) version() string {
	if p.Epoch != 0 {
		return fmt.Sprintf("%d:%s", p.Epoch, p.Version)
	}
	return p.Version
}

// check says what is missing.
func (d *Document) check() error {
	sum, err := hex.DecodeString(d.Image.SHA256)
	switch {
	case d.Image.Name == "":
		return fmt.Errorf("%w: no Image.Name", ErrDocument)
	case err != nil || len(sum) != sha256.Size:
		return fmt.Errorf("%w: Image.SHA256 %q is no SHA-256 in hex", ErrDocument, d.Image.SHA256)
	case d.Created.IsZero():
		return fmt.Errorf("%w: no Created", ErrDocument)
	}
	return nil
}

// created is Created as both formats have it.
func (d *Document) created() string { return d.Created.UTC().Format("2006-01-02T15:04:05Z") }

// once are the packages, of equal ones the first.
func (d *Document) once(each func(p Package, purl string)) {
	seen := map[string]bool{}
	for _, p := range d.Packages {
		purl := p.PURL(d.OS)
		if !seen[purl] {
			each(p, purl)
		}
		seen[purl] = true
	}
}

// write writes a document whose identity is derived from all else that it says.
func write(w io.Writer, doc any, identify func(seed string)) error {
	text, err := encode(doc)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	identify(hex.EncodeToString(sum[:]))
	if text, err = encode(doc); err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

func encode(doc any) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(doc)
	return text.Bytes(), err
}

// website is an address if it is one, of the web.
func website(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !hostname.MatchString(u.Host) {
		return ""
	}
	return u.String()
}

// hostname matches "example.org:8080".
var hostname = regexp.MustCompile(`^[A-Za-z0-9.-]+(:[0-9]+)?$`)

// cpe is a CPE name in the form of a URI, as os-release has it, if it is one:
// "cpe:/o:almalinux:almalinux:10::baseos".
func cpe(name string) string {
	if cpeURI.MatchString(name) {
		return name
	}
	return ""
}

var cpeURI = regexp.MustCompile(`^cpe:/[aho](:[A-Za-z0-9._~%-]*){1,6}$`)
