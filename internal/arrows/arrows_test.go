// Package arrows holds the rules of which package may import which. The files
// are parsed instead of asked of the go command, whose answer Go's test cache
// would serve stale.
package arrows

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/imgasm/imgasm"

// rules: a package below From must not import a package below any of Not,
// unless it is below one of But. Packages below one of Except may.
var rules = []struct {
	from             string
	not, but, except []string
	why              string
}{
	{from: "kickstart", not: []string{""}, but: []string{"kickstart", "internal/fault"}, why: "kickstart stands alone"},
	{from: "firmware", not: []string{""}, but: []string{"firmware", "internal"}, why: "only internal packages below"},
	{from: "qemu", not: []string{""}, but: []string{"qemu", "internal"}, why: "only internal packages below"},
	{from: "nixglue", not: []string{""}, but: []string{"nixglue", "internal"}, why: "only internal packages below"},
	{from: "nixos", not: []string{""}, but: []string{"nixos", "internal"}, why: "a folder of files"},
	{from: "internal", not: []string{""}, but: []string{"internal"}, why: "the lowest floor"},
	{from: "assemble", not: []string{"cmd"}, why: "commands are above"},
	{from: "assemble$", not: []string{"assemble/alma", "assemble/nixos", "assemble/guest", "assemble/watch", "assemble/anaconda", "qemu", "kickstart", "firmware"}, why: "a build of whatever kind knows none of them"},
	{from: "assemble/", not: []string{"assemble$", "assemble/guest"}, except: []string{"assemble/alma", "assemble/nixos", "assemble/guest"}, why: "the parts of a build do not know that there is one"},
	{from: "assemble/", not: []string{"assemble/alma"}, except: []string{"assemble/alma"}, why: "nothing knows a kind of build but the command"},
	{from: "assemble/", not: []string{"assemble/nixos"}, except: []string{"assemble/nixos"}, why: "nothing knows a kind of build but the command"},
	{from: "assemble/anaconda", not: []string{""}, but: []string{"assemble/anaconda", "qemu/console", "kickstart", "internal"}, why: "the machine is pure"},
}

// below reports whether the import path p (relative to the module) lies below dir:
// "a/" means strictly below a, "a$" exactly a, "" everything.
func below(p, dir string) bool {
	switch {
	case dir == "":
		return true
	case strings.HasSuffix(dir, "$"):
		return p == strings.TrimSuffix(dir, "$")
	case strings.HasSuffix(dir, "/"):
		return strings.HasPrefix(p, dir)
	}
	return p == dir || strings.HasPrefix(p, dir+"/")
}

func anyBelow(p string, dirs []string) bool {
	for _, d := range dirs {
		if below(p, d) {
			return true
		}
	}
	return false
}

// allowed returns why package pkg may not import imp, or "".
func forbidden(pkg, imp string) string {
	for _, r := range rules {
		if below(pkg, r.from) && !anyBelow(pkg, r.except) && anyBelow(imp, r.not) && !anyBelow(imp, r.but) {
			return r.why
		}
	}
	return ""
}

func TestArrows(t *testing.T) {
	root := "../.."
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || (d.Name() != ".." && strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2)) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files++
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			inner, ok := strings.CutPrefix(imp, module+"/")
			if !ok {
				continue
			}
			if why := forbidden(filepath.ToSlash(rel), inner); why != "" {
				t.Errorf("%s imports %s: %s", filepath.ToSlash(path), inner, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 5 {
		t.Fatalf("parsed %d files: this test does not see the module", files)
	}
}

func TestForbidden(t *testing.T) {
	for _, c := range []struct {
		pkg, imp string
		ok       bool
	}{
		{"kickstart", "internal/arch", false},
		{"qemu/monitor", "internal/proc", true},
		{"qemu/accel", "qemu", true},
		{"qemu", "firmware", false},
		{"firmware", "assemble/disk", false},
		{"assemble/disk", "assemble/alma", false},
		{"assemble/alma", "assemble/disk", true},
		{"assemble/alma", "assemble", true},
		{"assemble", "assemble/lock", true},
		{"assemble/alma", "assemble/guest", true},
		{"assemble/guest", "assemble", true},
		{"assemble/guest", "assemble/alma", false},
		{"assemble/nixos", "assemble/alma", false},
		{"assemble/alma", "assemble/nixos", false},
		{"assemble/watch", "assemble/guest", false},
		{"assemble", "assemble/alma", false},
		{"assemble", "assemble/watch", false},
		{"assemble/watch", "assemble", false},
		{"cmd/imgasm", "assemble/alma", true},
		{"assemble/anaconda", "qemu/console", true},
		{"assemble/anaconda", "qemu/monitor", false},
		{"assemble/anaconda", "internal/event", true},
		{"internal/proc", "internal/arch", true},
	} {
		if got := forbidden(c.pkg, c.imp) == ""; got != c.ok {
			t.Errorf("%s → %s: allowed %v, want %v", c.pkg, c.imp, got, c.ok)
		}
	}
}
