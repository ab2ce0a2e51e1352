// Package project reads imgasm.yaml: a file that lists images, each with what
// imgasm's verbs would be told by flags, some of them in several variants.
//
//	defaults:                       # for every image whose kind has the flag
//	  disk-size: 20G
//	images:
//	  web:
//	    kind: alma                  # a verb that builds
//	    matrix:                     # a target for each combination
//	      arch: [x86_64, aarch64]
//	      version: [10, kitten]
//	      exclude: [{arch: aarch64, version: kitten}]
//	    hostname: web-{version}     # {…}: a value of the matrix, or {name}
//	    post: [setup.sh, clean.sh]  # a flag that may be repeated
//
// Which kinds and flags there are the caller says. Paths are relative to the
// file's folder. Aliases, anchors and tags of YAML are refused.
package project

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
)

// FileName is what a project's file is called.
const FileName = "imgasm.yaml"

// ErrFile is a file that cannot be used. Its text says where: FILE:LINE:COLUMN.
var ErrFile = fault.Class(fault.Input, "not a project file that can be used")

const (
	// MaxSize is how large a file may be, in bytes.
	MaxSize = 64 << 10
	// maxTargets bounds what a matrix may become.
	maxTargets = 1000
	// maxDepth is how deep values may lie in one another; 4 are of use.
	maxDepth = 16
)

// Type is what a flag takes.
type Type string

// The types of flags.
const (
	Bool Type = "boolean"
	Text Type = "string"
	List Type = "array" // of strings
)

// Flag is a flag of a kind.
type Flag struct {
	Name  string
	Usage string
	Type  Type
	Takes string // what stands for its value, such as FILE or kernel|media
	// Files are the files that a value names, of which a target is made; nil: none.
	Files func(value string) []string
	// Modes: all permissions of these files count. Else whether their owner may execute
	// them does alone: the others of a checkout are those that its user's umask left.
	Modes bool
}

// Like reports whether two flags take the same.
func (f Flag) Like(g Flag) bool { return f.Type == g.Type && f.Takes == g.Takes }

// Kind is a kind of image.
type Kind struct {
	Name  string
	Flags []Flag
	// Ending is how a file in a format, as the flag format names them, is called by
	// default; nil: ".qcow2".
	Ending func(format string) string
	// Writes are the files that a target, and no other, writes; nil: its out.
	Writes func(Target) []string
}

func (k Kind) flag(name string) (Flag, bool) {
	i := slices.IndexFunc(k.Flags, func(f Flag) bool { return f.Name == name })
	if i < 0 {
		return Flag{}, false
	}
	return k.Flags[i], true
}

// Target is an image to be built.
type Target struct {
	Name string // "web-x86_64-10"
	Kind string
	Args []Arg // by their names
}

// Arg is a flag that is given.
type Arg struct {
	Flag   Flag
	Values []string // of a Bool "true" or "false"
	From   string   // where it stands: FILE:LINE
}

// Get is the first value of a flag; "": it is not given.
func (t Target) Get(flag string) string {
	if all := t.All(flag); len(all) > 0 {
		return all[0]
	}
	return ""
}

// All are the values of a flag.
func (t Target) All(flag string) []string {
	for _, a := range t.Args {
		if a.Flag.Name == flag {
			return a.Values
		}
	}
	return nil
}

// Argv are the target's arguments: its kind and flags.
func (t Target) Argv() []string {
	argv := []string{t.Kind}
	for _, a := range t.Args {
		for _, v := range a.Values {
			argv = append(argv, "--"+a.Flag.Name+"="+v)
		}
	}
	return argv
}

// reader reads one file.
type reader struct {
	file  string
	kinds []Kind
}

// Parse reads the targets out of a file's text, in its order. name is for the
// error, which is of class ErrFile and about the file's first mistake.
func Parse(name string, text []byte, kinds []Kind) ([]Target, error) {
	all, mistakes := reader{name, kinds}.targets(text)
	if len(mistakes) > 0 {
		return nil, mistakes[0]
	}
	return all, nil
}

// Mistakes are those in a file's text, each of class ErrFile and about a Mistake. What
// cannot be read hides what is in it.
func Mistakes(name string, text []byte, kinds []Kind) []error {
	_, all := reader{name, kinds}.targets(text)
	seen := map[string]bool{} // those of defaults come with each image
	return slices.DeleteFunc(all, func(err error) bool {
		was := seen[err.Error()]
		seen[err.Error()] = true
		return was
	})
}

func (r reader) targets(text []byte) (all []Target, mistakes []error) {
	top, err := r.document(text)
	if err != nil {
		return nil, []error{err}
	}
	mistakes = r.only(top, "defaults", "images")
	defaults, images := top.get("defaults"), top.get("images")
	switch {
	case images == nil:
		return nil, append(mistakes, r.wrong(top, "there are no images", "add images:, and below it an image with its kind"))
	case len(images.entries) == 0:
		return nil, append(mistakes, r.wrong(images, "images is a mapping of names", "such as images: {web: {kind: "+r.kinds[0].Name+"}}"))
	case defaults != nil && defaults.entries == nil:
		return nil, append(mistakes, r.wrong(defaults, "defaults is a mapping of flags", ""))
	}
	written := map[string]string{} // by whom
	for _, image := range images.entries {
		targets, wrong := r.image(image, defaults)
		mistakes = append(mistakes, wrong...)
		for _, t := range targets {
			if slices.ContainsFunc(all, func(other Target) bool { return other.Name == t.Name }) {
				mistakes = append(mistakes, r.wrong(image.key, "two targets are called "+t.Name, "give each image a name of its own, and a matrix each value once"))
			} else if err := r.alone(image.key, t, written); err != nil {
				mistakes = append(mistakes, err)
			}
			all = append(all, t)
		}
		if len(all) > maxTargets {
			return nil, append(mistakes, r.wrong(image.key, fmt.Sprintf("more than %d targets", maxTargets), "make the matrix smaller"))
		}
	}
	return all, mistakes
}

