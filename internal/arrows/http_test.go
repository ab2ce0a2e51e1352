package arrows

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Only internal/fetch makes HTTP requests, so that its policy holds for all of
// them. What else is named of net/http is a transport that is handed on to it.
func TestOnlyFetchSpeaksHTTP(t *testing.T) {
	clients := 0
	eachFile(t, func(path string, f *ast.File) {
		for _, name := range namesOf(f, "net/http") {
			switch dir := filepath.ToSlash(filepath.Dir(path)); {
			case dir == "internal/fetch":
				clients++
			case strings.HasSuffix(dir, "/debiantest"): // a server, for tests
			case name != "RoundTripper":
				t.Errorf("%s uses http.%s: only internal/fetch makes requests", path, name)
			}
		}
	})
	if clients == 0 {
		t.Error("internal/fetch uses nothing of net/http: this test does not see it")
	}
}

func TestNamesOf(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", `package x
import web "net/http"
import "net/url"
var _, _ = web.Get, url.Parse
func f(c *web.Client) { c.Do(nil) }
`, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := namesOf(f, "net/http"); !slices.Equal(got, []string{"Get", "Client"}) {
		t.Errorf("%v", got)
	}
}

// eachFile parses every file of the module that is no test. Paths are relative to its root.
func eachFile(t *testing.T, do func(path string, f *ast.File)) {
	t.Helper()
	const root = "../.."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && path != root):
			return filepath.SkipDir
		case d.IsDir(), !strings.HasSuffix(path, ".go"), strings.HasSuffix(path, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err == nil {
			do(rel, f)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// namesOf lists what a file names of an imported package, by whatever name it
// imports it. A dot import is listed as ".".
func namesOf(f *ast.File, importPath string) []string {
	var names []string
	local := ""
	for _, spec := range f.Imports {
		if strings.Trim(spec.Path.Value, `"`) != importPath {
			continue
		}
		local = filepath.Base(importPath)
		if spec.Name != nil {
			local = spec.Name.Name
		}
		if local == "." {
			names = append(names, ".")
		}
	}
	if local == "" {
		return nil
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == local {
				names = append(names, s.Sel.Name)
			}
		}
		return true
	})
	return names
}
