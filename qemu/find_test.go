package qemu_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/qemu"
)

func TestCandidates(t *testing.T) {
	tests := []struct{ goos, host, binary, want string }{
		{"linux", "qemu-system-x86_64", "qemu-system-x86_64", "/usr/libexec/qemu-kvm /usr/local/bin/qemu-system-x86_64"},
		{"linux", "qemu-system-x86_64", "qemu-system-aarch64", "/usr/local/bin/qemu-system-aarch64"},
		{"darwin", "qemu-system-aarch64", "qemu-system-x86_64", "/opt/homebrew/bin/qemu-system-x86_64 /usr/local/bin/qemu-system-x86_64 /opt/local/bin/qemu-system-x86_64"},
		{"linux", "qemu-system-x86_64", "./qemu-system-x86_64", ""},
		{"windows", "qemu-system-x86_64", `D:\qemu.exe`, ""},
		{"plan9", "qemu-system-x86_64", "qemu-system-x86_64", ""},
	}
	for _, tt := range tests {
		if got := strings.Join(qemu.Candidates(tt.goos, tt.host, tt.binary), " "); got != tt.want {
			t.Errorf("%s on %s: %q, want %q", tt.binary, tt.goos, got, tt.want)
		}
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	name := "qemu-system-test"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	if got, err := qemu.Find("qemu-system-test"); err != nil || got != path {
		t.Errorf("%q %v, want %s", got, err, path)
	}
	if got, err := qemu.Find(path); err != nil || got != path {
		t.Errorf("%q %v", got, err)
	}
	t.Chdir(dir)
	if got, err := qemu.Find("." + string(filepath.Separator) + name); err != nil || !filepath.IsAbs(got) {
		t.Errorf("%q %v, want an absolute path", got, err)
	}
	if _, err := qemu.Find("qemu-system-none"); !errors.Is(err, qemu.ErrMissing) || !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if _, err := qemu.Find(filepath.Join(dir, "none")); !errors.Is(err, qemu.ErrMissing) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
