//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// Signals and kill -9 at random moments of whole builds that replace an image
// which is there: afterwards there is the old image or the new one, with its own
// description, and nothing else; the next build goes on. `make soak` runs it.
func TestSoak(t *testing.T) {
	start := soakBuild(t)
	dir := t.TempDir()
	whole := undisturbed(t, start, dir)
	for n := range 40 {
		s := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGKILL}[n%4]
		r := start(dir)
		after := time.Duration(rand.Int64N(int64(whole)))
		time.Sleep(after)
		r.signal(t, s)
		code := r.wait()
		r.noQEMU(t)
		if s == syscall.SIGKILL {
			if r = start(dir); r.wait() != exitDone {
				t.Fatalf("%d: the build after a kill -9: %s", n, r.stderr)
			}
		}
		onlyOutputs(t, filepath.Join(dir, "image.raw"), fmt.Sprintf("%d, %v", n, s))
		t.Logf("%d: %v after %v of some %v, exit code %d", n, s, after, whole, code)
	}
}

// The same with rehearsals in a real QEMU, with the real packages in a cache of
// their own: nothing stays there and in TMPDIR either. (A verification would be the same
// QEMU for as long again.)
func TestSoakRehearse(t *testing.T) {
	soak(t)
	dir, tmp, cache := t.TempDir(), t.TempDir(), t.TempDir()
	out := filepath.Join(dir, "image.qcow2")
	start := func(string) *running {
		return launch(t, out, tmp, cache, "rehearse", "--out", out, "--force", "--provenance", "--checksum", "--no-verify")
	}
	whole := undisturbed(t, start, dir)
	inCache := listed(t, filepath.Join(cache, "rehearsal"))
	for n := range 8 {
		s := []syscall.Signal{syscall.SIGKILL, syscall.SIGINT}[n%2]
		r := start(dir)
		after := time.Duration(rand.Int64N(int64(whole)))
		time.Sleep(after)
		r.signal(t, s)
		code := r.wait()
		r.noQEMU(t)
		when := fmt.Sprintf("%d, %v after %v of some %v, exit code %d", n, s, after, whole, code)
		t.Log(when)
		if s == syscall.SIGKILL {
			if r = start(dir); r.wait() != exitDone {
				t.Fatalf("%s: the build after it: %s", when, r.stderr)
			}
		}
		onlyOutputs(t, out, when)
		if got := listed(t, tmp); got != "" {
			t.Errorf("%s: left in TMPDIR: %s", when, got)
		}
		if got := listed(t, filepath.Join(cache, "rehearsal")); got != inCache {
			t.Errorf("%s: the cache had %s, and has %s", when, inCache, got)
		}
	}
}

