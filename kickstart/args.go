// Typed access to what a command's words say.

package kickstart

import (
	"path"
	"slices"
	"strings"
)

// Args are the options and positional arguments of one command, decoded.
// Options are asked for by any of their names ("--fstype" and "--type" of part
// are the same); asking for one that is not there gives the zero value.
type Args struct {
	// Spec is the row of the command, nil for an unknown one.
	Spec        *CommandSpec
	order       []*value // what was read, in order
	positionals []Word
	dropped     []Word // positionals that the installer drops silently
	failed      bool
}

type value struct {
	spec *OptionSpec
	text string
	list []string
	num  int
	flag bool
	word *Word // the option's word
	at   *Word // the word with the value
}

// value finds what is given for an option by any of its names.
func (a *Args) value(name string) *value {
	for _, v := range slices.Backward(a.order) {
		if slices.Contains(v.spec.Names, name) {
			return v
		}
	}
	return nil
}

// Has reports whether the option is given.
func (a *Args) Has(name string) bool { return a.value(name) != nil }

// Flag reports whether an option without value is given.
func (a *Args) Flag(name string) bool {
	v := a.value(name)
	return v != nil && v.flag
}

// String is the value of an option as written. Of several, the last.
func (a *Args) String(name string) string {
	if v := a.value(name); v != nil {
		return v.text
	}
	return ""
}

// Int is the value of a numeric option. Numbers beyond the range of int are cut
// to it.
func (a *Args) Int(name string) int {
	if v := a.value(name); v != nil {
		return v.num
	}
	return 0
}

// List is the value of an option that takes a comma list, or the values of one
// that may be repeated.
func (a *Args) List(name string) []string {
	if v := a.value(name); v != nil {
		return v.list
	}
	return nil
}

// Positional are the arguments that are not options, in order. Mount points
// that begin with a slash are cleaned.
func (a *Args) Positional() []string {
	var all []string
	for i, w := range a.positionals {
		v := w.Value
		if a.Spec != nil && i < len(a.Spec.Positionals) && a.Spec.Positionals[i].Type == TypeMountPoint {
			v = cleanMountPoint(v)
		}
		all = append(all, v)
	}
	return all
}

// cleanMountPoint removes what is superfluous from a path. Two slashes at the
// beginning stay, as POSIX has it.
func cleanMountPoint(v string) string {
	if !strings.HasPrefix(v, "/") {
		return v
	}
	clean := path.Clean(v)
	if strings.HasPrefix(v, "//") && !strings.HasPrefix(v, "///") {
		clean = "/" + clean
	}
	return clean
}

// argument is the positional i, "" when it is not given.
func (a *Args) argument(i int) string {
	if all := a.Positional(); i < len(all) {
		return all[i]
	}
	return ""
}
