// Package firmware finds the UEFI firmware that QEMU needs: pairs of a code
// image and a template of its variable store that belong together. It reads
// QEMU's own descriptors (docs/interop/firmware.json), then a table of known
// places, and it takes firmware out of RPM packages.
//
// What a file is, is decided by its content, never by its name: raw or qcow2,
// code or variables, the processor, the size of the build, and whether Secure
// Boot keys are enrolled.
package firmware

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
)

// Format is how a firmware image is stored: QEMU's name of the block driver.
type Format string

// The formats that firmware comes in.
const (
	Raw   Format = "raw"
	Qcow2 Format = "qcow2"
)

// File is one flash image.
type File struct {
	Path   string `json:"path"`
	Format Format `json:"format"`
	// SizeBytes is the size that the guest sees: the file's own for raw, the
	// virtual size for qcow2.
	SizeBytes int64 `json:"size"`
}

// Pair is a firmware for one architecture: code, and the template of its variables.
type Pair struct {
	Arch string `json:"arch"`
	Code File   `json:"code"`
	// Vars is a template, never to be written: see Prepare. Its Path is empty
	// where the firmware starts well on a blank variable store (aarch64 only).
	Vars File `json:"vars"`
	// SecureBoot says that the firmware checks signatures from the first start:
	// keys are enrolled in Vars and Code honours them.
	SecureBoot bool `json:"secureBoot"`
	// SMM says that Code runs only with -machine smm=on and
	// -global driver=cfi.pflash01,property=secure,value=on.
	SMM bool `json:"smm"`
	// Source says how the pair was found: a descriptor's path, a variable's
	// name, the name of a known place, "given".
	Source      string `json:"source"`
	Description string `json:"description,omitempty"`
}

// String is one line for a person.
func (p Pair) String() string {
	s := p.Code.Path
	if p.Vars.Path != "" {
		s += " with " + p.Vars.Path
	}
	if p.SecureBoot {
		s += ", Secure Boot"
	}
	return fmt.Sprintf("%s (%s)", s, p.Source)
}

// Query says what is looked for, and where. The zero value of every field but
// Arch works.
type Query struct {
	// Arch is "x86_64" or "aarch64".
	Arch string
	// SecureBoot asks for a firmware that enforces signatures with Microsoft's
	// keys. Without it, one that does not enforce them is found.
	SecureBoot bool
	// Explicit is "CODE" or "CODE:VARS", and then nothing else is looked at.
	// With CODE alone, the variables are sought beside it.
	Explicit string
	// Getenv looks up an environment variable, nil if there is none. Read are
	// QEMU_FIRMWARE_X86_64 and QEMU_FIRMWARE_AARCH64 ("CODE" or "CODE:VARS"),
	// QEMU_FIRMWARE (the same, for either), QEMU_EFI_X86_64 and
	// QEMU_EFI_AARCH64 (older name), HOME, XDG_CONFIG_HOME and XDG_DATA_DIRS.
	Getenv func(string) string
	// Binary is the path of the QEMU that will run; the data folder of its own
	// installation is looked at too. Empty: not looked at.
	Binary string
	// Root is put before every absolute path that is looked at, so that another
	// system's tree (an unpacked package, a test's) can be searched. Explicit
	// and overriding paths are taken as they are.
	Root string
	// Trees are folders that packages were unpacked into (see Extract), each
	// searched as a system of its own after everything else.
	Trees []string

	arch arch.Arch // Arch's
}

// ready checks what must be given.
func (q Query) ready() (Query, error) {
	var err error
	if q.arch, err = arch.Parse(q.Arch); err != nil {
		err = &fault.Error{Class: ErrUnfit, Field: "Arch", Err: err}
	}
	return q, err
}

func (q Query) getenv(name string) string {
	if q.Getenv == nil {
		return ""
	}
	return q.Getenv(name)
}

// Find returns the first pair that fits: Explicit, else an overriding
// variable, else the first fitting descriptor, else the first fitting known
// place. It only reads. Its error is ErrNotFound, or, where the user named a
// file, ErrUnfit.
func Find(ctx context.Context, q Query) (*Pair, error) {
	q, err := q.ready()
	if err != nil {
		return nil, err
	}
	if q.Explicit != "" {
		return pairFromNames(q, q.Explicit, "given")
	}
	for _, name := range overrideNames(q.arch) {
		if v := q.getenv(name); v != "" {
			return pairFromNames(q, v, name)
		}
	}
	s := search{query: q}
	found := s.all(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(found) > 0 {
		return &found[0], nil
	}
	return nil, NotFound(q.Arch, q.SecureBoot, s.looked)
}

// List returns every usable pair for q.Arch, in the order in which Find
// considers them, and every place that was looked at. With q.SecureBoot only
// those that enforce it; without, all.
func List(ctx context.Context, q Query) ([]Pair, []Looked) {
	q, err := q.ready()
	if err != nil {
		return nil, []Looked{{Path: q.Arch, Why: err.Error()}}
	}
	s := search{query: q, everything: !q.SecureBoot}
	var pairs []Pair
	for _, name := range overrideNames(q.arch) {
		v := q.getenv(name)
		if v == "" {
			continue
		}
		p, err := pairFromNames(q, v, name)
		if err != nil {
			s.look(name+"="+v, err.Error())
			continue
		}
		pairs = append(pairs, *p)
	}
	return append(pairs, s.all(ctx)...), s.looked
}

// Trees lists the folders in dir, each of which is taken for an unpacked
// package, newest name first; none if there is no such folder.
func Trees(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []string
	for i := len(entries) - 1; i >= 0; i-- {
		if entries[i].IsDir() && entries[i].Name()[0] != '.' {
			out = append(out, filepath.Join(dir, entries[i].Name()))
		}
	}
	return out
}
