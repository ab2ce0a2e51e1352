package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/imgasm/imgasm/internal/hosttool"
)

// Names, labels and texts of an image command no terminal, and do not speak as imgasm.
func TestHostileImage(t *testing.T) {
	dir := t.TempDir()
	root, image, other := filepath.Join(dir, "root"), filepath.Join(dir, "evil.raw"), filepath.Join(dir, "other.raw")
	const evil, ours = "\x1b]0;t\x07\u202e", "imgasm: error: all is lost"
	for name, text := range map[string]string{
		"etc/os-release":                    "PRETTY_NAME=\"" + evil + "\"\n",
		"etc/hostname":                      evil + "\n",
		"etc/fstab":                         "LABEL=" + evil + " /x ext4\n" + evil + "\n",
		"etc/passwd":                        evil + ":x:0:0::/root:/bin/sh\n",
		"root/.ssh/authorized_keys":         "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBpoHrnOHCMlK3Y0ktjOIkjnKDvYRpZ3Gz6xLQmwTQQp " + evil + "\n",
		"boot/vmlinuz-" + evil:              "x",
		"boot/loader/entries/1.conf":        "title " + evil + "\nlinux /" + evil + "\n",
		"evil/" + evil + "\n" + ours:        "x",
		"etc/ssh/ssh_host_" + evil + "_key": "x",
		"var/lib/dpkg/status":               "Package: " + evil + "\nStatus: install ok installed\nVersion: " + evil + "\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(evil, filepath.Join(root, "evil/link")); err != nil {
		t.Fatal(err)
	}
	tool := hosttool.Find(t, "mke2fs", "e2fsprogs")
	for path, from := range map[string][]string{image: {"-L", evil, "-d", root}, other: {"-d", filepath.Join(root, "boot")}} {
		if err := os.WriteFile(path, make([]byte, 4<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(tool, append([]string{"-q", "-t", "ext4"}, append(from, path)...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	s := session{t, map[string]string{"PATH": os.Getenv("PATH")}}
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"inspect", image}, exitDone},
		{[]string{"inspect", image, "--ls", "/evil"}, exitDone},
		{[]string{"inspect", image, "--ls", "/evil/" + evil + "\n" + ours}, exitDone},
		{[]string{"inspect", image, "--cat", "/evil/link"}, exitInput},
		{[]string{"diff", image, other}, exitOther},
		{[]string{"cp", image + ":/evil", filepath.Join(dir, "copied")}, exitDone},
		{[]string{"cp", image + ":/evil", filepath.Join(dir, "copied", "evil", evil)}, exitInput},
	} {
		code, out, errs := s.run(c.args...)
		if code != c.code || out+errs == "" {
			t.Errorf("%q: exit code %d, want %d\n%s\n%s", c.args, code, c.code, out, errs)
		}
		for _, text := range []string{out, errs} {
			if i := strings.IndexFunc(text, func(r rune) bool {
				return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r))
			}); i >= 0 {
				t.Errorf("%q: %q reaches the terminal", c.args, text[i:])
			}
			if strings.Contains("\n"+text, "\n"+ours) {
				t.Errorf("%q: a stranger speaks as imgasm:\n%s", c.args, text)
			}
		}
	}
}

// A signal ends a look, and nothing is told of what was not seen.
func TestInspectInterrupted(t *testing.T) {
	ctx, stop := context.WithCancelCause(context.Background())
	stop(&interruptError{os.Interrupt})
	image := filepath.Join(t.TempDir(), "disk.raw")
	if err := os.WriteFile(image, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	bill := filepath.Join(t.TempDir(), "disk.cdx.json")
	for _, args := range [][]string{{"inspect", image}, {"inspect", image, "--sbom", bill}, {"cp", image + ":/etc", t.TempDir()}, {"diff", image, image}} {
		var stdout, stderr bytes.Buffer
		code := run(ctx, append([]string{"imgasm"}, args...), strings.NewReader(""), &stdout, &stderr, os.Getenv)
		if code != exitInterrupted || stdout.Len() > 0 {
			t.Errorf("%s: exit code %d\n%s%s", args[0], code, &stdout, &stderr)
		}
	}
	if _, err := os.Stat(bill); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a bill of materials was written: %v", err)
	}
}
