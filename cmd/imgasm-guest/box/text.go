// Commands on text: cat, head, tail, tr, wc, grep, cut, sort, base64, tee.

package box

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// inputs calls use for each operand, "-" and none at all being standard input.
func (c *call) inputs(operands []string, use func(name string, r io.Reader) error) int {
	if len(operands) == 0 {
		operands = []string{"-"}
	}
	code := 0
	for _, o := range operands {
		r := c.in
		if o != "-" {
			f, err := os.Open(c.path(o))
			if err != nil {
				code = c.fail("%s: %s", o, why(err))
				continue
			}
			r = f
		}
		err := use(o, r)
		if f, ok := r.(*os.File); ok && o != "-" {
			f.Close()
		}
		if err != nil {
			code = c.fail("%s: %s", o, why(err))
		}
	}
	return code
}

func cat(c *call) int {
	_, files, err := c.options("u n", "")
	if err != nil {
		return c.fail("%v", err)
	}
	return c.inputs(files, func(_ string, r io.Reader) error {
		_, err := io.Copy(c.out, r)
		return err
	})
}

func tee(c *call) int {
	given, files, err := c.options("a append", "")
	if err != nil {
		return c.fail("%v", err)
	}
	mode := os.O_TRUNC
	if has(given, "a", "append") {
		mode = os.O_APPEND
	}
	code, outs := 0, []io.Writer{c.out}
	for _, name := range files {
		f, err := os.OpenFile(c.path(name), os.O_WRONLY|os.O_CREATE|mode, 0o644)
		if err != nil {
			code = c.fail("%s: %s", name, why(err))
			continue
		}
		defer f.Close()
		outs = append(outs, f)
	}
	if _, err := io.Copy(io.MultiWriter(outs...), c.in); err != nil {
		return c.fail("%v", err)
	}
	return code
}

// obsolete rewrites the old form "-20" of head and tail as "-n 20".
func (c *call) obsolete() {
	if len(c.args) > 0 && len(c.args[0]) > 1 && c.args[0][0] == '-' && strings.Trim(c.args[0][1:], "0123456789") == "" {
		c.args = append([]string{"-n", c.args[0][1:]}, c.args[1:]...)
	}
}

// count reads the number of -n or -c; fallback without either.
func count(given map[string]string) (n int64, inBytes, fromStart bool, err error) {
	text, ok := first(given, "c", "bytes")
	inBytes = ok
	if !ok {
		if text, ok = first(given, "n", "lines"); !ok {
			return 10, false, false, nil
		}
	}
	fromStart = strings.HasPrefix(text, "+")
	n, err = strconv.ParseInt(strings.TrimLeft(text, "+"), 10, 64)
	if err != nil {
		return 0, false, false, fmt.Errorf("invalid number: '%s'", text)
	}
	return n, inBytes, fromStart, nil
}

func head(c *call) int {
	c.obsolete()
	given, files, err := c.options("q", "n c lines bytes")
	if err != nil {
		return c.fail("%v", err)
	}
	n, inBytes, _, err := count(given)
	if err == nil && n < 0 {
		err = errors.New("a negative number is not offered here")
	}
	if err != nil {
		return c.fail("%v", err)
	}
	return c.inputs(files, func(_ string, r io.Reader) error {
		if inBytes {
			_, err := io.CopyN(c.out, r, n)
			return ignoreEOF(err)
		}
		left := n
		if left == 0 {
			return nil
		}
		return eachLine(r, func(line string) error {
			if _, err := io.WriteString(c.out, line); err != nil {
				return err
			}
			if left--; left == 0 {
				return errEnough
			}
			return nil
		})
	})
}

func tail(c *call) int {
	c.obsolete()
	given, files, err := c.options("q f F", "n c lines bytes")
	if err != nil {
		return c.fail("%v", err)
	}
	if has(given, "f", "F") {
		return c.fail("-f is not offered here")
	}
	n, inBytes, fromStart, err := count(given)
	if err != nil {
		return c.fail("%v", err)
	}
	return c.inputs(files, func(_ string, r io.Reader) error {
		switch {
		case fromStart && inBytes:
			if _, err := io.CopyN(io.Discard, r, max(n-1, 0)); err != nil {
				return ignoreEOF(err)
			}
			_, err := io.Copy(c.out, r)
			return err
		case fromStart:
			skip := n - 1
			return eachLine(r, func(line string) error {
				if skip--; skip >= 0 {
					return nil
				}
				_, err := io.WriteString(c.out, line)
				return err
			})
		}
		data, err := readEnd(r)
		if err != nil {
			return err
		}
		_, err = c.out.Write(data[lastFrom(data, max(n, -n), inBytes):])
		return err
	})
}

