// A matrix: a target for each combination of its values.

package project

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/kickstart"
)

// variant is a combination of a matrix' values, in its order.
type variant []pair

type pair struct{ key, value *node }

func (r reader) variants(m *node) ([]variant, error) {
	all := []variant{nil}
	if m == nil {
		return all, nil
	}
	if m.entries == nil {
		return nil, r.wrong(m, "matrix is a mapping of lists", "such as matrix: {arch: [x86_64, aarch64]}")
	}
	for _, e := range m.entries {
		if e.key.text == "exclude" {
			continue
		}
		if e.key.text == "name" {
			return nil, r.wrong(e.key, "{name} is what the target is called", "call the variable otherwise")
		}
		if len(e.value.items) == 0 {
			return nil, r.wrong(e.value, e.key.text+" of a matrix is a list of values", "such as "+e.key.text+": [a, b]")
		}
		var next []variant
		for _, v := range all {
			for _, item := range e.value.items {
				if !item.scalar() {
					return nil, r.wrong(item, "a matrix has texts only", "")
				}
				next = append(next, append(slices.Clone(v), pair{e.key, item}))
			}
		}
		if all = next; len(all) > maxTargets {
			return nil, r.wrong(e.key, fmt.Sprintf("more than %d targets", maxTargets), "make the matrix smaller")
		}
	}
	return r.without(all, m.get("exclude"))
}

// without are the variants that have not all values of an entry of exclude.
func (r reader) without(all []variant, exclude *node) ([]variant, error) {
	if exclude == nil {
		return all, nil
	}
	if exclude.items == nil {
		return nil, r.wrong(exclude, "exclude is a list of combinations", "such as exclude: [{arch: aarch64, version: kitten}]")
	}
	for _, x := range exclude.items {
		n := len(all)
		all = slices.DeleteFunc(all, func(v variant) bool {
			for _, e := range x.entries {
				if !slices.ContainsFunc(v, func(p pair) bool { return p.key.text == e.key.text && e.value.scalar() && p.value.text == e.value.text }) {
					return false
				}
			}
			return len(x.entries) > 0
		})
		if len(all) == n {
			return nil, r.wrong(x, "no combination of the matrix is like this", "such as exclude: [{arch: aarch64, version: kitten}]")
		}
	}
	if len(all) == 0 {
		return nil, r.wrong(exclude, "no combination is left", "leave the image out")
	}
	return all, nil
}

// target makes one of an image's args in a variant.
func (r reader) target(e entry, kind Kind, args map[string]Arg, v variant) (Target, error) {
	t := Target{Name: e.key.text, Kind: kind.Name}
	words := map[string]string{}
	args = maps.Clone(args)
	for _, p := range v {
		t.Name += "-" + p.value.text
		words[p.key.text] = p.value.text
		if f, ok := kind.flag(p.key.text); ok {
			var err error
			if args[f.Name], err = r.arg(f, p.value); err != nil {
				return t, err
			}
		}
	}
	if !imageName.MatchString(t.Name) {
		return t, r.wrong(e.key, fmt.Sprintf("%q is no name for an image", t.Name), "its matrix has values that no file can be called by: write a variable of the matrix and use {…}")
	}
	if err := r.meant(kind, args, v); err != nil {
		return t, err
	}
	words["name"] = t.Name
	if _, ok := args["out"]; !ok {
		f, _ := kind.flag("out")
		ending := ".qcow2"
		if format, ok := args["format"]; ok && len(format.Values) > 0 && kind.Ending != nil {
			first, _ := fill(format.Values[0], words)
			ending = kind.Ending(first)
		}
		args["out"] = Arg{f, []string{"{name}" + ending}, ""}
	}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		a := args[name]
		a.Values = slices.Clone(a.Values)
		for i, value := range a.Values {
			filled, unknown := fill(value, words)
			if unknown != "" {
				return t, r.wrong(e.key, fmt.Sprintf("%s: nothing is called {%s}", name, unknown), "known are {"+strings.Join(slices.Sorted(maps.Keys(words)), "}, {")+"}")
			}
			a.Values[i] = filled
		}
		t.Args = append(t.Args, a)
	}
	return t, nil
}

// meant refuses a variable that nothing uses and that is nearly called as a flag: its
// targets would all be the same.
func (r reader) meant(kind Kind, args map[string]Arg, v variant) error {
	for _, p := range v {
		key := p.key.text
		used := func(a Arg) bool {
			return slices.ContainsFunc(a.Values, func(value string) bool { return strings.Contains(value, "{"+key+"}") })
		}
		near := kickstart.Nearest(key, flagNames(kind))
		if near != "" && key != "kind" && !slices.Contains(r.flagNames(), key) && !slices.ContainsFunc(slices.Collect(maps.Values(args)), used) {
			return r.wrong(p.key, fmt.Sprintf("%q is no flag of imgasm %s, and {%[1]s} stands nowhere", key, kind.Name), "did you mean "+near+"?")
		}
	}
	return nil
}

var word = regexp.MustCompile(`\{([a-z][a-z0-9-]*)\}`)

// fill puts words in their places; unknown is one that is not known.
func fill(text string, words map[string]string) (filled, unknown string) {
	filled = word.ReplaceAllStringFunc(text, func(w string) string {
		value, ok := words[w[1:len(w)-1]]
		if !ok {
			unknown = w[1 : len(w)-1]
		}
		return value
	})
	return filled, unknown
}
