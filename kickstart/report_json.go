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
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

// The part of the Static Analysis Results Interchange Format 2.1.0 (OASIS) that
// findings need; the numbers are sections of its specification.
type (
	sarifLog struct { // 3.13
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct { // 3.14
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct { // 3.18
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct { // 3.19
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct { // 3.49
		ID      string       `json:"id"`
		Summary sarifMessage `json:"shortDescription"`
		Default sarifDefault `json:"defaultConfiguration"`
	}
	sarifDefault struct { // 3.50
		Level string `json:"level"`
	}
	sarifMessage struct { // 3.11
		Text string `json:"text"`
	}
	sarifResult struct { // 3.27
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct { // 3.28
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct { // 3.29
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct { // 3.4
		URI string `json:"uri"`
	}
	sarifRegion struct { // 3.30
		StartLine   int           `json:"startLine"`
		StartColumn int           `json:"startColumn"`
		EndColumn   int           `json:"endColumn"`
		Snippet     *sarifMessage `json:"snippet,omitempty"`
	}
)

// WriteSARIF writes findings as a SARIF 2.1.0 log. version is that of the
// program, or empty. Secrets are redacted; columns are those of the file.
func WriteSARIF(w io.Writer, findings []Finding, version string) error {
	index := map[string]int{}
	driver := sarifDriver{Name: "imgasm kickstart lint", Version: version, Rules: []sarifRule{}}
	var names []string
	for _, f := range findings {
		names = append(names, f.Rule)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		rule := sarifRule{ID: name, Summary: sarifMessage{name}, Default: sarifDefault{string(Warning)}}
		if r := rules[name]; r != nil {
			rule.Summary.Text, rule.Default.Level = r.Summary, string(r.Severity)
		}
		index[name] = len(driver.Rules)
		driver.Rules = append(driver.Rules, rule)
	}
	run := sarifRun{Tool: sarifTool{driver}, ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	for _, f := range findings {
		region := sarifRegion{StartLine: f.Line, StartColumn: f.Column, EndColumn: f.EndColumn}
		f = f.redacted()
		if f.Excerpt != "" {
			region.Snippet = &sarifMessage{f.Excerpt}
		}
		text := f.Text
		for _, more := range []string{f.Meaning, f.Hint} {
			if more != "" {
				text += "; " + more
			}
		}
		run.Results = append(run.Results, sarifResult{
			RuleID: f.Rule, RuleIndex: index[f.Rule], Level: string(f.Severity), Message: sarifMessage{text},
			Locations: []sarifLocation{{sarifPhysical{sarifArtifact{fileURI(f.File)}, region}}},
		})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(sarifLog{
		Schema:  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		Version: "2.1.0", Runs: []sarifRun{run},
	})
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
