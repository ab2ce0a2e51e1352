// Package lock is imgasm.lock: what the inputs of a build were, so that a
// later build can demand the same ones. Data and comparison only; who builds
// fetches the inputs by what stands here.
package lock

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// FileName is the usual name, beside the kickstart.
const FileName = "imgasm.lock"

// format is the version of the file's layout. A reader refuses others.
const format = 1

// A lock is a few KiB; anything larger is not one.
const maxBytes = 4 << 20

// File is a whole imgasm.lock: one entry for each build that uses it, by name.
type File struct {
	Format int              `json:"imgasmLock"`
	Builds map[string]Build `json:"builds"`
}

// Build is what one build was made from.
type Build struct {
	// Inputs by role, such as "iso", "kickstart", "firmware-code",
	// "firmware-vars". A role that has several files numbers them: "post-1".
	Inputs map[string]Input `json:"inputs"`
	// Tools by name: the versions of "imgasm" and "qemu".
	Tools map[string]string `json:"tools"`
	// Settings that are part of what is built but not a file, such as "arch"
	// or "disk-size".
	Settings map[string]string `json:"settings,omitempty"`
}

// Input is one file. Its hash decides whether it is the same; the rest says
// where to get it and who vouched for it.
type Input struct {
	Name      string     `json:"name,omitempty"`
	URL       string     `json:"url,omitempty"`
	SHA256    string     `json:"sha256"` // 64 lower-case hexadecimal digits
	SizeBytes int64      `json:"size,omitempty"`
	Signature *Signature `json:"signature,omitempty"`
}

// Signature is who signed an input's hash.
type Signature struct {
	Fingerprint string    `json:"fingerprint"`
	UserID      string    `json:"userID,omitempty"`
	Created     time.Time `json:"created"`
}

// Difference is one thing that is not as it was locked. An empty side means
// that it was not there.
type Difference struct {
	What        string `json:"what"` // "input iso", "tool qemu", "setting arch"
	Locked, Now string
}

func (d Difference) String() string {
	switch {
	case d.Locked == "":
		return fmt.Sprintf("%s: %s now, not in the lock", d.What, d.Now)
	case d.Now == "":
		return fmt.Sprintf("%s: %s in the lock, not there now", d.What, d.Locked)
	}
	return fmt.Sprintf("%s: locked %s, now %s", d.What, d.Locked, d.Now)
}

// The classes of errors, for errors.Is.
var (
	// ErrNoBuild: a lock says nothing of a build.
	ErrNoBuild = fault.Class(fault.Input, "the lock has no such build")
	// ErrMismatch: a build is not what the lock demands. The text lists the differences.
	ErrMismatch = fault.Class(fault.Input, "the build is not the one that was locked")
)

// Demand is ErrMismatch if now differs from what was locked as the build name
// in the lock at path.
func Demand(path, name string, locked, now Build) error {
	differences := Compare(locked, now)
	if len(differences) == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "build %s differs from %s:", name, path)
	for _, d := range differences {
		b.WriteString("\n  " + d.String())
	}
	return &fault.Error{Class: ErrMismatch, Err: errors.New(b.String()),
		Do: "if the change is meant, write the lock again: run the same command with {Lock} in place of {Locked}"}
}

// Read reads and checks a lock. A missing file is fs.ErrNotExist.
func Read(path string) (*File, error) {
	b, err := smallfile.ReadAgain(context.Background(), path, maxBytes)
	if err != nil {
		return nil, err
	}
	l, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

// Parse reads a lock's text. Unknown fields are errors: they would be demands
// that go unheard.
func Parse(b []byte) (*File, error) {
	if len(b) > maxBytes {
		return nil, fmt.Errorf("more than %d bytes", maxBytes)
	}
	// The format first, so that a newer lock is called that.
	var head struct {
		Format int `json:"imgasmLock"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, fmt.Errorf("not a lock: %w", err)
	}
	if head.Format != format {
		return nil, fmt.Errorf("lock of format %d; this imgasm reads format %d", head.Format, format)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var l File
	if err := d.Decode(&l); err != nil {
		return nil, fmt.Errorf("not a lock: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(l.Builds)) {
		for _, role := range slices.Sorted(maps.Keys(l.Builds[name].Inputs)) {
			if sum := l.Builds[name].Inputs[role].SHA256; !digest.Is(sum) {
				return nil, fmt.Errorf("build %s, input %s: %q is not a SHA-256", name, role, sum)
			}
		}
	}
	return &l, nil
}

// Format is the text of a lock: the same bytes for the same content.
func Format(l *File) ([]byte, error) {
	out := File{Format: format, Builds: l.Builds}
	if out.Builds == nil {
		out.Builds = map[string]Build{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(out); err != nil { // maps are written sorted
		return nil, err
	}
	return b.Bytes(), nil
}

// Add returns the text of the lock at path, which may be missing, with one more
// build beside those of other names. Others may do the same: who writes it back
// holds the file's folder meanwhile (publish.LockFolders).
func Add(path, name string, build Build) ([]byte, error) {
	l, err := Read(path)
	if errors.Is(err, os.ErrNotExist) {
		l, err = &File{}, nil
	}
	if err != nil {
		return nil, err
	}
	if l.Builds == nil {
		l.Builds = map[string]Build{}
	}
	l.Builds[name] = build
	b, err := Format(l)
	if err != nil {
		return nil, err
	}
	if _, err := Parse(b); err != nil {
		return nil, fmt.Errorf("lock of %s: %w", name, err)
	}
	return b, nil
}

// Build returns the named build; ErrNoBuild if there is none.
func (l *File) Build(name string) (Build, error) {
	b, ok := l.Builds[name]
	if !ok {
		return Build{}, &fault.Error{Class: ErrNoBuild, Err: fmt.Errorf("build %s: %w", name, ErrNoBuild), Do: "write it with {Lock}"}
	}
	return b, nil
}

// Compare lists how now differs from what was locked, sorted; nothing if the
// build may go on. Inputs are the same if their hashes are: an ISO may come
// from another mirror.
func Compare(locked, now Build) []Difference {
	var out []Difference
	both(locked.Inputs, now.Inputs, func(role string, l, n Input) {
		if l.SHA256 == n.SHA256 {
			return
		}
		out = append(out, Difference{"input " + role, describe(l), describe(n)})
	})
	words := func(kind string, locked, now map[string]string) {
		both(locked, now, func(name, l, n string) {
			if l != n {
				out = append(out, Difference{kind + " " + name, l, n})
			}
		})
	}
	words("setting", locked.Settings, now.Settings)
	words("tool", locked.Tools, now.Tools)
	return out
}

func describe(i Input) string {
	if i.SHA256 == "" {
		return ""
	}
	s := "sha256:" + i.SHA256
	if i.Name != "" {
		s = i.Name + " " + s
	}
	return s
}

// both calls visit for every key of either map, in order.
func both[V any](a, b map[string]V, visit func(key string, a, b V)) {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	for _, k := range slices.Compact(keys) {
		visit(k, a[k], b[k])
	}
}
