package sbom

import (
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/url"
	"regexp"
	"slices"

	"github.com/imgasm/imgasm/internal/derive"
)

// What is written of SPDX 2.3 (spdx.github.io/spdx-spec/v2.3).
type (
	spdxDocument struct {
		Version       string             `json:"spdxVersion"`
		DataLicense   string             `json:"dataLicense"`
		ID            string             `json:"SPDXID"`
		Name          string             `json:"name"`
		Namespace     string             `json:"documentNamespace"`
		Comment       string             `json:"comment,omitempty"`
		Creation      spdxCreation       `json:"creationInfo"`
		Packages      []spdxPackage      `json:"packages"`
		Licenses      []spdxLicense      `json:"hasExtractedLicensingInfos,omitempty"`
		Relationships []spdxRelationship `json:"relationships"`
	}
	spdxCreation struct {
		Created  string   `json:"created"`
		Creators []string `json:"creators"`
	}
	spdxPackage struct {
		ID            string          `json:"SPDXID"`
		Name          string          `json:"name"`
		Version       string          `json:"versionInfo,omitempty"`
		Supplier      string          `json:"supplier,omitempty"`
		Location      string          `json:"downloadLocation"`
		FilesAnalyzed bool            `json:"filesAnalyzed"`
		Checksums     []spdxChecksum  `json:"checksums,omitempty"`
		Homepage      string          `json:"homepage,omitempty"`
		SourceInfo    string          `json:"sourceInfo,omitempty"`
		Concluded     string          `json:"licenseConcluded"`
		Declared      string          `json:"licenseDeclared"`
		Copyright     string          `json:"copyrightText"`
		Summary       string          `json:"summary,omitempty"`
		References    []spdxReference `json:"externalRefs,omitempty"`
		Purpose       string          `json:"primaryPackagePurpose,omitempty"`
	}
	spdxChecksum struct {
		Algorithm string `json:"algorithm"`
		Value     string `json:"checksumValue"`
	}
	spdxReference struct {
		Category string `json:"referenceCategory"`
		Type     string `json:"referenceType"`
		Locator  string `json:"referenceLocator"`
	}
	spdxLicense struct {
		ID   string `json:"licenseId"`
		Text string `json:"extractedText"`
		Name string `json:"name"`
	}
	spdxRelationship struct {
		From string `json:"spdxElementId"`
		Type string `json:"relationshipType"`
		To   string `json:"relatedSpdxElement"`
	}
)

const (
	spdxSelf    = "SPDXRef-DOCUMENT"
	spdxImage   = "SPDXRef-Image"
	spdxSystem  = "SPDXRef-OperatingSystem"
	noAssertion = "NOASSERTION"
)

// SPDX writes the document as SPDX 2.3 JSON. Errors are ErrDocument, or w's.
func SPDX(w io.Writer, d Document) error {
	if err := d.check(); err != nil {
		return err
	}
	doc := spdxDocument{
		Version: "SPDX-2.3", DataLicense: "CC0-1.0", ID: spdxSelf, Name: d.Image.Name,
		Creation: spdxCreation{d.created(), []string{"Tool: " + d.Tool.Name + "-" + d.Tool.Version}},
	}
	if d.Unknown != "" {
		doc.Comment = "The packages are not known: " + d.Unknown
	}
	add := func(parent, relation string, p spdxPackage) {
		p.Location, p.Concluded, p.Copyright = noAssertion, noAssertion, noAssertion
		doc.Packages = append(doc.Packages, p)
		doc.Relationships = append(doc.Relationships, spdxRelationship{parent, relation, p.ID})
	}
	add(spdxSelf, "DESCRIBES", spdxPackage{
		ID: spdxImage, Name: d.Image.Name, Purpose: "FILE", Declared: noAssertion, Checksums: []spdxChecksum{{"SHA256", d.Image.SHA256}},
	})
	top := spdxImage
	if d.OS.ID != "" {
		add(spdxImage, "CONTAINS", spdxOS(d.OS))
		top = spdxSystem
	}
	found := licenses{}
	d.once(func(p Package, purl string) { add(top, "CONTAINS", spdxOf(p, purl, found)) })
	for _, id := range slices.Sorted(maps.Keys(found)) {
		doc.Licenses = append(doc.Licenses, spdxLicense{id, found[id], id})
	}
	return write(w, &doc, func(seed string) {
		doc.Namespace = "https://github.com/imgasm/imgasm/spdx/" + url.PathEscape(d.Image.Name) + "-" + derive.UUID(seed, "SPDX")
	})
}

func spdxOS(system OS) spdxPackage {
	p := spdxPackage{
		ID: spdxSystem, Name: system.ID, Version: system.VersionID, Purpose: "OPERATING_SYSTEM", Declared: noAssertion,
		Summary: system.PrettyName, Homepage: website(system.HomeURL),
	}
	if name := cpe(system.CPEName); name != "" {
		p.References = []spdxReference{{"SECURITY", "cpe22Type", name}}
	}
	return p
}

func spdxOf(p Package, purl string, found licenses) spdxPackage {
	s := spdxPackage{
		ID:   fmt.Sprintf("SPDXRef-Package-%s-%s-%.8x", unfit.ReplaceAllString(p.Type, "-"), unfit.ReplaceAllString(p.Name, "-"), sha256.Sum256([]byte(purl))),
		Name: p.Name, Version: p.version(), Supplier: noAssertion, Homepage: website(p.URL), Declared: found.declared(p.License),
		Summary: p.Summary, References: []spdxReference{{"PACKAGE-MANAGER", "purl", purl}},
	}
	if p.Supplier != "" {
		s.Supplier = "Organization: " + p.Supplier
	}
	if p.Source != "" {
		s.SourceInfo = "built from " + p.Source
	}
	return s
}

// unfit is what no identifier of SPDX has.
var unfit = regexp.MustCompile(`[^A-Za-z0-9.-]+`)
