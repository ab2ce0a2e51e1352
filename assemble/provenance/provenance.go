// Package provenance says how an image came about, in the forms that others
// check: an in-toto Statement with SLSA provenance, and a SHA256SUMS file.
// Pure: it is given what to say.
//
// Formats: https://in-toto.io/Statement/v1 and https://slsa.dev/provenance/v1.
package provenance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/fault"
)

// Types of the statement and of its predicate.
const (
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://slsa.dev/provenance/v1"
	// BuildType names the meaning of our parameters; docs/provenance.md explains them.
	BuildType = "https://github.com/imgasm/imgasm/blob/main/docs/provenance.md#v1"
	// Builder is the builder's identity: imgasm on a machine that nobody vouches for.
	Builder = "https://github.com/imgasm/imgasm#local"
)

// Artifact is a file: an output or an input.
type Artifact struct {
	Name   string // file name, without folders
	SHA256 string // 64 lower-case hexadecimal digits
	URI    string // where an input came from; "" for a local file
	// Annotations such as {"role": "iso", "signer": "EE6D…"}; may be nil.
	Annotations map[string]string
}

// Build is what is known of a build.
type Build struct {
	Subjects []Artifact // the outputs; at least one
	// Parameters are what the user asked for (the Spec), without secrets;
	// Internal is what imgasm decided by itself. Both become JSON objects.
	Parameters any
	Internal   any
	Inputs     []Artifact        // ISO, kickstart, firmware …
	Versions   map[string]string // of the builder: "imgasm", "qemu"
	Started    time.Time         // zero: left out, as in reproducible records
	Finished   time.Time
}

type statement struct {
	Type          string       `json:"_type"`
	Subject       []descriptor `json:"subject"`
	PredicateType string       `json:"predicateType"`
	Predicate     predicate    `json:"predicate"`
}