// alone refuses a target that writes what another does.
func (r reader) alone(at *node, t Target, written map[string]string) error {
	out := t.Get("out")
	if name := filepath.Base(out); name == "." || !strings.HasSuffix(out, name) {
		return r.wrong(at, fmt.Sprintf("out of %s is %q, which is no file", t.Name, out), "leave it out, or name the image too")
	}
	files := []string{out}
	if i := slices.IndexFunc(r.kinds, func(k Kind) bool { return k.Name == t.Kind }); r.kinds[i].Writes != nil {
		files = r.kinds[i].Writes(t)
	}
	for _, file := range files {
		path := file
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(r.file), path)
		}
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		if other := written[path]; other != "" {
			return r.wrong(at, fmt.Sprintf("%s and %s would both write %s", other, t.Name, filepath.Clean(file)), "put {name}, or values of the matrix, into its name")
		}
		written[path] = t.Name
	}
	return nil
}

// imageName is what targets, and so files, are called.
var imageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// image reads one image as its targets.
func (r reader) image(e entry, defaults *node) (all []Target, mistakes []error) {
	if !imageName.MatchString(e.key.text) {
		return nil, []error{r.wrong(e.key, fmt.Sprintf("%q is no name for an image", e.key.text), "use letters, digits and . _ -")}
	}
	if e.value.entries == nil {
		return nil, []error{r.wrong(e.value, e.key.text+" is a mapping of flags", "such as kind: "+r.kinds[0].Name)}
	}
	variants, err := r.variants(e.value.get("matrix"))
	if err != nil {
		return nil, []error{err}
	}
	for _, v := range variants {
		kind, err := r.kind(e, v)
		if err != nil {
			mistakes = append(mistakes, err)
			continue
		}
		args, wrong := r.args(e, defaults, kind)
		t, err := r.target(e, kind, args, v)
		if err != nil {
			wrong = append(wrong, err)
		}
		if mistakes = append(mistakes, wrong...); len(wrong) == 0 {
			all = append(all, t)
		}
	}
	return all, mistakes
}

// args are the flags of an image of a kind, before its variant's.
func (r reader) args(e entry, defaults *node, kind Kind) (args map[string]Arg, mistakes []error) {
	args = map[string]Arg{}
	take := func(f Flag, value *node) {
		a, err := r.arg(f, value)
		if err != nil {
			mistakes = append(mistakes, err)
			return
		}
		args[f.Name] = a
	}
	if defaults != nil {
		for _, d := range defaults.entries {
			known := slices.ContainsFunc(r.kinds, func(k Kind) bool { _, ok := k.flag(d.key.text); return ok })
			if f, ok := kind.flag(d.key.text); ok {
				take(f, d.value)
			} else if !known {
				mistakes = append(mistakes, r.unknown(d.key, "flag", r.flagNames()))
			}
		}
	}
	for _, d := range e.value.entries {
		if d.key.text == "kind" || d.key.text == "matrix" {
			continue
		}
		if f, ok := kind.flag(d.key.text); ok {
			take(f, d.value)
		} else {
			mistakes = append(mistakes, r.unknown(d.key, "flag of imgasm "+kind.Name, append(flagNames(kind), "kind", "matrix")))
		}
	}
	return args, mistakes
}

// kind is that of a variant, else of its image.
func (r reader) kind(e entry, v variant) (Kind, error) {
	var names []string
	for _, k := range r.kinds {
		names = append(names, k.Name)
	}
	at := e.value.get("kind")
	for _, p := range v {
		if p.key.text == "kind" {
			at = p.value
		}
	}
	if at == nil {
		return Kind{}, r.wrong(e.key, e.key.text+" has no kind", "kind: "+strings.Join(names, ", or kind: "))
	}
	if !at.scalar() {
		return Kind{}, r.wrong(at, "kind takes one value", "for one target each: matrix: {kind: ["+strings.Join(names, ", ")+"]}")
	}
	i := slices.Index(names, at.text)
	if i < 0 {
		return Kind{}, r.unknown(at, "kind", names)
	}
	return r.kinds[i], nil
}

// arg is a flag with the values of a node.
func (r reader) arg(f Flag, n *node) (Arg, error) {
	switch {
	case n.entries != nil:
		return Arg{}, r.wrong(n, f.Name+" takes no mapping", "")
	case n.items != nil && f.Type != List:
		return Arg{}, r.wrong(n, f.Name+" takes one value", "for one target each: matrix: {"+f.Name+": […]}")
	case n.items != nil:
		a := Arg{Flag: f, From: r.from(n)}
		for _, i := range n.items {
			if !i.scalar() {
				return Arg{}, r.wrong(i, f.Name+" takes a list of texts", "")
			}
			a.Values = append(a.Values, i.text)
		}
		return a, nil
	case !n.scalar():
		return Arg{}, r.wrong(n, f.Name+" has no value", "leave the line out")
	case f.Type == Bool && n.text != "true" && n.text != "false":
		return Arg{}, r.wrong(n, f.Name+" is true or false", "")
	}
	return Arg{f, []string{n.text}, r.from(n)}, nil
}

func flagNames(k Kind) (names []string) {
	for _, f := range k.Flags {
		names = append(names, f.Name)
	}
	return names
}

func (r reader) flagNames() (names []string) {
	for _, k := range r.kinds {
		names = append(names, flagNames(k)...)
	}
	return names
}
