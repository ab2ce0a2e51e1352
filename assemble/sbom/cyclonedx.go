package sbom

import (
	"io"

	"github.com/imgasm/imgasm/internal/derive"
)

// What is written of CycloneDX 1.6 (cyclonedx.org/docs/1.6/json).
type (
	cdxDocument struct {
		Schema       string           `json:"$schema"`
		Format       string           `json:"bomFormat"`
		SpecVersion  string           `json:"specVersion"`
		SerialNumber string           `json:"serialNumber,omitempty"`
		Version      int              `json:"version"`
		Metadata     cdxMetadata      `json:"metadata"`
		Components   []cdxComponent   `json:"components"`
		Dependencies []cdxDependency  `json:"dependencies"`
		Compositions []cdxComposition `json:"compositions,omitempty"`
	}
	cdxMetadata struct {
		Timestamp  string        `json:"timestamp"`
		Tools      cdxTools      `json:"tools"`
		Component  cdxComponent  `json:"component"`
		Properties []cdxProperty `json:"properties,omitempty"`
	}
	cdxTools struct {
		Components []cdxComponent `json:"components"`
	}
	cdxComponent struct {
		Ref         string         `json:"bom-ref,omitempty"`
		Type        string         `json:"type"`
		Supplier    *cdxSupplier   `json:"supplier,omitempty"`
		Name        string         `json:"name"`
		Version     string         `json:"version,omitempty"`
		Description string         `json:"description,omitempty"`
		Hashes      []cdxHash      `json:"hashes,omitempty"`
		Licenses    []cdxLicense   `json:"licenses,omitempty"`
		CPE         string         `json:"cpe,omitempty"`
		PURL        string         `json:"purl,omitempty"`
		References  []cdxReference `json:"externalReferences,omitempty"`
		Properties  []cdxProperty  `json:"properties,omitempty"`
	}
	cdxSupplier struct {
		Name string `json:"name"`
	}
	cdxHash struct {
		Alg     string `json:"alg"`
		Content string `json:"content"`
	}
	// cdxLicense is an expression, or a named licence.
	cdxLicense struct {
		Expression      string    `json:"expression,omitempty"`
		Acknowledgement string    `json:"acknowledgement,omitempty"` // of the expression
		License         *cdxNamed `json:"license,omitempty"`
	}
	cdxNamed struct {
		Name            string `json:"name"`
		Acknowledgement string `json:"acknowledgement"`
	}
	cdxReference struct {
		Type string `json:"type"`
		URL  string `json:"url"`
	}
	cdxProperty struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	cdxDependency struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn,omitempty"`
	}
	cdxComposition struct {
		Aggregate  string   `json:"aggregate"`
		Assemblies []string `json:"assemblies"`
	}
)

const cdxImage, cdxSystem = "image", "os"

// CycloneDX writes the document as CycloneDX 1.6 JSON. Errors are ErrDocument,
// or w's.
func CycloneDX(w io.Writer, d Document) error {
	if err := d.check(); err != nil {
		return err
	}
	doc := cdxDocument{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata: cdxMetadata{
			Timestamp: d.created(),
			Tools:     cdxTools{[]cdxComponent{{Type: "application", Name: d.Tool.Name, Version: d.Tool.Version}}},
			Component: cdxComponent{Ref: cdxImage, Type: "file", Name: d.Image.Name, Hashes: []cdxHash{{"SHA-256", d.Image.SHA256}}},
		},
		Components: []cdxComponent{},
	}
	top := cdxDependency{Ref: cdxImage}
	if d.OS.ID != "" {
		doc.Components = append(doc.Components, cdxOS(d.OS))
		doc.Dependencies = append(doc.Dependencies, cdxDependency{cdxImage, []string{cdxSystem}})
		top.Ref = cdxSystem
	}
	d.once(func(p Package, purl string) {
		doc.Components = append(doc.Components, cdxPackage(p, purl))
		top.DependsOn = append(top.DependsOn, purl)
	})
	doc.Dependencies = append(doc.Dependencies, top)
	if d.Unknown != "" {
		doc.Compositions = []cdxComposition{{"unknown", []string{top.Ref}}}
		doc.Metadata.Properties = []cdxProperty{{"imgasm:packages", d.Unknown}}
	}
	return write(w, &doc, func(seed string) { doc.SerialNumber = "urn:uuid:" + derive.UUID(seed, "CycloneDX") })
}

func cdxOS(system OS) cdxComponent {
	return cdxComponent{
		Ref: cdxSystem, Type: "operating-system", Name: system.ID, Version: system.VersionID, Description: system.PrettyName,
		CPE: cpe(system.CPEName), References: cdxWebsite(system.HomeURL),
	}
}

func cdxPackage(p Package, purl string) cdxComponent {
	c := cdxComponent{
		Ref: purl, Type: "library", Name: p.Name, Version: p.version(), Description: p.Summary, PURL: purl, References: cdxWebsite(p.URL),
	}
	if p.Supplier != "" {
		c.Supplier = &cdxSupplier{p.Supplier}
	}
	if e, ok := expression(p.License); ok {
		c.Licenses = []cdxLicense{{Expression: e, Acknowledgement: "declared"}}
	} else if p.License != "" {
		c.Licenses = []cdxLicense{{License: &cdxNamed{p.License, "declared"}}}
	}
	for _, property := range []cdxProperty{{"imgasm:rpm:module", p.Module}, {"imgasm:rpm:headerSHA256", p.HeaderSHA256}} {
		if property.Value != "" {
			c.Properties = append(c.Properties, property)
		}
	}
	return c
}

func cdxWebsite(address string) []cdxReference {
	if address = website(address); address == "" {
		return nil
	}
	return []cdxReference{{"website", address}}
}
