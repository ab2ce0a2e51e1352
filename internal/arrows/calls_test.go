package arrows

import (
	"go/ast"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// guest is the rehearsal's guest: a system of its own, for which these rules are not.
const guest = "cmd/imgasm-guest/"

// What is easily done wrong is done in one place.
func TestOnlyInOnePlace(t *testing.T) {
	rules := []struct {
		pkg    string
		names  *regexp.Regexp
		home   string // where it may stand
		exempt string // and nobody asks; "": nowhere
		take   string // what everybody else takes
	}{
		// A rename is on disk when its folder is: Rename, File and All see to that.
		{"os", regexp.MustCompile(`^Rename$`), "internal/publish/", "", "publish.Rename"},
		// Other children would outlive us after a kill -9, and hear a terminal's Ctrl-C before us.
		{"os/exec", regexp.MustCompile(`^Command`), "internal/proc/", "internal/hosttool/", "proc.Cmd"},
		{"os", regexp.MustCompile(`^StartProcess$`), "internal/proc/", "internal/hosttool/", "proc.Cmd"},
	}
	seen := map[string]bool{}
	eachFile(t, func(path string, f *ast.File) {
		path = filepath.ToSlash(path)
		if strings.HasPrefix(path, guest) {
			return
		}
		for _, rule := range rules {
			if rule.exempt != "" && strings.HasPrefix(path, rule.exempt) {
				continue
			}
			for _, name := range namesOf(f, rule.pkg) {
				if !rule.names.MatchString(name) {
					continue
				}
				if seen[rule.take] = true; !strings.HasPrefix(path, rule.home) {
					t.Errorf("%s: %s of %s: take %s", path, name, rule.pkg, rule.take)
				}
			}
		}
	})
	for _, rule := range rules {
		if !seen[rule.take] {
			t.Errorf("this test sees nothing for which %s stands", rule.take)
		}
	}
}

// Only internal/tmpdir makes folders in the system's place for them: others
// would stay after a kill -9.
func TestTemporaryFolders(t *testing.T) {
	found := 0
	eachFile(t, func(path string, f *ast.File) {
		if strings.HasPrefix(filepath.ToSlash(path), guest) {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "MkdirTemp" && sel.Sel.Name != "CreateTemp" {
				return true
			}
			found++
			if base, ok := call.Args[0].(*ast.BasicLit); ok && (base.Value == `""` || base.Value == `"/tmp"`) {
				t.Errorf("%s: %s: take tmpdir.New", path, sel.Sel.Name)
			}
			return true
		})
	})
	if found == 0 {
		t.Error("this test sees no temporary folder at all")
	}
}