// The disk is full from the beginning of a step on: the build ends with a word on
// it; the old image stays, and with space the next build goes on.
func TestSoakNoSpace(t *testing.T) {
	start := soakBuild(t)
	mount := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=540m", "tmpfs", mount).CombinedOutput(); err != nil {
		t.Skipf("no small file system can be mounted: %s", out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", mount).Run() })
	dir := filepath.Join(mount, "out")
	fillers := [2]string{filepath.Join(mount, "most"), filepath.Join(mount, "rest")}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	undisturbed(t, start, dir)
	for _, moment := range []string{"", "source", "boot files", "kickstart", "OEMDRV", "disk", "install", "check", "raw", "publish"} {
		r := start(dir)
		// Nearly all is taken at once, behind the look at the free space, so that the
		// rest is gone within the step.
		if moment != "" {
			r.await(t, func(e event.Event) bool { return e.Kind == event.StepStart })
			ok(t, fill(fillers[0], 3<<20))
		}
		if moment != "" && moment != "source" {
			r.await(t, func(e event.Event) bool { return e.Kind == event.StepStart && e.Step == moment })
		}
		ok(t, fill(fillers[1], 0))
		code := r.wait()
		r.noQEMU(t)
		said, _, _ := strings.Cut(r.stderr.String(), "\n")
		t.Logf("full at %q: exit code %d; %s", moment, code, said)
		if !strings.Contains(said, "no space left") && !strings.Contains(said, "disk is full") && !strings.Contains(said, " free, and the build needs") && code != exitDone {
			t.Errorf("full at %q: nobody says that the disk is full: %s", moment, r.stderr)
		}
		for _, path := range append(fillers[:], filepath.Join(dir, "image.raw.failed")) { // the logs of the failure are no leftover
			ok(t, os.RemoveAll(path))
		}
		onlyOutputs(t, filepath.Join(dir, "image.raw"), "full at "+moment)
		if r = start(dir); r.wait() != exitDone {
			t.Fatalf("the build after a disk that was full at %q: %s", moment, r.stderr)
		}
		onlyOutputs(t, filepath.Join(dir, "image.raw"), "after a disk that was full at "+moment)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// undisturbed is how long a build takes that replaces an image.
func undisturbed(t *testing.T, start func(dir string) *running, dir string) time.Duration {
	t.Helper()
	var begin time.Time
	for range 2 {
		begin = time.Now()
		if r := start(dir); r.wait() != exitDone {
			t.Fatalf("an undisturbed build: %s", r.stderr)
		}
	}
	return time.Since(begin)
}

// fill makes a file that leaves so many bytes of its file system free.
func fill(path string, leave int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	var fs syscall.Statfs_t
	for err == nil {
		if err = syscall.Fstatfs(int(f.Fd()), &fs); err != nil {
			break
		}
		free := int64(fs.Bavail)*fs.Bsize - leave
		if free <= 0 {
			break
		}
		var info os.FileInfo
		if info, err = f.Stat(); err == nil {
			err = syscall.Fallocate(int(f.Fd()), 0, info.Size(), max(fs.Bsize, free/2))
		}
		if errors.Is(err, syscall.ENOSPC) {
			err = nil
		}
	}
	return errors.Join(err, f.Close())
}

func soak(t *testing.T) {
	t.Helper()
	if os.Getenv("IMGASM_SOAK") == "" {
		t.Skip("takes minutes: IMGASM_SOAK=1, or make soak")
	}
}

// listed is the names in a folder.
func listed(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	ok(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// soakBuild returns what starts a whole build, on a stand-in for QEMU.
func soakBuild(t *testing.T) func(dir string) *running {
	t.Helper()
	soak(t)
	boot := make([]byte, 1<<20)
	boot[0], boot[510], boot[511] = 0xeb, 0x55, 0xaa
	work := t.TempDir()
	installed, ks := filepath.Join(work, "installed.raw"), filepath.Join(work, "small.ks")
	for path, text := range map[string]string{installed: string(boot), ks: smallSecretKickstart} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script := qemutest.Script{Steps: qemutest.Steps(qemutest.CopyTo("target", installed),
		qemutest.Serial("[   20.100000] anaconda[2343]: Starting installer, one moment...\r\n[   30.100000] anaconda[2343]: Installing kernel.x86_64 (1/1)\r\n"+
			"[   38.100000] anaconda[2343]: Installing boot loader\r\n[   39.100000] anaconda[2343]: Storing configuration files and kickstarts\r\n"+
			"[   40.100000] anaconda[2343]: Running post-installation scripts\r\n[   40.200000] anaconda[2343]: Complete!\r\n"),
		qemutest.PowerOff())}
	return func(dir string) *running {
		return launchImgasmIn(t, dir, script, "--no-verify", "--kickstart", ks, "--disk-size", "512M", "--provenance", "--checksum")
	}
}

// onlyOutputs fails unless there are the outputs, which fit together, and nothing else.
func onlyOutputs(t *testing.T, out, when string) {
	t.Helper()
	dir, name := filepath.Split(out)
	if got, want := listed(t, dir), "SHA256SUMS "+name+" "+name+".intoto.json "+name+".json"; got != want {
		t.Errorf("%s: left %s", when, got)
	}
	var meta assemble.Image
	text, err := os.ReadFile(out + ".json")
	if err != nil || json.Unmarshal(text, &meta) != nil {
		t.Fatalf("%s: no description: %v", when, err)
	}
	sums, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil || !strings.Contains(string(sums), meta.Output.SHA256+"  "+name+"\n") {
		t.Errorf("%s: the checksums are not those of the description: %s, %v", when, sums, err)
	}
	if info, err := os.Stat(out); err != nil || info.Size() != meta.Output.Size {
		t.Errorf("%s: the image is not the described one: %v", when, err)
	}
}
