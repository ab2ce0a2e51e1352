//go:build unix

// Kickstarts that are no plain files, as a stranger may give them to CI.

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// inPlaceOfKickstart are the verbs that read a kickstart, with @ for its name.
var inPlaceOfKickstart = []string{
	"kickstart lint @", "kickstart fmt @", "alma --kickstart @ --arch x86_64 --iso installer.iso --dry-run",
	"media oemdrv @ -o out", "media boot --iso installer.iso --kickstart @ -o out",
}

// A device costs no memory, and what is larger than a kickstart is not read.
func TestKickstartIsNoDevice(t *testing.T) {
	t.Chdir(t.TempDir())
	fakeInstaller(t, "installer.iso")
	if err := os.WriteFile("large.ks", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate("large.ks", 1<<40); err != nil {
		t.Skipf("no sparse files here: %v", err)
	}
	for _, name := range []string{"/dev/zero", "large.ks"} {
		for _, line := range inPlaceOfKickstart {
			var stdout, stderr bytes.Buffer
			args := strings.Fields("imgasm " + strings.ReplaceAll(line, "@", name))
			code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, func(string) string { return "" })
			if code != exitInput || !strings.Contains(stderr.String(), name) {
				t.Errorf("%s: exit code %d: %s", line, code, &stderr)
			}
		}
	}
}

// What a kickstart includes is a regular file, or not read.
func TestIncludeIsNoPipe(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := syscall.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", "zero"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("ks.cfg", []byte("%include pipe\n%include zero\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), strings.Fields("imgasm kickstart lint --fragment ks.cfg"), strings.NewReader(""), &stdout, &stderr, func(string) string { return "" })
	if code != exitDone || strings.Count(stdout.String(), "[include-unread]") != 2 {
		t.Errorf("exit code %d: %s%s", code, &stdout, &stderr)
	}
}

// A link in a stranger's repository shows and changes nothing that lies outside.
func TestKickstartIsNoLinkOutside(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "bashrc")
	const secret = "if true\nTOKEN=s3cret\n  x=1\n"
	if err := os.WriteFile(outside, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.Mkdir("sub", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("sub/real.ks", []byte("poweroff\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"out.ks": outside, "twice.ks": "out.ks", "environ.ks": "/proc/self/environ", "in.ks": "sub/real.ks", "sub/up.ks": "../in.ks"} {
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	for line, want := range map[string]int{
		"lint out.ks": exitInput, "lint twice.ks": exitInput, "lint environ.ks": exitInput, "fmt -w out.ks": exitInput, "fmt out.ks": exitInput, "fmt --diff twice.ks": exitInput,
		"lint --fragment in.ks": exitDone, "fmt in.ks": exitDone, "lint --fragment --include-root . sub/up.ks": exitDone,
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), strings.Fields("imgasm kickstart "+line), strings.NewReader(""), &stdout, &stderr, func(string) string { return "" })
		if code != want || want == exitInput && (!strings.Contains(stderr.String(), "leads out of its folder") || stdout.Len() > 0) {
			t.Errorf("%s: exit code %d: %s%s", line, code, &stdout, &stderr)
		}
	}
	if text, err := os.ReadFile(outside); err != nil || string(text) != secret {
		t.Errorf("%q, %v", text, err)
	}
}

// Other files are read at any place, or more than once: a pipe is refused, and
// nothing waits for its writer; so is a device, which may have no end.
func TestNoPipeIsWaitedFor(t *testing.T) {
	t.Chdir(t.TempDir())
	fakeInstaller(t, "installer.iso")
	if err := syscall.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pipe", "/dev/zero"} {
		for _, line := range []string{
			"source inspect @", "source verify @ --checksum " + strings.Repeat("0", 64), "firmware extract @", "firmware extract x.rpm --keyring @",
			"alma --arch x86_64 --dry-run --iso @", "alma --arch x86_64 --dry-run --iso installer.iso --keyring @", "alma --arch x86_64 --dry-run --iso installer.iso --locked --lock-file @",
			"alma --arch x86_64 --dry-run --iso installer.iso --post @", "alma --arch x86_64 --dry-run --iso installer.iso --firmware @",
			"rehearse --iso @", "media boot --iso @ -o out",
		} {
			var stdout, stderr bytes.Buffer
			env := func(name string) string {
				return map[string]string{"IMGASM_CACHE": t.TempDir(), "PATH": os.Getenv("PATH")}[name]
			}
			code := run(t.Context(), strings.Fields("imgasm "+strings.ReplaceAll(line, "@", name)), strings.NewReader(""), &stdout, &stderr, env)
			if code != exitInput || !strings.Contains(stderr.String(), "not a regular file") {
				t.Errorf("%s: exit code %d: %s", strings.ReplaceAll(line, "@", name), code, &stderr)
			}
		}
	}
}

// A pipe is read, and while nobody writes into it, a signal is heard.
func TestKickstartFromPipe(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	fakeInstaller(t, "installer.iso")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	imgasm := filepath.Join(t.TempDir(), "imgasm")
	if err := os.Symlink(self, imgasm); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range append([]string{"kickstart lsp", "replay @"}, inPlaceOfKickstart...) {
		for _, name := range []string{"pipe", "-"} {
			t.Run(line+" "+name, func(t *testing.T) {
				cmd := exec.Command(imgasm, strings.Fields(strings.ReplaceAll(line, "@", name))...)
				cmd.Env = append(os.Environ(), "IMGASM_CACHE="+dir)
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				stdin, err := cmd.StdinPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = cmd.Process.Kill() })
				if name == "pipe" && strings.Contains(line, "@") {
					// Opening it waits for the reader: the signal comes while imgasm reads.
					w, err := os.OpenFile("pipe", os.O_WRONLY, 0)
					if err != nil {
						t.Fatal(err)
					}
					defer w.Close()
				} else if _, err := io.WriteString(stdin, "Content-Length: 9999999\r\n\r\n"+strings.Repeat("\n", 1<<20)); err != nil {
					t.Fatal(err) // more than a pipe holds: it has been read from
				}
				if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
				_ = cmd.Wait()
				if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
					t.Errorf("exit code %d: %s", code, &stderr)
				}
			})
		}
	}
}