// lastFrom is where the last n bytes or lines of data begin. The number of a
// negative -n counts too: "tail -n -5" is "tail -n 5".
func lastFrom(data []byte, n int64, inBytes bool) int {
	if n < 0 { // the least of all numbers has no positive counterpart
		return 0
	}
	if inBytes {
		return int(max(int64(len(data))-n, 0))
	}
	from := len(data)
	for ; n > 0 && from > 0; n-- {
		from = bytes.LastIndexByte(data[:from-1], '\n') + 1
	}
	return from
}

func wc(c *call) int {
	given, files, err := c.options("l w c m lines words bytes", "")
	if err != nil {
		return c.fail("%v", err)
	}
	all := len(given) == 0
	return c.inputs(files, func(name string, r io.Reader) error {
		var lines, words, bytes int64
		b := bufio.NewReader(r)
		inWord := false
		for {
			ch, err := b.ReadByte()
			if err != nil {
				if err != io.EOF {
					return err
				}
				break
			}
			bytes++
			if ch == '\n' {
				lines++
			}
			space := strings.IndexByte(" \t\n\v\f\r", ch) >= 0
			if !space && !inWord {
				words++
			}
			inWord = !space
		}
		var fields []string
		if all || has(given, "l", "lines") {
			fields = append(fields, fmt.Sprint(lines))
		}
		if all || has(given, "w", "words") {
			fields = append(fields, fmt.Sprint(words))
		}
		if all || has(given, "c", "m", "bytes") {
			fields = append(fields, fmt.Sprint(bytes))
		}
		if name != "-" {
			fields = append(fields, name)
		}
		_, err := fmt.Fprintln(c.out, strings.Join(fields, " "))
		return err
	})
}

func encode64(c *call) int {
	given, files, err := c.options("d decode i", "w wrap")
	if err != nil {
		return c.fail("%v", err)
	}
	wrap := 76
	if text, ok := first(given, "w", "wrap"); ok {
		if wrap, err = strconv.Atoi(text); err != nil {
			return c.fail("invalid wrap size: '%s'", text)
		}
	}
	return c.inputs(files, func(_ string, r io.Reader) error {
		data, err := readAll(r)
		if err != nil {
			return err
		}
		if has(given, "d", "decode") {
			plain, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(data)), ""))
			c.out.Write(plain)
			return err
		}
		text := base64.StdEncoding.EncodeToString(data)
		for wrap > 0 && len(text) > wrap {
			fmt.Fprintln(c.out, text[:wrap])
			text = text[wrap:]
		}
		if wrap > 0 && text != "" {
			text += "\n"
		}
		_, err = io.WriteString(c.out, text)
		return err
	})
}

func grep(c *call) int {
	given, operands, err := c.options("q i v E F x c n o h s w", "e m")
	if err != nil {
		return c.fail("%v", err)
	}
	pattern, ok := given["e"]
	if !ok {
		if len(operands) == 0 {
			return 2 * c.fail("no pattern")
		}
		pattern, operands = operands[0], operands[1:]
	}
	switch {
	case has(given, "F"):
		pattern = regexp.QuoteMeta(pattern)
	case !has(given, "E"):
		pattern = basicRegexp(pattern)
	}
	if has(given, "x") {
		pattern = "^(?:" + pattern + ")$"
	}
	if has(given, "w") {
		pattern = `\b(?:` + pattern + `)\b`
	}
	if has(given, "i") {
		pattern = "(?i)" + pattern
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return 2 * c.fail("%v", err)
	}
	found := 0
	bad := c.inputs(operands, func(name string, r io.Reader) error {
		n, here := 0, 0
		err := eachLine(r, func(line string) error {
			n++
			line = strings.TrimSuffix(line, "\n")
			if re.MatchString(line) == has(given, "v") {
				return nil
			}
			here++
			if has(given, "q") {
				return errEnough
			}
			if has(given, "c") {
				return nil
			}
			prefix := ""
			if len(operands) > 1 && !has(given, "h") {
				prefix = name + ":"
			}
			if has(given, "n") {
				prefix += fmt.Sprint(n) + ":"
			}
			parts := []string{line}
			if has(given, "o") {
				parts = re.FindAllString(line, -1)
			}
			for _, part := range parts {
				if _, err := fmt.Fprintln(c.out, prefix+part); err != nil {
					return err
				}
			}
			return nil
		})
		if has(given, "c") {
			fmt.Fprintln(c.out, here)
		}
		found += here
		return err
	})
	switch {
	case found > 0:
		return 0
	case bad != 0:
		return 2
	}
	return 1
}

