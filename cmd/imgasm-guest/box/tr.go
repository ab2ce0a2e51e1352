// tr and sed, as far as scripts of kickstarts use them.

package box

import (
	"bufio"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
)

var trClasses = map[string]string{
	"[:lower:]": "a-z", "[:upper:]": "A-Z", "[:digit:]": "0-9", "[:alpha:]": "A-Za-z", "[:alnum:]": "A-Za-z0-9",
	"[:space:]": " \\t\\n\\v\\f\\r", "[:blank:]": " \\t", "[:print:]": " -~", "[:cntrl:]": "\\001-\\037",
}

// trSet expands "a-z\n[:digit:]" into its bytes.
func trSet(s string) []byte {
	for class, bytes := range trClasses {
		s = strings.ReplaceAll(s, class, bytes)
	}
	var plain []byte
	escaped := map[int]bool{}
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			plain = append(plain, s[i])
			continue
		}
		i++
		escaped[len(plain)] = true
		if at := strings.IndexByte("abfnrtv", s[i]); at >= 0 {
			plain = append(plain, "\a\b\f\n\r\t\v"[at])
			continue
		}
		n, digits := 0, 0
		for digits < 3 && i < len(s) && s[i] >= '0' && s[i] <= '7' {
			n, digits, i = n*8+int(s[i]-'0'), digits+1, i+1
		}
		if digits > 0 {
			plain = append(plain, byte(n))
			i--
			continue
		}
		plain = append(plain, s[i])
	}
	var set []byte
	for i := 0; i < len(plain); i++ {
		if i+2 < len(plain) && plain[i+1] == '-' && !escaped[i+1] && plain[i+2] >= plain[i] {
			for b := int(plain[i]); b <= int(plain[i+2]); b++ {
				set = append(set, byte(b))
			}
			i += 2
			continue
		}
		set = append(set, plain[i])
	}
	return set
}

func tr(c *call) int {
	given, sets, err := c.options("d s c C", "")
	if err != nil {
		return c.fail("%v", err)
	}
	remove, squeeze, complement := has(given, "d"), has(given, "s"), has(given, "c", "C")
	if len(sets) == 0 || len(sets) == 1 && !remove && !squeeze {
		return c.fail("missing operand")
	}
	var member [256]bool
	from := trSet(sets[0])
	for _, b := range from {
		member[b] = true
	}
	if complement {
		from = nil
		for i := range member {
			if member[i] = !member[i]; member[i] {
				from = append(from, byte(i))
			}
		}
	}
	var to [256]byte
	for i := range to {
		to[i] = byte(i)
	}
	squeezed := member
	if len(sets) > 1 && !remove {
		into := trSet(sets[1])
		if len(into) == 0 {
			return c.fail("the second set is empty")
		}
		squeezed = [256]bool{}
		for i, b := range from {
			to[b] = into[min(i, len(into)-1)]
		}
		for _, b := range into {
			squeezed[b] = true
		}
	}
	r, w := bufio.NewReader(c.in), bufio.NewWriter(c.out)
	defer w.Flush()
	last := -1
	for {
		b, err := r.ReadByte()
		if err != nil {
			return 0
		}
		if remove && member[b] {
			continue
		}
		b = to[b]
		if squeeze && squeezed[b] && int(b) == last {
			continue
		}
		last = int(b)
		if w.WriteByte(b) != nil {
			return 1
		}
	}
}

// A sedCommand is one of "s", "d" and "p", with the lines that it is for.
type sedCommand struct {
	line    int            // this line; 0: any
	match   *regexp.Regexp // lines that match; nil: any
	negate  bool
	what    byte
	find    *regexp.Regexp
	replace string
	global  bool
	print   bool
}

var errSed = errors.New("only s, d and p with a line number or /pattern/ are offered here")

