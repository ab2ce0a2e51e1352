package hosttool

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Nix is the nix of this host with a store of the test's own, by an environment:
// no root, no daemon, no sandbox, no network. dir is a folder without symbolic
// links, in which there are dir/store and whatever the test puts there.
func Nix(t testing.TB) (program, dir string, env []string) {
	t.Helper()
	program = Find(t, "nix", "nix-bin")
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // folders of a store are read-only
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				return os.Chmod(path, 0o700)
			}
			return err
		})
	})
	return program, dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "NIX_STORE_DIR=" + dir + "/store", "NIX_STATE_DIR=" + dir + "/var", "NIX_LOG_DIR=" + dir + "/log",
		"NIX_CONF_DIR=" + dir + "/etc", "NIX_CONFIG=build-users-group =\nsandbox = false\nsubstitute = false\nsystem-features = benchmark"}
}
