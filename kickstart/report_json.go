// Findings for programs: JSON, and SARIF for code scanning services.

package kickstart

import (
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// WriteJSON writes findings as an array of objects with the fields of Finding:
// severity, rule, file, line, column, end_column, text, meaning, hint and
// excerpt. No findings are an empty array. Secrets are redacted; columns are
// those of the file.
func WriteJSON(w io.Writer, findings []Finding) error {
	out := make([]Finding, 0, len(findings))
	for _, f := range findings {
		column, end := f.Column, f.EndColumn
		f = f.redacted()
		f.Column, f.EndColumn = column, end
		out = append(out, f)
	}
	return writeJSON(w, out)
}

// WriteSARIF writes findings as a log in the Static Analysis Results Interchange
// Format 2.1.0 (OASIS). version is that of the program, or empty. Secrets are
// redacted; columns are those of the file.
func WriteSARIF(w io.Writer, findings []Finding, version string) error {
	type object map[string]any
	index := map[string]int{}
	described, results := []object{}, []object{}
	var names []string
	for _, f := range findings {
		names = append(names, f.Rule)
	}
	slices.Sort(names)
	for i, name := range slices.Compact(names) {
		summary, level := name, Warning
		if r := rules[name]; r != nil {
			summary, level = r.Summary, r.Severity
		}
		index[name] = i
		described = append(described, object{
			"id":                   name,
			"shortDescription":     object{"text": summary},
			"defaultConfiguration": object{"level": level},
		})
	}
	for _, f := range findings {
		region := object{"startLine": f.Line, "startColumn": f.Column, "endColumn": f.EndColumn}
		f = f.redacted()
		if f.Excerpt != "" {
			region["snippet"] = object{"text": f.Excerpt}
		}
		text := f.Text
		for _, more := range []string{f.Meaning, f.Hint} {
			if more != "" {
				text += "; " + more
			}
		}
		results = append(results, object{
			"ruleId":    f.Rule,
			"ruleIndex": index[f.Rule],
			"level":     f.Severity,
			"message":   object{"text": text},
			"locations": []object{{"physicalLocation": object{
				"artifactLocation": object{"uri": fileURI(f.File)},
				"region":           region,
			}}},
		})
	}
	driver := object{"name": "imgasm kickstart lint", "rules": described}
	if version != "" {
		driver["version"] = version
	}
	return writeJSON(w, object{
		"$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		"version": "2.1.0",
		"runs":    []object{{"tool": object{"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}},
	})
}

func writeJSON(w io.Writer, value any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(value)
}

// fileURI makes a URI reference of a file's name: relative stays relative.
func fileURI(name string) string {
	if strings.Contains(name, "://") {
		return name // an included file from the network
	}
	u := url.URL{Path: filepath.ToSlash(name)}
	if filepath.IsAbs(name) {
		u.Scheme = "file"
		if !strings.HasPrefix(u.Path, "/") {
			u.Path = "/" + u.Path // C:/x
		}
	}
	return u.String()
}
