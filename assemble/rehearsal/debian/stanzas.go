package debian

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"
)

// maxField bounds a line; the longest of bookworm's has 20 kB.
const maxField = 1 << 20

// stanzas reads the form that all of Debian's files have (deb-822, Debian policy
// 5.1). take is given the fields of each stanza that are asked for, by the names
// asked for; the lines of a value have line ends between them.
func stanzas(r io.Reader, names []string, take func(fields map[string]string) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxField)
	fields, field := map[string]string{}, ""
	end := func() error {
		if len(fields) == 0 {
			return nil
		}
		defer clear(fields)
		return take(fields)
	}
	for lines.Scan() {
		line := bytes.TrimRight(lines.Bytes(), " \t\r")
		switch {
		case len(line) == 0:
			if err := end(); err != nil {
				return err
			}
		case line[0] == '#':
		case line[0] == ' ' || line[0] == '\t':
			if field != "" {
				fields[field] += "\n" + string(bytes.TrimSpace(line))
			}
		default:
			name, value, _ := bytes.Cut(line, []byte(":"))
			field = ""
			if i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, string(name)) }); i >= 0 {
				field = names[i]
				fields[field] = string(bytes.TrimSpace(value))
			}
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return end()
}
