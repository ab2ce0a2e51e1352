package arrows

import (
	"go/ast"
	"path/filepath"
	"strings"
	"testing"
)

// A panic in a goroutine ends imgasm where no step can make an error of it, and
// no bundle is kept: each is started with guard.Func.
func TestGoroutinesAreGuarded(t *testing.T) {
	exempt := []string{
		"qemu/qemutest/",          // a program of its own, for tests
		"kickstart/lsp/server.go", // kickstart imports nothing of this module; an editor starts a server again
	}
	guarded := 0
	eachFile(t, func(path string, f *ast.File) {
		path = filepath.ToSlash(path)
		for _, e := range exempt {
			if strings.HasPrefix(path, e) {
				return
			}
		}
		check := func(run ast.Expr) {
			if isGuard(run) {
				guarded++
			} else {
				t.Errorf("%s starts a goroutine without guard.Func", path)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				check(n.Call.Fun)
			case *ast.CallExpr: // of a sync.WaitGroup, an errgroup.Group
				if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Go" && len(n.Args) == 1 {
					check(n.Args[0])
				}
			}
			return true
		})
	})
	if guarded < 10 {
		t.Errorf("this test sees %d goroutines only", guarded)
	}
}

// isGuard reports whether e is guard.Func(…).
func isGuard(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "Func" {
		return false
	}
	pkg, ok := sel.X.(*ast.Ident)
	return ok && pkg.Name == "guard"
}
