package sbom

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
)

// ErrFormat says that there is no such format of bills of materials.
var ErrFormat = fault.Class(fault.Input, "unknown format of a bill of materials")

// Format is one of bills of materials.
type Format struct {
	Name   string // "cyclonedx"
	Ending string // of its files, by which tools know it: ".cdx.json"
	Write  func(io.Writer, Document) error
}

// Formats lists all formats.
func Formats() []Format {
	return []Format{{"cyclonedx", ".cdx.json", CycloneDX}, {"spdx", ".spdx.json", SPDX}}
}

// FormatOf is the format of a name; else the error is ErrFormat, with advice.
func FormatOf(name string) (Format, error) {
	return find(fmt.Sprintf("%q", name), func(f Format) (known string, fits bool) { return f.Name, f.Name == name })
}

// FormatOfFile is the format by the ending of a file's name; else the error is
// ErrFormat, with advice.
func FormatOfFile(path string) (Format, error) {
	return find(fmt.Sprintf("%s has another ending", path), func(f Format) (known string, fits bool) {
		return "FILE" + f.Ending, strings.HasSuffix(path, f.Ending)
	})
}

func find(what string, is func(Format) (known string, fits bool)) (Format, error) {
	var all []string
	for _, f := range Formats() {
		known, fits := is(f)
		if fits {
			return f, nil
		}
		all = append(all, known)
	}
	return Format{}, &fault.Error{
		Class: ErrFormat, Err: fmt.Errorf("%w: %s", ErrFormat, what), Do: "such as {SBOM} " + strings.Join(all, " or "),
	}
}

// MadeBy reports whether a document of either format says that a tool of that
// name made it.
func MadeBy(text []byte, tool string) bool {
	var d struct {
		Metadata cdxMetadata  `json:"metadata"`
		Creation spdxCreation `json:"creationInfo"`
	}
	return json.Unmarshal(text, &d) == nil &&
		(slices.ContainsFunc(d.Metadata.Tools.Components, func(c cdxComponent) bool { return c.Name == tool }) ||
			slices.ContainsFunc(d.Creation.Creators, func(c string) bool { return strings.HasPrefix(c, "Tool: "+tool+"-") }))
}
