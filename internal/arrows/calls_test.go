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
		// Others would stay after a kill -9.
		{"os", regexp.MustCompile(`^(MkdirTemp|CreateTemp)$`), "internal/tmpdir/", "", "tmpdir.New, tmpdir.Hidden or publish.File"},
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
