package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/imgasm/imgasm/internal/hosttool"
)

// diskOf makes an ext4 disk of files; a text of "" is a folder.
func diskOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	root, image := filepath.Join(dir, "root"), filepath.Join(dir, "disk.raw")
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if text == "" {
			err = os.Mkdir(path, 0o755)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(image, make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(hosttool.Find(t, "mke2fs", "e2fsprogs"), "-q", "-t", "ext4", "-O", "^metadata_csum", "-d", root, image).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return image
}

const oneDeb = "Package: bash\nStatus: install ok installed\nVersion: 5\n"

// Packages that cannot be read are neither removed nor equal.
func TestDiffUnread(t *testing.T) {
	whole := diskOf(t, map[string]string{"etc/hostname": "a\n", "var/lib/dpkg/status": oneDeb})
	damaged := diskOf(t, map[string]string{"etc/hostname": "", "var/lib/dpkg/status": ""})
	s := session{t, map[string]string{"PATH": os.Getenv("PATH")}}
	packages := "? packages of " + damaged + ": read var/lib/dpkg/status: is no regular file; not compared\n"
	system := "? system of " + damaged + ": read etc/hostname: is no regular file; not compared\n"
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"diff", whole, damaged, "--packages"}, packages},
		{[]string{"diff", damaged, damaged, "--packages"}, packages + packages},
		{[]string{"diff", damaged, damaged}, system + packages + system + packages},
	} {
		if code, out, errs := s.run(c.args...); code != exitOther || out != c.want || errs != "" {
			t.Errorf("%q: exit code %d\n%s%s\nwant\n%s", c.args, code, out, errs, c.want)
		}
	}
	if _, out, _ := s.run("diff", whole, damaged); strings.Contains(out, "package bash") || strings.Contains(out, "~ packages") || !strings.Contains(out, system+packages) {
		t.Errorf("packages are compared:\n%s", out)
	}
	if _, out, _ := s.run("diff", damaged, whole, "--packages", "--json"); !strings.HasPrefix(out, `{"unread":{"image":"`) || !strings.Contains(out, `"what":"packages","problem":"read var`) {
		t.Error(out)
	}
}

// What a partition holds that is not read is not equal, and what a journal holds is
// warned of.
func TestDiffUnreadPartition(t *testing.T) {
	files, err := os.ReadFile(diskOf(t, map[string]string{"etc/hostname": "a\n"}))
	if err != nil {
		t.Fatal(err)
	}
	files[1024+0x60] |= 4 // s_feature_incompat: INCOMPAT_RECOVER
	disk := filepath.Join(t.TempDir(), "disk.raw")
	if err := os.WriteFile(disk, make([]byte, 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	sfdisk := exec.Command(hosttool.Find(t, "sfdisk", "fdisk"), "-q", disk)
	sfdisk.Stdin = strings.NewReader("label: dos\nstart=1MiB, size=4MiB, type=83\nsize=1MiB, type=83\n")
	if out, err := sfdisk.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f, err := os.OpenFile(disk, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for at, b := range map[int64][]byte{1 << 20: files, 5 << 20: []byte("LUKS\xba\xbe\x00\x02")} {
		if _, err := f.WriteAt(b, at); err != nil {
			t.Fatal(err)
		}
	}
	unread := "? partition 2 (crypto_LUKS) of " + disk + ": imgasm reads no crypto_LUKS; not compared\n"
	warning := "imgasm: warning: " + disk + ": partition 1 (ext4) was not unmounted: its last changes may be missing, since a journal is not read\n"
	s := session{t, map[string]string{"PATH": os.Getenv("PATH")}}
	if code, out, errs := s.run("diff", disk, disk); code != exitOther || out != unread+unread || errs != warning+warning {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	if _, out, _ := s.run("inspect", disk); !strings.Contains(out, "and partition 2 is crypto_LUKS, host name a\n") || strings.Contains(out, "left behind") {
		t.Errorf("a system that cannot be read has nothing left behind:\n%s", out)
	}
	to := t.TempDir()
	if code, out, errs := s.run("cp", disk+":/etc/hostname", to); code != 0 || out != "" || !strings.Contains(errs, warning) {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
}

// endingContext is a context that a signal ends when it was asked for the nth time.
type endingContext struct {
	context.Context
	left atomic.Int64
	stop context.CancelCauseFunc
}

func (c *endingContext) Err() error {
	if c.left.Add(-1) < 0 {
		c.stop(&interruptError{os.Interrupt})
	}
	return c.Context.Err()
}

// A signal at any moment is the end of a comparison: nothing that was not read
// is told.
func TestDiffInterrupted(t *testing.T) {
	image := diskOf(t, map[string]string{"etc/os-release": "PRETTY_NAME=x\n", "var/lib/dpkg/status": oneDeb})
	for n := int64(0); ; n += 3 {
		inner, stop := context.WithCancelCause(t.Context())
		ctx := &endingContext{Context: inner, stop: stop}
		ctx.left.Store(n)
		var stdout, stderr bytes.Buffer
		code := run(ctx, []string{"imgasm", "diff", image, image}, strings.NewReader(""), &stdout, &stderr, os.Getenv)
		stop(nil)
		if stdout.Len() > 0 || code != exitInterrupted && code != exitDone {
			t.Fatalf("stopped at %d: exit code %d\n%s%s", n, code, &stdout, &stderr)
		}
		if code == exitDone {
			if n < 30 {
				t.Errorf("it was done after %d reads", n)
			}
			return
		}
	}
}
