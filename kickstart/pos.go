// Positions in a kickstart file, and the error that carries one.

package kickstart

import (
	"fmt"
	"unicode/utf8"

	"github.com/imgasm/imgasm/internal/fault"
)

// Pos is a place in a file.
//
// Line and Column count from 1; Column counts runes, a byte that is not UTF-8
// counts as one. Offset is the byte offset from 0. The zero value is no place.
//
// Lines end where the installer ends them: after LF, CR LF and CR, and also
// after VT, FF, FS, GS, RS, NEL, U+2028 and U+2029.
type Pos struct {
	Line, Column, Offset int
}

// String gives "line:column".
func (p Pos) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Column) }

// after moves p over text, which must not contain a line end.
func (p Pos) after(text []byte) Pos {
	p.Offset += len(text)
	p.Column += utf8.RuneCount(text)
	return p
}

// ErrParse is the class of every ParseError, for errors.Is.
var ErrParse = fault.Class(fault.Input, "not a kickstart file")

// ParseError says that a text cannot be read, and where. Its message is
// "name:line:column: text".
type ParseError struct {
	Name string // name of the file as given to Parse
	Pos  Pos
	Text string
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.Name, e.Pos.Line, e.Pos.Column, e.Text)
}

// Unwrap gives the class.
func (e *ParseError) Unwrap() error { return ErrParse }
