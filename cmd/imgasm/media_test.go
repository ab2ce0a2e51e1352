package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/qemu/qemutest"
)

// Unfit input is told apart from a wrong call and from everything else.
func TestMediaExitCodes(t *testing.T) {
	dir := t.TempDir()
	ks := filepath.Join(dir, "ks.cfg")
	if err := os.WriteFile(ks, []byte("text\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	for _, c := range []struct {
		args string
		want int
	}{
		{"media oemdrv " + ks + " -o " + out, exitDone},
		{"media oemdrv " + ks + " -o " + out, exitInput}, // it exists
		{"media disk --size 1M -o " + ks, exitInput},
		{"media oemdrv " + ks + " --force -o " + out, exitDone},
		{"media oemdrv " + ks + " --force -o " + ks, exitInput}, // itself
		{"media boot --iso " + ks + " -o " + out, exitInput},
		{"media boot --iso " + out + " -o " + out, exitInput}, // an OEMDRV volume is no installer
		{"media oemdrv " + ks + " rhdd3=" + ks + " -o " + out, exitInput},
		{"media oemdrv " + ks + " ../up=" + ks + " -o " + out, exitInput},
		{"media disk --size 10X -o " + out, exitInput},
		{"media disk --size 1G --layout esp:2G -o " + out, exitInput},
		{"media disk --size 1G", exitUsage},
		{"media usb --iso " + ks + " -o " + out, exitUsage},
		{"media oemdrv " + filepath.Join(dir, "none.cfg") + " -o " + out, exitInput},
		{"media oemdrv " + ks + " -o " + filepath.Join(dir, "none", "out"), exitInput},
		{"media oemdrv " + ks + " -o " + dir, exitInput},
		{"media disk --size 1G -o " + filepath.Join(dir, "none", "out"), exitInput},
	} {
		var stderr bytes.Buffer
		args := append([]string{"imgasm"}, strings.Fields(c.args)...)
		got := run(context.Background(), args, strings.NewReader(""), &bytes.Buffer{}, &stderr, func(string) string { return "" })
		if got != c.want {
			t.Errorf("%s: exit code %d, want %d\n%s", c.args, got, c.want, &stderr)
		}
	}
}

// A boot medium shows what it does as a build does: lines for people on
// stderr, events for programs on stdout.
func TestMediaBootTalks(t *testing.T) {
	dir := t.TempDir()
	installer, ks, out := filepath.Join(dir, "installer.iso"), filepath.Join(dir, "ks.cfg"), filepath.Join(dir, "stick.img")
	fakeInstaller(t, installer)
	if err := os.WriteFile(ks, []byte("text\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for flag, want := range map[string]struct{ stdout, stderr string }{
		"":        {"", "(?s)^00:00 medium     write .*stick.img\n00:0. medium     done: .*stick.img boots AlmaLinux 10.1 .* for x86_64 .*\n$"},
		"--quiet": {"", "^$"},
		"--json":  {`(?s)^{.*"kind":"step-start","step":"medium".*"kind":"step-done","step":"medium".*"kind":"result",.*"path":".*stick.img".*}\n$`, "^$"},
	} {
		var stdout, stderr bytes.Buffer
		args := strings.Fields("imgasm media usb --iso " + installer + " --kickstart " + ks + " -o " + out + " --force " + flag)
		code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, func(string) string { return "" })
		if code != exitDone || !regexp.MustCompile(want.stdout).MatchString(stdout.String()) || !regexp.MustCompile(want.stderr).MatchString(stderr.String()) {
			t.Errorf("%q: exit code %d\nstdout %q\nstderr %q", flag, code, &stdout, &stderr)
		}
	}
}

// A verification that does not come to a report ends with an event.
func TestVerifyFailsForPrograms(t *testing.T) {
	t.Chdir(t.TempDir())
	fakeInstaller(t, "installer.iso")
	s := session{t, map[string]string{"IMGASM_CACHE": t.TempDir()}}
	if code, _, errs := s.run("media", "boot", "--iso", "installer.iso", "-o", "boot.raw"); code != 0 {
		t.Fatal(errs)
	}
	qemu := qemutest.Executable(t, qemutest.Script{})
	code, out, errs := s.run("verify", "boot.raw", "--json", "--arch", "x86_64", "--accel", "tcg", "--qemu", qemu, "--firmware", "bios", "--timeout", "1s")
	if code == 0 || !strings.Contains(out, `"kind":"error"`) || !strings.Contains(errs, "imgasm: error: ") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
}

// A boot medium whose writing is stopped is exit code 130 and says that it is not complete.
func TestMediaBootInterrupted(t *testing.T) {
	dir := t.TempDir()
	installer := filepath.Join(dir, "installer.iso")
	fakeInstaller(t, installer)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(&interruptError{signal: os.Interrupt})
	var stderr bytes.Buffer
	args := strings.Fields("imgasm media boot --iso " + installer + " -o " + filepath.Join(dir, "boot.img"))
	code := run(ctx, args, strings.NewReader(""), &bytes.Buffer{}, &stderr, func(string) string { return "" })
	if want := "imgasm: error: stopped by SIGINT (Ctrl-C): " + filepath.Join(dir, "boot.img") + " was not complete, and nothing of it is kept\n"; code != exitInterrupted || !strings.HasSuffix(stderr.String(), want) {
		t.Errorf("exit code %d, %s", code, &stderr)
	}
}