// parseSed reads one expression; several are separated by ";" or a line end.
func parseSed(text string, extended bool) ([]sedCommand, error) {
	compile := func(p string) (*regexp.Regexp, error) {
		if !extended {
			p = basicRegexp(p)
		}
		return regexp.Compile(p)
	}
	var all []sedCommand
	for text = strings.TrimLeft(text, " ;\n"); text != ""; text = strings.TrimLeft(text, " ;\n") {
		var s sedCommand
		var err error
		switch {
		case text[0] >= '0' && text[0] <= '9':
			n := 0
			for n < len(text) && text[n] >= '0' && text[n] <= '9' {
				s.line = min(s.line*10+int(text[n]-'0'), 1<<30)
				n++
			}
			text = text[n:]
		case text[0] == '/':
			parts, rest := sedParts(text, 1)
			if parts == nil {
				return nil, errSed
			}
			if s.match, err = compile(parts[0]); err != nil {
				return nil, err
			}
			text = rest
		}
		text = strings.TrimLeft(text, " ")
		if strings.HasPrefix(text, "!") {
			s.negate, text = true, text[1:]
		}
		if text == "" {
			return nil, errSed
		}
		s.what = text[0]
		switch s.what {
		case 'd', 'p':
			text = text[1:]
		case 's':
			parts, rest := sedParts(text[1:], 2)
			if parts == nil {
				return nil, errSed
			}
			if s.find, err = compile(parts[0]); err != nil {
				return nil, err
			}
			s.replace, text = sedReplacement(parts[1]), rest
			for text != "" && strings.IndexByte("gpIi", text[0]) >= 0 {
				switch text[0] {
				case 'g':
					s.global = true
				case 'p':
					s.print = true
				default:
					if s.find, err = compile("(?i)" + parts[0]); err != nil {
						return nil, err
					}
				}
				text = text[1:]
			}
		default:
			return nil, errSed
		}
		if text != "" && strings.IndexByte(" ;\n", text[0]) < 0 {
			return nil, errSed
		}
		all = append(all, s)
	}
	return all, nil
}

// sedParts cuts n parts off a text like "/a/b/…" whose first byte delimits
// them. A delimiter after a backslash stands for itself.
func sedParts(text string, n int) (parts []string, rest string) {
	if len(text) < 2 {
		return nil, ""
	}
	delimiter := text[0]
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			if text[i] != delimiter {
				b.WriteByte('\\')
			}
			b.WriteByte(text[i])
		case text[i] == delimiter:
			parts = append(parts, b.String())
			b.Reset()
			if len(parts) == n {
				return parts, text[i+1:]
			}
		default:
			b.WriteByte(text[i])
		}
	}
	return nil, ""
}

// sedReplacement turns "\1" and "&" into Go's "${1}" and "${0}".
func sedReplacement(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			switch {
			case s[i] >= '0' && s[i] <= '9':
				b.WriteString("${" + s[i:i+1] + "}")
			case s[i] == 'n':
				b.WriteByte('\n')
			case s[i] == '$':
				b.WriteString("$$")
			default:
				b.WriteByte(s[i])
			}
		case s[i] == '&':
			b.WriteString("${0}")
		case s[i] == '$':
			b.WriteString("$$")
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func sed(c *call) int {
	given, operands, err := c.options("i n E r in-place regexp-extended quiet", "e expression")
	if err != nil {
		return c.fail("%v", err)
	}
	script, ok := first(given, "e", "expression")
	if !ok {
		if len(operands) == 0 {
			return c.fail("no expression")
		}
		script, operands = operands[0], operands[1:]
	}
	program, err := parseSed(script, has(given, "E", "r", "regexp-extended"))
	if err != nil {
		return c.fail("%s: %v", script, err)
	}
	quiet := has(given, "n", "quiet")
	if !has(given, "i", "in-place") {
		return c.inputs(operands, func(_ string, r io.Reader) error { return runSed(program, quiet, r, c.out) })
	}
	code := 0
	for _, name := range operands {
		if err := sedInPlace(program, quiet, c.path(name)); err != nil {
			code = c.fail("can't edit %s: %s", name, why(err))
		}
	}
	return code
}

func sedInPlace(program []sedCommand, quiet bool, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var b strings.Builder
	if err := runSed(program, quiet, strings.NewReader(string(data)), &b); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(b.String()), info.Mode().Perm())
}

func runSed(program []sedCommand, quiet bool, r io.Reader, w io.Writer) error {
	number := 0
	return eachLine(r, func(line string) error {
		number++
		end := ""
		if strings.HasSuffix(line, "\n") {
			line, end = line[:len(line)-1], "\n"
		}
		out, deleted := "", false
		for _, s := range program {
			hit := (s.line == 0 || s.line == number) && (s.match == nil || s.match.MatchString(line))
			if hit == s.negate {
				continue
			}
			switch s.what {
			case 'd':
				deleted = true
			case 'p':
				out += line + end
			case 's':
				changed := s.substitute(line)
				if changed != line && s.print {
					out += changed + end
				}
				line = changed
			}
			if len(line)+len(out) > maxTail {
				return errLongLine
			}
			if deleted {
				break
			}
		}
		if !deleted && !quiet {
			out += line + end
		}
		_, err := io.WriteString(w, out)
		return err
	})
}

func (s *sedCommand) substitute(line string) string {
	if s.global {
		return s.find.ReplaceAllString(line, s.replace)
	}
	at := s.find.FindStringSubmatchIndex(line)
	if at == nil {
		return line
	}
	return line[:at[0]] + string(s.find.ExpandString(nil, s.replace, line, at)) + line[at[1]:]
}
