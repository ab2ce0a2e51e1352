package replay

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"regexp"
	"strings"
	"unicode/utf16"
)

// What people and CI services make of a console before it comes here: times
// before its lines, control characters made visible, another encoding. It is
// undone where nearly every line of the beginning has it.

// headSize is how much of the beginning is looked at, in bytes.
const headSize = 64 << 10

// undo returns the console as the guest wrote it.
func undo(in io.Reader) io.Reader {
	head := make([]byte, headSize)
	n, err := io.ReadFull(in, head)
	head = bytes.TrimPrefix(head[:n], []byte("\xef\xbb\xbf"))
	if err != nil {
		in = broken{err}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			in = bytes.NewReader(nil)
		}
	}
	whole := io.MultiReader(bytes.NewReader(head), in)
	if wide(head) {
		return undo(&decoded{in: bufio.NewReader(whole)})
	}
	var edits []func([]byte) []byte
	if stamp := stampOf(head); stamp != nil {
		edits = append(edits, func(line []byte) []byte { return line[len(stamp.Find(line)):] })
	}
	if carets(head) {
		visible := strings.NewReplacer("^M", "\r", "^[", "\x1b", "^G", "\a", "^H", "\b")
		edits = append(edits, func(line []byte) []byte { return []byte(visible.Replace(string(line))) })
	}
	if edits == nil {
		return whole
	}
	return &edited{in: bufio.NewReaderSize(whole, maxLine), edits: edits}
}

// wide reports whether the console is in UTF-16 and, but for little, in English.
func wide(head []byte) bool {
	little := bytes.HasPrefix(head, []byte("\xff\xfe"))
	if !little && !bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return false
	}
	zeros := 0
	for i := 0; i+1 < len(head); i += 2 {
		if high := head[i]; !little && high == 0 || little && head[i+1] == 0 {
			zeros++
		}
	}
	return zeros > len(head)/4
}

// stamps are the times that are put before lines: by GitHub's and GitLab's logs
// and "ts %FT%T", by Jenkins, by ts, and by "ts -s".
var stamps = []*regexp.Regexp{
	regexp.MustCompile(`^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?(?: \d\d[OE][ +]|[ \t])?`),
	regexp.MustCompile(`^\[\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\][ \t]?`),
	regexp.MustCompile(`^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?[ \t]?`),
	regexp.MustCompile(`^\[?\d\d:\d\d:\d\d(?:\.\d+)?\]?[ \t]`),
}

// stampOf returns what nearly every line of the beginning starts with, nil if
// there is no such thing. Anaconda itself writes the time before a few lines.
func stampOf(head []byte) *regexp.Regexp {
	lines := bytes.Split(head, []byte("\n"))
	for _, stamp := range stamps {
		if most(lines[:len(lines)-1], func(line []byte) bool { return stamp.Match(line) }) {
			return stamp
		}
	}
	return nil
}

// carets reports whether control characters are written as cat -v does it.
func carets(head []byte) bool {
	return !bytes.ContainsAny(head, "\r\x1b") && bytes.Count(head, []byte("^M\n")) > max(3, bytes.Count(head, []byte("\n"))/4)
}

// most reports whether nine of ten lines, and no fewer than four, are so.
func most(lines [][]byte, so func([]byte) bool) bool {
	others := 0
	for _, line := range lines {
		if !so(line) {
			if others++; 10*others > len(lines) {
				return false
			}
		}
	}
	return len(lines)-others >= 4
}

// edited reads lines and passes them on edited. Of a line that is longer than
// the buffer only the first piece is.
type edited struct {
	in    *bufio.Reader
	edits []func([]byte) []byte
	rest  []byte
	long  bool // the next piece goes on with a line
	err   error
}

func (e *edited) Read(p []byte) (int, error) {
	for len(e.rest) == 0 {
		if e.err != nil {
			return 0, e.err
		}
		e.rest, e.err = e.in.ReadSlice('\n')
		begins := !e.long
		if e.long = e.err == bufio.ErrBufferFull; e.long {
			e.err = nil
		}
		for _, edit := range e.edits {
			if begins {
				e.rest = edit(e.rest)
			}
		}
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// decoded reads UTF-16, in the order that its first character tells.
type decoded struct {
	in    *bufio.Reader
	order binary.ByteOrder
	rest  []byte
}

func (d *decoded) Read(p []byte) (int, error) {
	for len(d.rest) == 0 {
		if d.order == nil {
			d.order = binary.BigEndian
			if begin, _ := d.in.Peek(1); len(begin) > 0 && begin[0] == 0xff {
				d.order = binary.LittleEndian
			}
			if _, err := d.in.Discard(2); err != nil {
				return 0, err
			}
		}
		c, err := d.unit()
		if err != nil {
			return 0, err
		}
		if utf16.IsSurrogate(c) {
			low, err := d.unit()
			if err != nil {
				return 0, err
			}
			c = utf16.DecodeRune(c, low)
		}
		d.rest = []byte(string(c))
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

func (d *decoded) unit() (rune, error) {
	var b [2]byte
	if _, err := io.ReadFull(d.in, b[:]); err != nil {
		return 0, io.EOF // half a character is none
	}
	return rune(d.order.Uint16(b[:])), nil
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }
