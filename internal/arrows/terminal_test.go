package arrows

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Only cmd/imgasm/ui writes to a terminal, because it cleans what strangers
// have written. main hands the process's outputs to run, which hands them to
// ui. Programs of their own, which run elsewhere, write for themselves.
func TestOnlyUIWritesToTheTerminal(t *testing.T) {
	programs := []string{"qemu/qemutest", "internal/hosttool/contest"}
	seen := 0
	eachFile(t, func(path string, f *ast.File) {
		dir := filepath.ToSlash(filepath.Dir(path))
		if slices.ContainsFunc(programs, func(p string) bool { return dir == p || strings.HasPrefix(dir, p+"/") }) {
			return
		}
		if dir == "cmd/imgasm" && filepath.Base(path) != "console.go" && strings.Contains(strings.Join(selected(f), " "), " GuestConsole ") {
			t.Errorf("%s uses GuestConsole: only imgasm console gives the terminal to a guest", path)
		}
		for _, name := range writersOf(f) {
			switch {
			case dir == "cmd/imgasm/ui":
				seen++
			case filepath.ToSlash(path) == "internal/proc/detach_windows.go": // hands them to what runs in our place
			case filepath.ToSlash(path) == "cmd/imgasm/main.go" && (name == "os.Stdout" || name == "os.Stderr") && onlyHandedToRun(f):
			default:
				t.Errorf("%s uses %s: only cmd/imgasm/ui writes to a terminal", path, name)
			}
		}
	})
	if seen == 0 {
		t.Error("cmd/imgasm/ui uses no output: this test does not see it")
	}
}

// writersOf lists what a file uses that reaches the outputs of the process.
func writersOf(f *ast.File) []string {
	var names []string
	for pkg, bad := range map[string][]string{
		"os":             {"Stdout", "Stderr", "NewFile"},
		"fmt":            {"Print", "Printf", "Println"},
		"syscall":        {"Stdout", "Stderr"},
		"log":            nil, // everything
		"log/slog":       nil,
		"text/tabwriter": nil,
	} {
		for _, name := range namesOf(f, pkg) {
			if bad == nil || slices.Contains(bad, name) || name == "." {
				names = append(names, filepath.Base(pkg)+"."+name)
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			if x, ok := c.Fun.(*ast.Ident); ok && (x.Name == "print" || x.Name == "println") {
				names = append(names, x.Name)
			}
		}
		return true
	})
	return names
}

// selected lists every name behind a dot.
func selected(f *ast.File) []string {
	names := []string{""}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			names = append(names, s.Sel.Name)
		}
		return true
	})
	return append(names, "")
}

// onlyHandedToRun: each of the outputs is named once, as an argument of run.
func onlyHandedToRun(f *ast.File) bool {
	handed := 0
	ast.Inspect(f, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok && fmt.Sprint(c.Fun) == "run" {
			for _, a := range c.Args {
				if s, ok := a.(*ast.SelectorExpr); ok && fmt.Sprint(s.X) == "os" && strings.HasPrefix(s.Sel.Name, "Std") && s.Sel.Name != "Stdin" {
					handed++
				}
			}
		}
		return true
	})
	named := 0
	for _, name := range namesOf(f, "os") {
		if name == "Stdout" || name == "Stderr" {
			named++
		}
	}
	return handed == named
}

func TestWritersOf(t *testing.T) {
	for source, want := range map[string]string{
		`import "fmt"; func f() { fmt.Println(1); fmt.Fprintln(nil) }`: "fmt.Println",
		`import p "fmt"; func f() { p.Printf("") }`:                    "fmt.Printf",
		`import "os"; var x = os.Stderr`:                               "os.Stderr",
		`import "os"; var x = os.Stdin`:                                "",
		`import "log"; func f() { log.Fatal(1) }`:                      "log.Fatal",
		`func f() { println(1) }`:                                      "println",
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x; "+source, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(writersOf(f), " "); got != want {
			t.Errorf("%s: %q, want %q", source, got, want)
		}
	}
}
