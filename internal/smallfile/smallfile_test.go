package smallfile_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/smallfile"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct{ path, want, err string }{
		"whole":     {write("small", "12345678"), "12345678", ""},
		"empty":     {write("empty", ""), "", ""},
		"too large": {write("large", "123456789"), "", "more than 8 bytes"},
		"folder":    {dir, "", "is a directory"},
		"missing":   {filepath.Join(dir, "gone"), "", "gone"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := smallfile.Read(t.Context(), c.path, 8)
			if string(got) != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %q and %v, want %q and %q", got, err, c.want, c.err)
			}
			var path *fs.PathError
			if err != nil && (!errors.As(err, &path) || path.Path != c.path) {
				t.Errorf("%v is no *fs.PathError about %s", err, c.path)
			}
		})
	}
}

// endless never ends, and silent never says anything.
type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestReadFrom(t *testing.T) {
	if got, err := smallfile.ReadFrom(t.Context(), strings.NewReader("text"), "<stdin>", 8); err != nil || string(got) != "text" {
		t.Errorf("got %q and %v", got, err)
	}
	if _, err := smallfile.ReadFrom(t.Context(), endless{}, "<stdin>", 1<<20); err == nil || !strings.Contains(err.Error(), "<stdin>: more than 1048576 bytes") {
		t.Errorf("an endless stream: %v", err)
	}
	silent, writer := io.Pipe()
	defer writer.Close()
	stop := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if _, err := smallfile.ReadFrom(ctx, silent, "<stdin>", 8); !errors.Is(err, stop) {
		t.Errorf("a silent stream: %v", err)
	}
}

func TestBelow(t *testing.T) {
	outer := t.TempDir()
	root := filepath.Join(outer, "ks")
	for path, text := range map[string]string{
		filepath.Join(outer, "secret"): "root:$6$", filepath.Join(root, "sub", "a.ks"): "text", filepath.Join(root, "large"): "123456789",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	links := map[string]string{
		"inside": filepath.Join("sub", "a.ks"), "out": filepath.Join("..", "secret"), "far": filepath.Join(outer, "secret"),
		"up": "..", "loop": "loop",
	}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	for name, want := range map[string]string{
		filepath.Join("sub", "a.ks"): "text", filepath.Join("sub", "..", "sub", "a.ks"): "text", "inside": "text",
		filepath.Join("..", "secret"): "", filepath.Join("sub", "..", "..", "secret"): "", filepath.Join(outer, "secret"): "",
		"out": "", "far": "", filepath.Join("up", "secret"): "", filepath.Join("up", "ks", "sub", "a.ks"): "",
		"loop": "", "gone": "", "large": "", "sub": "", ".": "", "": "",
	} {
		got, err := smallfile.Below(t.Context(), root, name, 8)
		if string(got) != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q and %v", name, got, err)
		}
		if gone := name == "gone"; gone != errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := smallfile.Below(t.Context(), root, filepath.Join("..", "secret"), 8); !errors.Is(err, smallfile.ErrOutside) {
		t.Errorf("a name that leads out: %v", err)
	}
}
