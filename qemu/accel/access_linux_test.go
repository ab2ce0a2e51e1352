package accel

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestAccessOf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kvm")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	root := os.Getegid() == 0
	for mode, want := range map[fs.FileMode]access{
		0o600: {joining: false, allowed: os.Geteuid() == 0},
		0o640: {joining: false, allowed: os.Geteuid() == 0},
		0o660: {joining: !root, allowed: true},
		0o666: {joining: !root, allowed: true},
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		got := accessOf(path)
		if got.group == "" || root != (got.group == "root") || got.joining != want.joining || got.allowed != want.allowed {
			t.Errorf("%v: %+v, want %+v", mode, got, want)
		}
	}
	if got := accessOf(filepath.Join(t.TempDir(), "none")); got != (access{}) {
		t.Errorf("no device: %+v", got)
	}
}
