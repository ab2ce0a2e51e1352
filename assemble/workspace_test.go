package assemble

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestWorkspaceIsExclusive(t *testing.T) {
	out := filepath.Join(t.TempDir(), "alma.qcow2")
	w, err := openWorkspace(out, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openWorkspace(out, nil); !errors.Is(err, ErrBusy) {
		t.Errorf("second build on one output: %v, want ErrBusy", err)
	}
	other, err := openWorkspace(out+"2", nil)
	if err != nil {
		t.Errorf("a build on another output: %v", err)
	} else {
		other.close(false)
	}
	w.close(false)
	if entries, _ := os.ReadDir(filepath.Dir(out)); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestWorkspaceSweepsWhatAKilledBuildLeft(t *testing.T) {
	out := filepath.Join(t.TempDir(), "alma.qcow2")
	dir := WorkFolder(out)
	if err := os.MkdirAll(filepath.Join(dir, "install"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{lockFile, "disk.raw", "install/vars.fd"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w, err := openWorkspace(out, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close(false)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("after opening: %v, %v; want the lock alone", entries, err)
	}
}

// Many builds start and end on one output: never are two of them inside.
func TestWorkspaceRace(t *testing.T) {
	out := filepath.Join(t.TempDir(), "alma.qcow2")
	var inside, entered atomic.Int32
	var wait sync.WaitGroup
	for range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for range 50 {
				w, err := openWorkspace(out, nil)
				if err != nil {
					if !errors.Is(err, ErrBusy) {
						t.Error(err)
					}
					continue
				}
				if inside.Add(1) != 1 {
					t.Error("two builds hold one output")
				}
				entered.Add(1)
				inside.Add(-1)
				w.close(false)
			}
		}()
	}
	wait.Wait()
	if entered.Load() == 0 {
		t.Error("nobody ever got in")
	}
}

// What stands in the place of a working folder and is not ours is refused, and
// nothing in it or behind it is touched.
func TestWorkspaceRefusesForeignFolders(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("this system has neither modes nor links for everybody")
	}
	for name, c := range map[string]struct {
		plant func(t *testing.T, dir, treasure string)
		why   string
	}{
		"link":          {func(t *testing.T, dir, treasure string) { ok(t, os.Symlink(treasure, dir)) }, "it is a link"},
		"dangling link": {func(t *testing.T, dir, treasure string) { ok(t, os.Symlink(treasure+"x", dir)) }, "it is a link"},
		"file":          {func(t *testing.T, dir, _ string) { ok(t, os.WriteFile(dir, nil, 0o600)) }, "it is no folder"},
		"readable":      {func(t *testing.T, dir, _ string) { ok(t, os.Mkdir(dir, 0o700)); ok(t, os.Chmod(dir, 0o755)) }, "others may read it"},
		"writable":      {func(t *testing.T, dir, _ string) { ok(t, os.Mkdir(dir, 0o700)); ok(t, os.Chmod(dir, 0o770)) }, "others may write to it"},
		"another's":     {func(t *testing.T, dir, _ string) { ok(t, os.Mkdir(dir, 0o700)); chown(t, dir) }, "it belongs to another user"},
		"lock is a link": {func(t *testing.T, dir, treasure string) {
			ok(t, os.Mkdir(dir, 0o700))
			ok(t, os.Symlink(filepath.Join(treasure, "gem"), filepath.Join(dir, lockFile)))
		}, ""},
		"lock is a near link": {func(t *testing.T, dir, _ string) {
			ok(t, os.Mkdir(dir, 0o700))
			ok(t, os.WriteFile(filepath.Join(dir, "x"), nil, 0o600))
			ok(t, os.Symlink("x", filepath.Join(dir, lockFile)))
		}, "lock in it is no file"},
		"another's journal": {func(t *testing.T, dir, treasure string) {
			ok(t, os.Mkdir(dir, 0o700))
			gem := filepath.Join(treasure, "gem")
			ok(t, os.WriteFile(filepath.Join(dir, "publish.json"), fmt.Appendf(nil, `{"files":[{"from":%q,"to":%[1]q,"old":%[1]q,"sha256":"x"}]}`, gem), 0o600))
		}, "its publish.json names "},
	} {
		t.Run(name, func(t *testing.T) {
			treasure := filepath.Join(t.TempDir(), "treasure")
			ok(t, os.Mkdir(treasure, 0o755))
			ok(t, os.WriteFile(filepath.Join(treasure, "gem"), []byte("gem"), 0o644))
			out := filepath.Join(t.TempDir(), "alma.qcow2")
			c.plant(t, WorkFolder(out), treasure)
			w, err := openWorkspace(out, nil)
			if err == nil {
				w.close(false)
				t.Fatal("was taken for a folder of ours")
			}
			if c.why != "" && (!errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), "not imgasm's own: "+c.why) || !strings.Contains(Hint(err), WorkFolder(out))) {
				t.Errorf("error %v, want ErrForeign that says %q", err, c.why)
			}
			if gem, err := os.ReadFile(filepath.Join(treasure, "gem")); err != nil || string(gem) != "gem" {
				t.Errorf("a file of the user's: %q, %v", gem, err)
			}
			if entries, err := os.ReadDir(treasure); err != nil || len(entries) != 1 {
				t.Errorf("a folder of the user's holds %v, %v", entries, err)
			}
		})
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// chown gives a folder to another user, where the test's may do that.
func chown(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	ok(t, os.Chown(dir, 65534, 65534))
}

// Links in a folder of ours go; what they lead to stays.
func TestWorkspaceSweepsLinks(t *testing.T) {
	treasure, out := t.TempDir(), filepath.Join(t.TempDir(), "alma.qcow2")
	ok(t, os.WriteFile(filepath.Join(treasure, "gem"), nil, 0o600))
	ok(t, os.Mkdir(WorkFolder(out), 0o700))
	if err := os.Symlink(treasure, filepath.Join(WorkFolder(out), "install")); err != nil {
		t.Skip(err)
	}
	ok(t, os.Symlink(filepath.Join(treasure, "gem"), filepath.Join(WorkFolder(out), "disk.raw")))
	w, err := openWorkspace(out, nil)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(w.dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("after opening: %v, %v; want the lock alone", entries, err)
	}
	w.close(false)
	if _, err := os.Stat(filepath.Join(treasure, "gem")); err != nil {
		t.Error(err)
	}
}

// A file system without owners or modes shows all folders alike.
func TestFolderIdentity(t *testing.T) {
	for _, c := range []struct {
		folder, own identity
		want        string
	}{
		{identity{1000, 0}, identity{1000, 0}, ""},
		{identity{0, 0o077}, identity{0, 0o077}, ""}, // a memory card: all is root's and open
		{identity{-1, 0o077}, identity{-1, 0o066}, "others may read"},
		{identity{1000, 0o055}, identity{1000, 0o055}, ""},
		{identity{1000, 0o055}, identity{1000, 0}, "others may read"},
		{identity{1000, 0o020}, identity{1000, 0}, "others may write"},
		{identity{1001, 0}, identity{1000, 0}, "another user"},
		{identity{1000, 0}, identity{0, 0o044}, "another user"},
	} {
		if got := c.folder.differs(c.own); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("folder %+v, our file %+v: %q, want %q", c.folder, c.own, got, c.want)
		}
	}
}

// Whatever this package and those of its builds do in a working folder goes
// through its os.Root: no function of package os is given a path that leads into one.
func TestWorkspaceIsUsedThroughItsRoot(t *testing.T) {
	sources, err := filepath.Glob("*.go")
	ok(t, err)
	for _, dir := range []string{"alma", "guest", "nixos"} {
		more, err := filepath.Glob(dir + "/*.go")
		ok(t, err)
		sources = append(sources, more...)
	}
	paths := 0
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, 0)
		ok(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			call, isCall := n.(*ast.CallExpr)
			if !isCall {
				return true
			}
			if intoWorkspace(call) {
				paths++
			}
			fun, isSel := call.Fun.(*ast.SelectorExpr)
			if !isSel {
				return true
			}
			// Lstat of the lock only compares what is at the path with what is open.
			if pkg, isIdent := fun.X.(*ast.Ident); !isIdent || pkg.Name != "os" || fun.Sel.Name == "Lstat" {
				return true
			}
			for _, arg := range call.Args {
				if slices.ContainsFunc(within(arg), intoWorkspace) {
					t.Errorf("%s: os.%s into a working folder: take the job's Folder, or Create", fset.Position(call.Pos()), fun.Sel.Name)
				}
			}
			return true
		})
	}
	if paths < 3 {
		t.Errorf("%d paths into working folders found: this test does not see them", paths)
	}
}

// within lists the calls in an expression.
func within(e ast.Expr) (calls []*ast.CallExpr) {
	ast.Inspect(e, func(n ast.Node) bool {
		if c, isCall := n.(*ast.CallExpr); isCall {
			calls = append(calls, c)
		}
		return true
	})
	return calls
}

// intoWorkspace reports whether a call makes a path into a working folder.
func intoWorkspace(c *ast.CallExpr) bool {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name == "WorkFolder"
	case *ast.SelectorExpr:
		if x, isSel := f.X.(*ast.SelectorExpr); isSel {
			return f.Sel.Name == "path" && x.Sel.Name == "ws"
		}
		x, isIdent := f.X.(*ast.Ident)
		return isIdent && (f.Sel.Name == "path" && (x.Name == "ws" || x.Name == "w") || f.Sel.Name == "Path" && x.Name == "j" || f.Sel.Name == "WorkFolder")
	}
	return false
}
