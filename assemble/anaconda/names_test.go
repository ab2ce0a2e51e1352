package anaconda

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// What a row means stands in its columns: no code outside of the table asks for
// a row by its name, so that a new row is a row and its sample, and nothing else.
func TestNoCodeNamesARule(t *testing.T) {
	names := map[string]bool{}
	for _, r := range Rules() {
		names[r.Name] = true
	}
	looked := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(d.Name(), "rules_") {
			return err
		}
		looked++
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		for _, at := range namedBy(file, names) {
			t.Errorf("%s: %s", fset.Position(at.Pos()), at.Value)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if looked < 200 {
		t.Errorf("looked at %d files: this test does not see the code", looked)
	}
}

// namedBy returns the names of rules with which something called Rule, Name or
// fired is compared, looked up or filled.
func namedBy(file *ast.File, names map[string]bool) (found []*ast.BasicLit) {
	literal := func(e ast.Expr) *ast.BasicLit {
		lit, ok := e.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return nil
		}
		if text, err := strconv.Unquote(lit.Value); err != nil || !names[text] {
			return nil
		}
		return lit
	}
	about := func(e ast.Expr) bool {
		s, ok := e.(*ast.SelectorExpr)
		return ok && (s.Sel.Name == "Rule" || s.Sel.Name == "fired" || s.Sel.Name == "Name" && strings.Contains(strings.ToLower(source(s.X)), "rule"))
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			for _, pair := range [][2]ast.Expr{{n.X, n.Y}, {n.Y, n.X}} {
				if lit := literal(pair[1]); lit != nil && about(pair[0]) {
					found = append(found, lit)
				}
			}
		case *ast.SwitchStmt:
			if n.Tag == nil || !about(n.Tag) {
				return true
			}
			for _, c := range n.Body.List {
				for _, e := range c.(*ast.CaseClause).List {
					if lit := literal(e); lit != nil {
						found = append(found, lit)
					}
				}
			}
		case *ast.IndexExpr:
			if lit := literal(n.Index); lit != nil && about(n.X) {
				found = append(found, lit)
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Rule" {
				if lit := literal(n.Value); lit != nil {
					found = append(found, lit)
				}
			}
		}
		return true
	})
	return found
}

// source names the identifiers of an expression.
func source(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return source(e.X) + "." + e.Sel.Name
	case *ast.IndexExpr:
		return source(e.X)
	}
	return ""
}

func TestNamedBy(t *testing.T) {
	names := map[string]bool{"a-rule": true}
	for code, want := range map[string]int{
		`if f.rule.Name == "a-rule" {}`:                1,
		`if "a-rule" != f.Rule {}`:                     1,
		`switch rule.Name { case "x", "a-rule": }`:     1,
		`if m.evidence.fired["a-rule"] > 0 {}`:         1,
		`_ = E{Rule: "a-rule"}`:                        1,
		`if disk.Name == "a-rule" || x == "a-rule" {}`: 0,
		`if f.rule.Name == "other" {}`:                 0,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nfunc f() {\n"+code+"\n}\n", 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(namedBy(file, names)); got != want {
			t.Errorf("%s: %d, want %d", code, got, want)
		}
	}
}
