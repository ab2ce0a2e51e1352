// One layout for project files, with the same meaning and the same comments.

package project

import (
	"bytes"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// step is how far what belongs to a key stands to its right, in columns.
const step = 2

// Format lays a file's text out in one way: two columns a level, one space where
// there are several, at most one empty line. What it means and its comments stay.
// name is for errors, which are of class ErrFile.
func Format(name string, text []byte) ([]byte, error) {
	r := reader{file: name}
	before, err := r.document(text)
	if err != nil {
		return nil, err
	}
	out := bytes.TrimPrefix(text, []byte("\ufeff"))
	for range 3 { // a plain text of several lines has its layout at the second time
		last := out
		file, err := parser.ParseBytes(last, parser.ParseComments)
		if err != nil {
			break
		}
		for _, doc := range file.Docs {
			indent(doc.Body, 1)
		}
		if out = []byte(strings.TrimSpace(file.String()) + "\n"); !bytes.Equal(out, last) {
			continue
		}
		if after, err := r.document(out); err == nil && same(before, after) && slices.Equal(comments(text), comments(out)) {
			return out, nil
		}
	}
	return nil, r.wrong(&node{line: 1, column: 1}, "cannot be laid out without a loss", "lay it out by hand")
}

// indent moves a value, and all that is in it, to a column.
func indent(n ast.Node, column int) {
	switch n := n.(type) {
	case *ast.MappingNode:
		if n.IsFlowStyle {
			return
		}
		for i, v := range n.Values {
			if list, ok := v.Value.(*ast.SequenceNode); ok && i+1 < len(n.Values) && n.Values[i+1].Comment == nil && !list.IsFlowStyle && list.Start.Position.Column == v.Key.GetToken().Position.Column {
				// The parser takes what stands in the column of both for the list's.
				n.Values[i+1].Comment, list.FootComment = list.FootComment, nil
			}
			indent(v, column)
		}
	case *ast.MappingValueNode:
		n.AddColumn(column - n.Key.GetToken().Position.Column)
		indent(n.Value, column+step)
	case *ast.SequenceNode:
		if n.IsFlowStyle {
			return
		}
		n.AddColumn(column - n.Start.Position.Column)
		for _, v := range n.Values {
			indent(v, column+step)
		}
	case *ast.LiteralNode:
		if strings.ContainsAny(n.Start.Value, "123456789") {
			return // it says itself where its text begins
		}
		at := n.Value.GetToken()
		lines := strings.Split(at.Origin, "\n")
		margin := -1
		for _, l := range lines {
			if text := strings.TrimLeft(l, " "); text != "" && (margin < 0 || len(l)-len(text) < margin) {
				margin = len(l) - len(text)
			}
		}
		for i, l := range lines {
			if len(l) > margin && margin >= 0 {
				lines[i] = strings.Repeat(" ", column-1) + l[margin:]
			}
		}
		at.Origin = strings.Join(lines, "\n")
	}
}

// same reports whether two values are, wherever they stand.
func same(a, b *node) bool {
	return a.text == b.text && a.null == b.null && (a.entries == nil) == (b.entries == nil) && (a.items == nil) == (b.items == nil) &&
		slices.EqualFunc(a.items, b.items, same) &&
		slices.EqualFunc(a.entries, b.entries, func(x, y entry) bool { return same(x.key, y.key) && same(x.value, y.value) })
}

// comments are those of a text.
func comments(text []byte) (all []string) {
	for _, t := range lexer.Tokenize(string(text)) {
		if t.Type == token.CommentType {
			all = append(all, strings.TrimSpace(t.Value))
		}
	}
	return all
}
