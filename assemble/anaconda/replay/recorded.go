package replay

import (
	"bytes"
	"cmp"
	"encoding/binary"
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

// undo returns the console as the guest wrote it. Only one that needs an edit is
// read as a whole.
func undo(in io.Reader) io.Reader {
	head, err := io.ReadAll(io.LimitReader(in, headSize))
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	if err != nil {
		in = broken{err}
	}
	whole := io.MultiReader(bytes.NewReader(head), in)
	stamp, carets := stampOf(head), hasCarets(head)
	if !wide(head) && stamp == nil && !carets {
		return whole
	}
	raw, err := io.ReadAll(whole)
	end := broken{cmp.Or(err, io.EOF)}
	if wide(head) {
		return undo(io.MultiReader(strings.NewReader(decoded(raw)), end))
	}
	var plain bytes.Buffer
	for line := range bytes.Lines(raw) {
		if stamp != nil {
			line = line[len(stamp.Find(line)):]
		}
		plain.Write(line)
	}
	if carets {
		return io.MultiReader(strings.NewReader(visible.Replace(plain.String())), end)
	}
	return io.MultiReader(&plain, end)
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

// hasCarets reports whether control characters are written as cat -v does it.
func hasCarets(head []byte) bool {
	return !bytes.ContainsAny(head, "\r\x1b") && bytes.Count(head, []byte("^M\n")) > max(3, bytes.Count(head, []byte("\n"))/4)
}

var visible = strings.NewReplacer("^M", "\r", "^[", "\x1b", "^G", "\a", "^H", "\b")

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

// decoded returns a text that is in UTF-16, in the order that its first
// character tells.
func decoded(raw []byte) string {
	var order binary.ByteOrder = binary.BigEndian
	if raw[0] == 0xff {
		order = binary.LittleEndian
	}
	units := make([]uint16, len(raw)/2-1) // half a character is none
	for i := range units {
		units[i] = order.Uint16(raw[2*i+2:])
	}
	return string(utf16.Decode(units))
}

// broken is the end of a reader.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }
