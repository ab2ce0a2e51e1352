package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/hosttool"
)

// make install places what people find by itself, twice too, and make uninstall
// removes just that.
func TestInstall(t *testing.T) {
	program := hosttool.Find(t, "make", "make")
	dest := filepath.Join(t.TempDir(), "a folder")
	other := filepath.Join(dest, "usr/share/man/man1/other.1")
	if err := os.MkdirAll(filepath.Dir(other), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	imgasm := filepath.Join(completionHome(t), "real/imgasm")
	run := func(target string) {
		t.Helper()
		cmd := exec.Command(program, "-C", "../..", target, "BIN="+imgasm, "PREFIX=/usr", "DESTDIR="+dest)
		cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	run("install")
	run("install")
	for name, want := range map[string]string{
		"man/man1/imgasm.1": "2023-11-14", "man/man1/imgasm-kickstart-lint.1": ".SH EXAMPLES",
		"bash-completion/completions/imgasm": "complete -F", "zsh/site-functions/_imgasm": "#compdef imgasm", "fish/vendor_completions.d/imgasm.fish": "complete -c",
	} {
		text, err := os.ReadFile(filepath.Join(dest, "usr/share", name))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if out, err := exec.Command(filepath.Join(dest, "usr/bin/imgasm"), "--version").Output(); err != nil || !strings.Contains(string(out), version) {
		t.Errorf("%q, %v", out, err)
	}
	run("uninstall")
	err := filepath.WalkDir(dest, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path != other {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if _, there := os.Stat(other); err != nil || there != nil {
		t.Error(err, there)
	}
}
