// Package fault is how this module's packages say what went wrong. An error
// has a class, which a caller branches on with errors.Is: an exported sentinel
// of the package that returns it. A class is of a kind, which says whose
// matter it is: programs make exit codes of that.
//
// Libraries name what a caller gave by its field ("Mirror"), in errors and in
// hints ("another {Mirror}"); a program with flags puts those in their place.
package fault

import (
	"errors"
	"regexp"
	"strings"
)

// Kind says whose matter an error is.
type Kind int

// The kinds.
const (
	Other   Kind = iota
	Input        // what the caller gave cannot be used
	Host         // this host lacks something, or it cannot be had from here
	Guest        // the guest failed
	Timeout      // it took too long
)

// class is a sentinel.
type class struct {
	kind Kind
	text string
}

func (c *class) Error() string { return c.text }
func (c *class) Kind() Kind    { return c.kind }

// Class makes a class of errors, to be exported as a variable. It is an error
// itself, so that it may be wrapped with %w where nothing else is to be said.
func Class(kind Kind, text string) error { return &class{kind, text} }

// KindOf is the kind of err's outermost class; Other if it has none.
func KindOf(err error) Kind {
	var classed interface{ Kind() Kind }
	if errors.As(err, &classed) {
		return classed.Kind()
	}
	return Other
}

// Error is an error with a class.
type Error struct {
	Class error
	// Field is what the caller gave and what is wrong, by its field's name; "" for none.
	Field string
	// Err is the cause, and the text.
	Err error
	// Do is what to do about it, as a command where there is one. {Mirror}
	// stands for the field of that name.
	Do string
}

func (e *Error) Error() string {
	if e.Field == "" {
		return e.Err.Error()
	}
	return e.Field + ": " + e.Err.Error()
}

// Kind is the class's.
func (e *Error) Kind() Kind { return KindOf(e.Class) }

// Unwrap gives the class, and the cause.
func (e *Error) Unwrap() []error { return []error{e.Class, e.Err} }

// Hint says what to do, with fields by their names.
func (e *Error) Hint() string { return Fill(e.Do, func(field string) string { return field }) }

var placeholder = regexp.MustCompile(`\{([A-Z][A-Za-z0-9]*)\}`)

// Fill puts what name calls fields in the place of {Field} in a hint; a name of
// nil leaves them for somebody above.
func Fill(text string, name func(field string) string) string {
	if name == nil {
		return text
	}
	return placeholder.ReplaceAllStringFunc(text, func(s string) string { return name(s[1 : len(s)-1]) })
}

// Hint is what err advises to do, "" for nothing, with fields as name calls them.
func Hint(err error, name func(field string) string) string {
	var hinted interface{ Hint() string }
	if !errors.As(err, &hinted) {
		return ""
	}
	e, ok := hinted.(*Error)
	switch {
	case !ok:
		return hinted.Hint()
	case e.Do == "":
		return Hint(e.Err, name)
	}
	return Fill(e.Do, name)
}

// Text is err's text, with the fields that are wrong as name calls them; "" leaves
// one out.
func Text(err error, name func(field string) string) string {
	text := err.Error()
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // what is wrapped is looked at below
		var plain, named []string
		for _, one := range joined.Unwrap() {
			plain, named = append(plain, one.Error()), append(named, Text(one, name))
		}
		if text == strings.Join(plain, "\n") { // errors.Join
			return strings.Join(named, "\n")
		}
	}
	var e *Error
	if errors.As(err, &e) && e.Field == "" {
		return strings.Replace(text, e.Err.Error(), Text(e.Err, name), 1) // a class that was put around it
	}
	if e == nil {
		return text
	}
	called := name(e.Field)
	if called != "" {
		called += ": "
	}
	return strings.Replace(text, e.Field+": ", called, 1)
}
