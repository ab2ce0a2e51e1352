//go:build unix

package inspect_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/imgasm/imgasm/assemble/inspect"
)

func TestModeText(t *testing.T) {
	dir := t.TempDir()
	folder, pipe, link := filepath.Join(dir, "folder"), filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	for _, err := range []error{os.Mkdir(folder, 0o700), syscall.Mkfifo(pipe, 0o600), os.Symlink("nowhere", link)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	paths := []string{folder, pipe, link, "/dev/null", "/tmp"}
	for name, mode := range map[string]os.FileMode{"plain": 0o640, "suid": 0o755 | os.ModeSetuid, "SUID": 0o644 | os.ModeSetuid, "sgid": 0o755 | os.ModeSetgid, "SGID": 0o705 | os.ModeSetgid, "Sticky": 0o754 | os.ModeSticky} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	for _, path := range paths {
		out, err := exec.Command("ls", "-ld", path).Output()
		if err != nil {
			t.Fatal(err)
		}
		in, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := inspect.ModeText(in.Mode()), strings.TrimRight(strings.Fields(string(out))[0], "+.@"); got != want {
			t.Errorf("%s: %s; ls says %s", path, got, want)
		}
	}
}
