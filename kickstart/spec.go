// The shape of the table: what is known of a command, an option, a section.

package kickstart

import (
	"fmt"
	"slices"
	"strings"
)

// CommandSpec is the table's row of a command.
type CommandSpec struct {
	Name string
	// Also are other names of the same command: "partition" for "part".
	Also []string
	// Help says in one sentence what the command does.
	Help string
	// Positionals are the arguments that are not options, in order.
	Positionals []PositionalSpec
	Options     []OptionSpec
	// Conflicts are the commands that must not stand before this one. The
	// installer looks at them in this order only.
	Conflicts []string
	// ConflictsSinceEL is the RHEL release that looks at Conflicts first; 0 is
	// all of them.
	ConflictsSinceEL int
	// Many says that each occurrence adds something; otherwise a later one
	// replaces what an earlier one said.
	Many bool
	// Raw says that the command takes its line as it is: no options are read.
	// Options are then what they were when they were read.
	Raw bool
	// Instead says what to write where the command is gone or has no effect.
	Instead string
	History History
}

// PositionalSpec is an argument that is not an option.
type PositionalSpec struct {
	Name  string
	Count Count
	Type  Type // TypeString or TypeMountPoint
	Help  string
}

// Count says how many words an argument takes.
type Count int

// How many words an argument takes.
const (
	One     Count = iota // exactly one
	AtMost1              // none or one
	Any                  // none or more
)

// OptionSpec is the table's row of an option.
type OptionSpec struct {
	// Names are the option's names with their dashes; the first is the one to
	// ask Args for.
	Names []string
	Type  Type
	// Value is a placeholder for the value in explanations: "MIB", "DISK,…".
	Value string
	// Choices are the only values allowed; nil allows all. With FoldCase
	// upper and lower case are the same.
	Choices  []string
	FoldCase bool
	// Default is what the installer assumes without the option, where that is
	// not "nothing".
	Default  string
	Required bool
	// Repeats says that several values add up; otherwise the last one wins.
	Repeats bool
	// ValueOptional says that the option also stands without a value.
	ValueOptional bool
	Help          string
	// Instead says what to write where the option is gone or has no effect.
	Instead string
	History History
}

// Name is the option's first name.
func (o *OptionSpec) Name() string { return o.Names[0] }

// SectionSpec is the table's row of a section.
type SectionSpec struct {
	Name    string // with its percent sign
	Help    string
	Options []OptionSpec
	// Raw says that the header's words are not read.
	Raw bool
	// Script says that the body is a program.
	Script  bool
	Instead string
	History History
}

// Type is the type of an option's value.
type Type int

// The types of values.
const (
	TypeFlag       Type = iota // no value
	TypeString                 // any text
	TypeInt                    // a whole number, may be negative
	TypeBool                   // on, yes, true, 1 or off, no, false, 0
	TypeList                   // words separated by commas
	TypePorts                  // a comma list of port or port:protocol
	TypeMountPoint             // a path, cleaned if it begins with a slash
)

func (t Type) String() string {
	return [...]string{"flag", "string", "number", "on|off", "comma list", "comma list of port:protocol", "mount point"}[t]
}

// History tells in which releases something can be written. The zero value is
// all releases in the table: RHEL 8, 9 and 10 and Fedora.
type History struct {
	EL     Span
	Fedora Span
	// AlmaLinux marks what AlmaLinux 10.1 and later still read although RHEL
	// 10 does not.
	AlmaLinux bool
}

// Span is a history in the releases of one distribution; 0 is "never", for
// Since "before the table begins". Deprecated things are read and ignored, or
// read with a warning. Removed things end the installation.
type Span struct {
	Since, Deprecated, Removed int
	Absent                     bool // in no release
}

// Status is what a dialect makes of a command or option.
type Status int

// The statuses.
const (
	Active     Status = iota
	Deprecated        // read with a warning
	Removed           // not read any more
	NotYet            // not read before a later release
	Absent            // not read in any release of this distribution
)

func (s Status) String() string {
	return [...]string{"active", "deprecated", "removed", "not yet there", "absent"}[s]
}

// elRelease is the RHEL release that d follows, 0 for Fedora.
func (d Dialect) elRelease() int {
	switch d {
	case RHEL8:
		return 8
	case RHEL9:
		return 9
	case Fedora:
		return 0
	}
	return 10
}

// fedoraRelease is the Fedora release that the table's Fedora column shows.
const fedoraRelease = 44

// In gives the status in a dialect.
func (h History) In(d Dialect) Status {
	span, release := h.EL, d.elRelease()
	if d == Fedora {
		span, release = h.Fedora, fedoraRelease
	}
	if h.AlmaLinux && d == AlmaLinux10 {
		return Active
	}
	switch {
	case span.Absent:
		return Absent
	case span.Since > release:
		return NotYet
	case span.Removed != 0 && span.Removed <= release:
		return Removed
	case span.Deprecated != 0 && span.Deprecated <= release:
		return Deprecated
	}
	return Active
}

// String tells the history in words; "" when there is nothing to tell.
func (h History) String() string {
	var parts []string
	tell := func(name string, s Span) {
		if s.Absent {
			parts = append(parts, "not in "+name)
			return
		}
		for _, p := range []struct {
			what string
			at   int
		}{{"since", s.Since}, {"deprecated in", s.Deprecated}, {"removed in", s.Removed}} {
			if p.at != 0 {
				parts = append(parts, fmt.Sprintf("%s %s %d", p.what, name, p.at))
			}
		}
	}
	tell("RHEL", h.EL)
	tell("Fedora", h.Fedora)
	if h.AlmaLinux {
		parts = append(parts, "kept by AlmaLinux 10.1 and later")
	}
	return strings.Join(parts, ", ")
}

// Commands lists the table's rows in alphabetical order.
func Commands() []*CommandSpec { return allCommands }

// LookupCommand finds the row of a command by any of its names.
func LookupCommand(name string) (*CommandSpec, bool) {
	c, ok := commandIndex[name]
	return c, ok
}

// Sections lists the sections in alphabetical order.
func Sections() []*SectionSpec { return allSections }

// LookupSection finds the row of a section by its name with percent sign.
func LookupSection(name string) (*SectionSpec, bool) {
	s, ok := sectionIndex[name]
	return s, ok
}

// Option finds an option of c by one of its full names.
func (c *CommandSpec) Option(name string) (*OptionSpec, bool) { return findOption(c.Options, name) }

// Option finds an option of s by one of its full names.
func (s *SectionSpec) Option(name string) (*OptionSpec, bool) { return findOption(s.Options, name) }

func findOption(options []OptionSpec, name string) (*OptionSpec, bool) {
	for i := range options {
		if slices.Contains(options[i].Names, name) {
			return &options[i], true
		}
	}
	return nil, false
}
