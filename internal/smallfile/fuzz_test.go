package smallfile_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/imgasm/imgasm/internal/smallfile"
)

// FuzzBelow holds that no name leads to a file outside of the folder.
func FuzzBelow(f *testing.F) {
	for _, name := range []string{"a.ks", "../secret", "sub/../../secret", "/etc/passwd", "out/secret", "./a.ks", "a.ks/..", "..\\secret", "sub//../a.ks"} {
		f.Add(name)
	}
	outer := f.TempDir()
	root := filepath.Join(outer, "ks")
	if err := os.MkdirAll(filepath.Join(root, "sub"), 0o700); err != nil {
		f.Fatal(err)
	}
	for path, text := range map[string]string{filepath.Join(outer, "secret"): "secret", filepath.Join(root, "a.ks"): "inside"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	if err := os.Symlink("..", filepath.Join(root, "out")); err != nil {
		f.Logf("without symbolic links: %v", err)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if text, err := smallfile.Below(t.Context(), root, name, 16); err == nil && string(text) != "inside" {
			t.Errorf("%q is read: %q", name, text)
		}
	})
}
