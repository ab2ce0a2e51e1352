//go:build linux

package main

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// Signals and kill -9 at random moments of whole builds that replace an image
// which is there: afterwards there is the old image or the new one, with its own
// description, and nothing else; the next build goes on. `make soak` runs it.
func TestSoak(t *testing.T) {
	if os.Getenv("IMGASM_SOAK") == "" {
		t.Skip("takes minutes: IMGASM_SOAK=1, or make soak")
	}
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
	dir := t.TempDir()
	start := func() *running {
		return startImgasmIn(t, dir, script, "--no-boot-test", "--kickstart", ks, "--disk-size", "512M", "--provenance", "--checksum")
	}
	begin := time.Now()
	if r := start(); r.wait() != exitDone {
		t.Fatalf("the first build: %s", r.stderr)
	}
	whole := time.Since(begin)
	for n := range 40 {
		s := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGKILL}[n%4]
		r := start() // it has begun its installation
		time.Sleep(time.Duration(rand.Int64N(int64(whole))))
		r.signal(t, s)
		code := r.wait()
		r.noQEMU(t)
		if s != syscall.SIGKILL {
			onlyOutputs(t, dir, n, s)
		} else if r = start(); r.wait() != exitDone {
			t.Fatalf("%d: the build after a kill -9: %s", n, r.stderr)
		} else {
			onlyOutputs(t, dir, n, s)
		}
		t.Logf("%d: %v, exit code %d", n, s, code)
	}
}

// onlyOutputs fails unless there are the outputs, which fit together, and nothing else.
func onlyOutputs(t *testing.T, dir string, n int, s syscall.Signal) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); err != nil || got != "SHA256SUMS image.raw image.raw.intoto.json image.raw.json" {
		t.Errorf("%d, %v: left %s, %v", n, s, got, err)
	}
	var meta assemble.Image
	text, err := os.ReadFile(filepath.Join(dir, "image.raw.json"))
	if err != nil || json.Unmarshal(text, &meta) != nil {
		t.Fatalf("%d, %v: no description: %v", n, s, err)
	}
	sums, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil || !strings.Contains(string(sums), meta.Output.SHA256+"  image.raw\n") {
		t.Errorf("%d, %v: the checksums are not those of the description: %s, %v", n, s, sums, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "image.raw")); err != nil || info.Size() != meta.Output.Size {
		t.Errorf("%d, %v: the image is not the described one: %v", n, s, err)
	}
}