// descriptor is a ResourceDescriptor of in-toto's attestation framework.
type descriptor struct {
	Name        string            `json:"name,omitempty"`
	URI         string            `json:"uri,omitempty"`
	Digest      map[string]string `json:"digest,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type predicate struct {
	BuildDefinition struct {
		BuildType            string       `json:"buildType"`
		ExternalParameters   any          `json:"externalParameters"`
		InternalParameters   any          `json:"internalParameters,omitempty"`
		ResolvedDependencies []descriptor `json:"resolvedDependencies,omitempty"`
	} `json:"buildDefinition"`
	RunDetails struct {
		Builder struct {
			ID      string            `json:"id"`
			Version map[string]string `json:"version,omitempty"`
		} `json:"builder"`
		Metadata metadata `json:"metadata,omitzero"`
	} `json:"runDetails"`
}

type metadata struct {
	StartedOn  time.Time `json:"startedOn,omitzero"`
	FinishedOn time.Time `json:"finishedOn,omitzero"`
}

// Statement is the JSON text of the in-toto Statement, one line end at its
// end; the same bytes for the same build. It refuses a build that leaves out
// what the formats demand.
func Statement(b Build) ([]byte, error) {
	if len(b.Subjects) == 0 {
		return nil, errors.New("provenance: names no output")
	}
	var s statement
	s.Type, s.PredicateType = StatementType, PredicateType
	var err error
	if s.Subject, err = descriptors(b.Subjects); err != nil {
		return nil, err
	}
	def := &s.Predicate.BuildDefinition
	def.BuildType = BuildType
	if def.ResolvedDependencies, err = descriptors(b.Inputs); err != nil {
		return nil, err
	}
	if def.ExternalParameters, err = object("parameters", b.Parameters); err != nil {
		return nil, err
	}
	if b.Internal != nil {
		if def.InternalParameters, err = object("internal parameters", b.Internal); err != nil {
			return nil, err
		}
	}
	run := &s.Predicate.RunDetails
	run.Builder.ID, run.Builder.Version = Builder, b.Versions
	run.Metadata = metadata{b.Started.UTC().Truncate(time.Second), b.Finished.UTC().Truncate(time.Second)}
	return encode(s)
}

// object makes sure that v is a JSON object; nil becomes an empty one.
func object(what string, v any) (any, error) {
	if v == nil {
		return struct{}{}, nil
	}
	b, err := encode(v)
	if err != nil {
		return nil, fmt.Errorf("provenance: %s: %w", what, err)
	}
	if b[0] != '{' {
		return nil, fmt.Errorf("provenance: %s are not a JSON object", what)
	}
	return json.RawMessage(b), nil
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}

func descriptors(list []Artifact) ([]descriptor, error) {
	var out []descriptor
	for _, a := range list {
		if err := check(a); err != nil {
			return nil, fmt.Errorf("provenance: %w", err)
		}
		out = append(out, descriptor{Name: a.Name, URI: a.URI, Digest: map[string]string{"sha256": a.SHA256}, Annotations: maps.Clone(a.Annotations)})
	}
	return out, nil
}

func check(a Artifact) error {
	if a.Name == "" && a.URI == "" {
		return errors.New("a file has neither name nor URI")
	}
	if !digest.Is(a.SHA256) {
		return fmt.Errorf("%s%s: %q is not a SHA-256", a.Name, a.URI, a.SHA256)
	}
	return nil
}

// IsStatement reports whether a text is a Statement of ours.
func IsStatement(text []byte) bool {
	var s statement
	return json.Unmarshal(text, &s) == nil && s.Type == StatementType && s.Predicate.BuildDefinition.BuildType == BuildType
}

// ErrChecksums is wrapped where a file is no list of SHA-256 sums.
var ErrChecksums = fault.Class(fault.Input, "not a list of SHA-256 sums as sha256sum makes it")

// AddSHA256SUMS adds files to the text of a SHA256SUMS file, which may be empty:
// the lines of files of these names are replaced, all others stay as they are.
func AddSHA256SUMS(old []byte, files []Artifact) ([]byte, error) {
	added, err := SHA256SUMS(files)
	if err != nil {
		return nil, err
	}
	fresh := map[string]bool{}
	for _, f := range files {
		fresh[f.Name] = true
	}
	var out bytes.Buffer
	for line := range strings.Lines(string(old)) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if strings.TrimSpace(line) != "" && line[0] != '#' {
			name, ok := sumName(line)
			if !ok {
				return nil, fmt.Errorf("%w: %.80q", ErrChecksums, line)
			}
			if fresh[name] {
				continue
			}
		}
		out.WriteString(line + "\n")
	}
	out.Write(added)
	return out.Bytes(), nil
}

// sumName is the file that a line of sha256sum names: "HEX  NAME", or "HEX *NAME",
// after a backslash if the name is escaped.
func sumName(line string) (string, bool) {
	rest, escaped := strings.CutPrefix(line, `\`)
	if len(rest) < 67 || strings.Trim(rest[:64], "0123456789abcdefABCDEF") != "" || rest[64] != ' ' || rest[65] != ' ' && rest[65] != '*' {
		return "", false
	}
	name := rest[66:]
	if escaped {
		name = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r").Replace(name)
	}
	return name, true
}

// ParseSHA256SUMS are the files that a SHA256SUMS file lists. The error is ErrChecksums.
func ParseSHA256SUMS(text []byte) (files []Artifact, err error) {
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		name, ok := sumName(line)
		if !ok {
			return nil, fmt.Errorf("%w: %.80q", ErrChecksums, line)
		}
		files = append(files, Artifact{Name: name, SHA256: strings.ToLower(strings.TrimPrefix(line, `\`)[:64])})
	}
	return files, nil
}

// SHA256SUMS is the text that `sha256sum --check` reads, sorted by name. Names
// with a backslash or a line end are escaped as GNU's sha256sum does.
func SHA256SUMS(files []Artifact) ([]byte, error) {
	sorted := slices.SortedFunc(slices.Values(files), func(a, b Artifact) int { return strings.Compare(a.Name, b.Name) })
	var out bytes.Buffer
	for i, a := range sorted {
		if err := check(a); err != nil {
			return nil, fmt.Errorf("checksums: %w", err)
		}
		if a.Name == "" {
			return nil, fmt.Errorf("checksums: %s has no file name", a.URI)
		}
		if i > 0 && sorted[i-1].Name == a.Name {
			return nil, fmt.Errorf("checksums: two files are called %s", a.Name)
		}
		escaped := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`).Replace(a.Name)
		if escaped != a.Name {
			out.WriteByte('\\')
		}
		fmt.Fprintf(&out, "%s  %s\n", a.SHA256, escaped)
	}
	return out.Bytes(), nil
}