// basicRegexp turns a POSIX basic regular expression into Go's syntax: there,
// the braces, parentheses, "|", "+" and "?" are special with a backslash.
func basicRegexp(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			if strings.IndexByte("(){}|+?", s[i]) >= 0 {
				b.WriteByte(s[i])
			} else {
				b.WriteString(`\` + s[i:i+1])
			}
		case strings.IndexByte("(){}|+?", s[i]) >= 0:
			b.WriteString(`\` + s[i:i+1])
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func sortLines(c *call) int {
	given, files, err := c.options("u r n", "k t")
	if err != nil {
		return c.fail("%v", err)
	}
	var lines []string
	code := c.inputs(files, func(_ string, r io.Reader) error {
		data, err := readAll(r)
		if len(data) > 0 {
			lines = append(lines, strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")...)
		}
		return err
	})
	number := func(s string) float64 {
		f, _ := strconv.ParseFloat(strings.Fields(s + " 0")[0], 64)
		return f
	}
	sort.SliceStable(lines, func(i, j int) bool {
		a, b := lines[i], lines[j]
		if has(given, "r") {
			a, b = b, a
		}
		if has(given, "n") {
			return number(a) < number(b)
		}
		return a < b
	})
	for i, l := range lines {
		if !has(given, "u") || i == 0 || lines[i-1] != l {
			fmt.Fprintln(c.out, l)
		}
	}
	return code
}

func cut(c *call) int {
	given, files, err := c.options("s", "d f c")
	if err != nil {
		return c.fail("%v", err)
	}
	delimiter := "\t"
	if d, ok := given["d"]; ok {
		delimiter = d
	}
	list, byField := given["f"]
	if !byField {
		list = given["c"]
	}
	ranges, err := cutList(list)
	if err != nil {
		return c.fail("%v", err)
	}
	return c.inputs(files, func(_ string, r io.Reader) error {
		return eachLine(r, func(line string) error {
			line = strings.TrimSuffix(line, "\n")
			parts := strings.Split(line, "")
			glue := ""
			if byField {
				if parts, glue = strings.Split(line, delimiter), delimiter; len(parts) == 1 {
					if !has(given, "s") {
						_, err := fmt.Fprintln(c.out, line)
						return err
					}
					return nil
				}
			}
			var kept []string
			for i, p := range parts {
				if ranges(i + 1) {
					kept = append(kept, p)
				}
			}
			_, err := fmt.Fprintln(c.out, strings.Join(kept, glue))
			return err
		})
	})
}

// cutList reads "1,3-5,7-".
func cutList(list string) (func(int) bool, error) {
	type span struct{ from, to int }
	var spans []span
	for _, part := range strings.Split(list, ",") {
		from, to, dash := strings.Cut(part, "-")
		s := span{1, 1 << 30}
		var err error
		if from != "" {
			if s.from, err = strconv.Atoi(from); err != nil {
				return nil, fmt.Errorf("invalid list '%s'", list)
			}
		}
		if !dash {
			s.to = s.from
		} else if to != "" {
			if s.to, err = strconv.Atoi(to); err != nil {
				return nil, fmt.Errorf("invalid list '%s'", list)
			}
		}
		if part == "" || part == "-" || s.from < 1 {
			return nil, fmt.Errorf("invalid list '%s'", list)
		}
		spans = append(spans, s)
	}
	return func(i int) bool {
		for _, s := range spans {
			if i >= s.from && i <= s.to {
				return true
			}
		}
		return false
	}, nil
}
