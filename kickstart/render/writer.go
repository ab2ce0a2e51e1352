// Writing a kickstart file from values, with proof that they arrive.

package render

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/kickstart"
)

// writer builds a file from words and section bodies. It keeps what was meant
// and compares it with what a parser reads in the result.
type writer struct {
	buf   bytes.Buffer
	meant []meant
	err   error
}

// meant is a command, or a section with its body.
type meant struct {
	words   []string
	body    string
	section bool
}

func (w *writer) blank() { w.buf.WriteByte('\n') }

// comment writes text on a comment line; what cannot stand there becomes '?'.
func (w *writer) comment(text string) {
	clean := strings.Map(func(r rune) rune {
		if oneLine(string(r)) != nil {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	w.buf.WriteString("# " + clean + "\n")
}

func (w *writer) command(words ...string) {
	w.line(words)
	w.meant = append(w.meant, meant{words: words})
}

// section writes a section. body ends with a line end, or is empty.
func (w *writer) section(header []string, body string) {
	w.line(header)
	w.buf.WriteString(body)
	w.buf.WriteString("%end\n")
	w.meant = append(w.meant, meant{words: header, body: body, section: true})
}

func (w *writer) line(words []string) {
	for i, word := range words {
		text, err := kickstart.Quote(word)
		if err != nil && w.err == nil {
			w.err = fmt.Errorf("kickstart: %s: %w", words[0], err)
		}
		if i > 0 {
			w.buf.WriteByte(' ')
		}
		w.buf.WriteString(text)
	}
	w.buf.WriteByte('\n')
}

// bytes gives the file, once reading it has given back what was meant.
func (w *writer) bytes() ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	src := w.buf.Bytes()
	f, err := kickstart.Parse("rendered kickstart", src)
	if err != nil {
		return nil, err
	}
	var read []meant
	for _, n := range f.Nodes {
		switch n := n.(type) {
		case *kickstart.Blank, *kickstart.Comment:
		case *kickstart.Command:
			read = append(read, meant{words: wordValues(n.Words)})
		case *kickstart.Section:
			if !n.HasEnd() {
				return nil, fmt.Errorf("kickstart: rendered %s does not end", n.Name())
			}
			read = append(read, meant{words: wordValues(n.Header.Words), body: string(n.BodyRaw()), section: true})
		default:
			return nil, fmt.Errorf("kickstart: rendered line %d is read as %T", n.Pos().Line, n)
		}
	}
	same := slices.EqualFunc(read, w.meant, func(a, b meant) bool {
		return a.section == b.section && a.body == b.body && slices.Equal(a.words, b.words)
	})
	if !same {
		return nil, fmt.Errorf("kickstart: the rendered file would be read otherwise than it is meant")
	}
	return src, nil
}

func wordValues(words []kickstart.Word) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = w.Value
	}
	return all
}

// oneLine refuses text that cannot stand on one line of a kickstart file.
func oneLine(text string) error {
	_, err := kickstart.Quote(text)
	return err
}
