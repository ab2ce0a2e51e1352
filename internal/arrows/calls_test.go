package arrows

import (
	"go/ast"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What is easily done wrong is done in one place.
func TestOnlyInOnePlace(t *testing.T) {
	rules := []struct {
		pkg    string
		names  *regexp.Regexp
		home   string // where it may stand
		exempt string // and nobody asks: beginnings of paths; "": nowhere
		take   string // what everybody else takes
	}{
		// A rename is on disk when its folder is: Rename, File and All see to that.
		{"os", regexp.MustCompile(`^Rename$`), "internal/publish/", "", "publish.Rename"},
		// Other children would outlive us after a kill -9, and hear a terminal's Ctrl-C before us.
		{"os/exec", regexp.MustCompile(`^Command`), "internal/proc/", "internal/hosttool/ internal/nodefs/nodefstest/", "proc.Cmd"},
		{"os", regexp.MustCompile(`^StartProcess$`), "internal/proc/", "internal/hosttool/ internal/nodefs/nodefstest/", "proc.Cmd"},
		// A pipe would be waited for and a device would have no end, and nobody would
		// hear a signal. What is exempt reads what imgasm has written itself.
		{"os", regexp.MustCompile(`^Open$`), "internal/smallfile/", "internal/tree/ internal/publish/ internal/nodefs/nodefstest/ qemu/qemutest/", "smallfile.Open"},
		{"os", regexp.MustCompile(`^ReadFile$`), "internal/", "qemu/qemutest/ qemu/accel/probe.go assemble/source/ assemble/host/memory_linux.go assemble/alma/secrets.go assemble/rehearsal/", "smallfile.Read or ReadAgain"},
		// Others would stay after a kill -9.
		{"os", regexp.MustCompile(`^(MkdirTemp|CreateTemp)$`), "internal/tmpdir/", "", "tmpdir.New, tmpdir.Hidden or publish.File"},
	}
	seen := map[string]bool{}
	eachFile(t, func(path string, f *ast.File) {
		path = filepath.ToSlash(path)
		for _, rule := range rules {
			if slices.ContainsFunc(strings.Fields(rule.exempt), func(e string) bool { return strings.HasPrefix(path, e) }) {
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
