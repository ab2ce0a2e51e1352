package lvm

import (
	"errors"
	"strconv"
	"strings"
)

// section is what stands between braces: strings, numbers (int64), lists of both
// ([]any), and sections.
type section map[string]any

// maxDepth is how deep sections lie in one another: those of LVM itself at four.
const maxDepth = 10

var errSyntax = errors.New("its text is no configuration of LVM")

// parseText reads the text of a volume group (lvm.conf(5), "SYNTAX"): `name {`, `}`, and
// `name = value`, where a value is `"text"`, `12` or `["pv0", 0]`; # begins a comment.
func parseText(text string) (section, error) {
	p := &parser{rest: text}
	s := p.section(0)
	if p.failed || p.rest != "" {
		return nil, errSyntax
	}
	return s, nil
}

type parser struct {
	rest   string
	failed bool
}

// next takes a token: a word, a text with its quotation mark in front, or one of
// the signs. It is "" at the end and after an error.
func (p *parser) next() string {
	for {
		p.rest = strings.TrimLeft(p.rest, " \t\r\n\x00")
		if !strings.HasPrefix(p.rest, "#") {
			break
		}
		_, p.rest, _ = strings.Cut(p.rest, "\n")
	}
	switch {
	case p.failed || p.rest == "":
		p.rest = ""
		return ""
	case p.rest[0] == '"':
		return p.quoted()
	}
	n := strings.IndexAny(p.rest, "{}[]=,\"# \t\r\n\x00")
	switch n {
	case -1:
		n = len(p.rest)
	case 0:
		n = 1
	}
	token := p.rest[:n]
	p.rest = p.rest[n:]
	return token
}

var unescape = strings.NewReplacer(`\"`, `"`, `\\`, `\`)

func (p *parser) quoted() string {
	for i := 1; i < len(p.rest); i++ {
		switch p.rest[i] {
		case '\\':
			i++
		case '"':
			token := unescape.Replace(p.rest[:i])
			p.rest = p.rest[i+1:]
			return token
		}
	}
	p.failed = true
	return ""
}

// section reads up to the brace that closes it, or to the text's end at depth 0.
func (p *parser) section(depth int) section {
	s := section{}
	for {
		name := p.next()
		if name == "" && depth == 0 || name == "}" && depth > 0 {
			return s
		}
		switch sign := p.next(); {
		case sign == "{" && depth < maxDepth:
			s[name] = p.section(depth + 1)
		case sign == "=":
			s[name] = p.value(p.next())
		default:
			p.failed = true
		}
		if p.failed {
			return s
		}
	}
}

func (p *parser) value(token string) any {
	if token == "[" {
		list := []any{}
		for token := p.next(); token != "]"; token = p.next() {
			if token == "" || token == "[" {
				p.failed = true
				return nil
			}
			if token != "," {
				list = append(list, p.value(token))
			}
		}
		return list
	}
	if text, ok := strings.CutPrefix(token, `"`); ok {
		return text
	}
	n, err := strconv.ParseInt(token, 10, 64)
	if err != nil && token == "" {
		p.failed = true
	}
	return n // 0 of what is a word or a fraction, which no value is that matters here
}

// text, number, list and section are values of a section; the zero value if there
// is none of the kind.
func (s section) text(name string) string     { v, _ := s[name].(string); return v }
func (s section) number(name string) int64    { v, _ := s[name].(int64); return v }
func (s section) list(name string) []any      { v, _ := s[name].([]any); return v }
func (s section) section(name string) section { v, _ := s[name].(section); return v }
