// Words → typed options, by the table of the dialect.

package kickstart

// Args are the options and positional arguments of one command, decoded.
// Options are asked for by any of their names ("--fstype" and "--type" of part
// are the same); asking for one that the command does not have gives the zero
// value.
type Args struct {
	values      map[string]value // by the option's first name
	positionals []string
}

type value struct {
	text string
	list []string
	num  int
	flag bool
}

// Decode reads the options of c as the installer of dialect d does. The
// findings are errors of the command itself; Args holds what could be read.
func Decode(c *Command, d Dialect) (*Args, []Finding) {
	return &Args{}, nil
}

// Flag reports whether an option without value is given.
func (a *Args) Flag(name string) bool { return a.values[name].flag }

// String is the value of an option as written, and whether it is given. Of
// several, the last.
func (a *Args) String(name string) (string, bool) {
	v, ok := a.values[name]
	return v.text, ok
}

// Int is the value of a numeric option, and whether it is given.
func (a *Args) Int(name string) (int, bool) {
	v, ok := a.values[name]
	return v.num, ok
}

// List is the value of an option that takes a comma list, or may be repeated.
func (a *Args) List(name string) []string { return a.values[name].list }

// Positional are the arguments that are not options, in order.
func (a *Args) Positional() []string { return a.positionals }
