// Settings: the flags that a file gives to verbs which it does not call.

package project

import (
	"fmt"
	"slices"
	"strings"
)

// Setting is a flag that a file gives to a verb.
type Setting struct {
	Kind string // the verb's name
	Arg
}

// ParseSettings reads a file of flags that verbs have when they are not given:
//
//	accel: tcg                 # of every verb that has the flag, as the first has it
//	alma: {disk-size: 20G}     # of one verb, which comes before that
//
// name is for errors, which are of class ErrFile. An empty file has no settings.
func ParseSettings(name string, text []byte, kinds []Kind) (all []Setting, err error) {
	r := reader{name, kinds}
	top, err := r.value(text)
	if err != nil || top == nil {
		return nil, err
	}
	if top.entries == nil {
		return nil, r.wrong(top, "the file is no mapping of flags", "such as accel: tcg")
	}
	names := r.flagNames()
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	for _, e := range top.entries {
		if e.value.entries != nil {
			continue
		}
		if !slices.Contains(r.flagNames(), e.key.text) {
			return nil, r.unknown(e.key, "flag that can be set here", names)
		}
		var first Flag
		for _, k := range kinds {
			f, _ := k.flag(e.key.text)
			if first.Name == "" {
				first = f
			}
			if !f.Like(first) {
				continue
			}
			if all, err = r.set(all, k, e); err != nil {
				return nil, err
			}
		}
	}
	for _, e := range top.entries {
		if e.value.entries == nil {
			continue
		}
		i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == e.key.text })
		if slices.ContainsFunc(kinds, func(k Kind) bool { return i < 0 && strings.HasPrefix(k.Name, e.key.text+" ") }) {
			return nil, r.wrong(e.key, "imgasm "+e.key.text+" has no flags of its own", "name one of its verbs too, as in source fetch: {variant: dvd}")
		}
		if i < 0 {
			return nil, r.unknown(e.key, "verb", names)
		}
		for _, f := range e.value.entries {
			if _, ok := kinds[i].flag(f.key.text); !ok {
				return nil, r.unknown(f.key, "flag that can be set of imgasm "+e.key.text, flagNames(kinds[i]))
			}
			if all, err = r.set(all, kinds[i], f); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// set adds a setting in the place of one of the same flag, where the kind has it.
func (r reader) set(all []Setting, k Kind, e entry) ([]Setting, error) {
	f, ok := k.flag(e.key.text)
	if !ok {
		return all, nil
	}
	if e.value.items != nil && f.Type != List {
		return nil, r.wrong(e.value, f.Name+" takes one value", "")
	}
	a, err := r.arg(f, e.value)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s Setting) bool { return s.Kind == k.Name && s.Flag.Name == f.Name })
	return append(all, Setting{k.Name, a}), nil
}

// from is where a node stands.
func (r reader) from(n *node) string { return fmt.Sprintf("%s:%d", r.file, n.line) }
