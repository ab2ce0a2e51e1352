// The YAML that a project's file may have: mappings, lists and scalars, each
// with its place.

package project

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/kickstart"
)

// node is a value: a mapping, a list, or a scalar as it was written.
type node struct {
	line, column int
	entries      []entry // not nil: a mapping
	items        []*node // not nil: a list
	text         string
	null         bool
}

type entry struct{ key, value *node }

func (n *node) scalar() bool { return n.entries == nil && n.items == nil && !n.null }

// get is a mapping's value; nil: there is none.
func (n *node) get(key string) *node {
	for _, e := range n.entries {
		if e.key.text == key {
			return e.value
		}
	}
	return nil
}

// Mistake is what an ErrFile is about, and where that stands.
type Mistake struct {
	File         string
	Line, Column int // from 1, columns in characters
	Text         string
}

func (m *Mistake) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", m.File, m.Line, m.Column, m.Text)
}

func (r reader) wrong(at *node, text, do string) error {
	return &fault.Error{Class: ErrFile, Err: &Mistake{r.file, at.line, at.column, text}, Do: do}
}

// unknown is about a name that is none of those there are.
func (r reader) unknown(at *node, what string, names []string) error {
	do := ""
	if near := kickstart.Nearest(at.text, names); near != "" {
		do = "did you mean " + near + "?"
	}
	return r.wrong(at, fmt.Sprintf("%q is no %s", at.text, what), do)
}

// only refuses keys that are not known.
func (r reader) only(n *node, known ...string) (mistakes []error) {
	for _, e := range n.entries {
		if !slices.Contains(known, e.key.text) {
			mistakes = append(mistakes, r.unknown(e.key, "key", known))
		}
	}
	return mistakes
}

// document is a file's only document, a mapping.
func (r reader) document(text []byte) (*node, error) {
	top, err := r.value(text)
	if err == nil && (top == nil || top.entries == nil) {
		err = r.wrong(cmp.Or(top, &node{line: 1, column: 1}), "the file is no mapping", "it begins with images:")
	}
	return top, err
}

// value is what a file holds; nil: nothing.
func (r reader) value(text []byte) (*node, error) {
	if len(text) > MaxSize {
		return nil, r.wrong(&node{line: 1, column: 1}, fmt.Sprintf("larger than %d bytes", MaxSize), "")
	}
	tokens := lexer.Tokenize(string(bytes.TrimPrefix(text, []byte("\ufeff")))) // as some editors write first
	if at := tooDeep(tokens); at != nil {
		return nil, r.wrong(place(at), fmt.Sprintf("more than %d values in one another", maxDepth), "")
	}
	file, err := parser.Parse(tokens, 0)
	var broken *yaml.SyntaxError
	if errors.As(err, &broken) {
		return nil, r.wrong(place(broken.Token), broken.Message, "")
	}
	if err != nil {
		return nil, r.wrong(&node{line: 1, column: 1}, err.Error(), "")
	}
	var top *node
	for i, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		n, err := r.node(doc.Body)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			return nil, r.wrong(n, "a second document", "write all images into one")
		}
		top = n
	}
	return top, nil
}

// tooDeep is the first of the brackets, or of the dashes of a line, that nest so deep
// that the parser would take minutes and gigabytes; nil: none.
func tooDeep(tokens token.Tokens) *token.Token {
	open, line, dashes := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, dashes = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			open++
		case token.SequenceEndType, token.MappingEndType:
			open--
		case token.SequenceEntryType:
			dashes++
		}
		if max(open, dashes) > maxDepth {
			return t
		}
	}
	return nil
}

func place(t *token.Token) *node {
	if t == nil {
		return &node{line: 1, column: 1}
	}
	return &node{line: t.Position.Line, column: t.Position.Column}
}

func (r reader) node(n ast.Node) (*node, error) {
	out := place(n.GetToken())
	switch n := n.(type) {
	case *ast.MappingNode:
		out.entries = []entry{}
		return out, r.entries(out, n.Values)
	case *ast.MappingValueNode:
		out.entries = []entry{}
		return out, r.entries(out, []*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		out.items = []*node{}
		for _, v := range n.Values {
			item, err := r.node(v)
			if err != nil {
				return nil, err
			}
			out.items = append(out.items, item)
		}
	case *ast.NullNode:
		out.null = true
	case *ast.StringNode:
		out.text = n.Value
	case *ast.LiteralNode:
		out.text = n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		out.text = n.GetToken().Value // as it was written: 10.10 is no 10.1
	default:
		return nil, r.wrong(out, fmt.Sprintf("%s is not read here", n.Type()), "write the value out")
	}
	return out, nil
}

func (r reader) entries(out *node, values []*ast.MappingValueNode) error {
	for _, v := range values {
		key, err := r.node(v.Key)
		if err != nil {
			return err
		}
		value, err := r.node(v.Value)
		if err != nil {
			return err
		}
		if !key.scalar() {
			return r.wrong(key, "a key is a text", "")
		}
		if out.get(key.text) != nil {
			return r.wrong(key, fmt.Sprintf("%q stands here twice", key.text), "")
		}
		out.entries = append(out.entries, entry{key, value})
	}
	return nil
}
