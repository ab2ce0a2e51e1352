package alma

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/lock"
	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// A lock that a build has written is met by the same inputs, and by no others.
func TestLock(t *testing.T) {
	s := testSpec(t, qemutest.Script{})
	s.DiskSize = MinDiskSize // all of it is hashed, more than once
	s.LockFile = filepath.Join(t.TempDir(), lock.FileName)
	h := testHost(t)
	locked := s
	locked.Locked = true
	if _, err := resolve(t.Context(), locked, h); err == nil || assemble.Hint(err) == "" {
		t.Fatalf("a missing lock: %v; want an error with a hint", err)
	}
	s.Lock, s.Provenance, s.Checksums = true, true, true
	h.Defaults = []host.Default{{Flag: "disk-size", Values: []string{"10G"}, From: "config.yaml:3"}}
	p, err := resolve(t.Context(), s, h)
	if err != nil {
		t.Fatal(err)
	}
	p.Machine.Binary = qemutest.Executable(t, qemutest.Script{Steps: success(p.nonce(), bootSector(t))})
	if _, err := p.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{provenanceName(p.Outputs.Path), checksumsName(p.Outputs.Path), assemble.Description(p.Outputs.Path)} {
		if info, err := os.Stat(name); err != nil || info.Size() == 0 {
			t.Errorf("%s was not written: %v", filepath.Base(name), err)
		}
	}
	statement, err := os.ReadFile(provenanceName(p.Outputs.Path))
	if err != nil || !strings.Contains(strings.Join(strings.Fields(string(statement)), ""), `"defaults":[{"flag":"disk-size","values":["10G"],"from":"config.yaml:3"}]`) {
		t.Errorf("the provenance does not say what was set elsewhere: %v\n%s", err, statement)
	}
	sums, err := os.ReadFile(checksumsName(p.Outputs.Path))
	if err != nil || strings.Count(string(sums), "\n") != 2 {
		t.Errorf("SHA256SUMS %q, %v; want the image and its provenance", sums, err)
	}
	if _, err := resolve(t.Context(), locked, h); err != nil {
		t.Errorf("the same inputs: %v", err)
	}
	if err := os.WriteFile(s.Kickstart, []byte(smallKickstart+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := resolve(t.Context(), locked, h); !errors.Is(err, lock.ErrMismatch) || !strings.Contains(err.Error(), "\n  input kickstart: ") {
		t.Errorf("another kickstart: %v; want a mismatch that names it", err)
	}
}

// What --lock has written of the embedded kickstart is met by --locked on
// another host: with its own number of processors, accelerator and QEMU, other
// places of files, and other limits. Another wish, or another argument for the
// installer's kernel, is told by its name.
func TestLockOfTheEmbeddedKickstart(t *testing.T) {
	post := func(text string) string {
		path := filepath.Join(t.TempDir(), "post.sh")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	s := testSpec(t, qemutest.Script{})
	s.Kickstart, s.Settings = "", Settings{Password: "a secret", Hostname: "web"}
	s.Provision = []Provision{{Script: post("true\n")}}
	s.DiskSize, s.LockFile, s.Lock = 10<<30, filepath.Join(t.TempDir(), lock.FileName), true
	s.KernelArgs = []string{"inst.proxy=http://proxy:3128"}
	first, err := resolve(t.Context(), s, testHost(t))
	if err != nil {
		t.Fatal(err)
	}
	sum, size, err := digest.File(t.Context(), s.ISO)
	ok(t, err)
	inputs, err := first.inputs(hashed{sum: sum, size: size})
	ok(t, err)
	text, err := lock.Add(s.LockFile, filepath.Base(s.Out), first.lock(inputs))
	ok(t, err)
	ok(t, os.WriteFile(s.LockFile, text, 0o600))

	other := s
	other.Lock, other.Locked, other.Provenance, other.Checksums = false, true, true, true
	other.Out, other.QEMU = filepath.Join(t.TempDir(), filepath.Base(s.Out)), qemutest.Executable(t, qemutest.Script{})
	other.Provision = []Provision{{Script: post("true\n")}}
	other.ISOChecksum = sum
	other.Mirror, other.SpaceWait, other.CPUs, other.MemoryMiB, other.Accel, other.CPU = "https://mirror.example/", time.Hour, 3, 4096, "auto", "max"
	other.Timeout, other.StallTimeout, other.Keep, other.Offline = time.Hour, time.Hour, true, true
	h := testHost(t)
	h.CPUs = 7
	second, err := resolve(t.Context(), other, h)
	if err != nil {
		t.Fatalf("the same wishes on another host: %v", err)
	}
	if first.Seed != second.Seed || !bytes.Equal(first.Kickstart.Guest, second.Kickstart.Guest) || first.Time != second.Time {
		t.Error("another host makes other media of the same wishes")
	}

	for name, c := range map[string]struct {
		change func(*Spec)
		want   string
	}{
		"password":         {func(s *Spec) { s.Settings.Password = "another" }, "input kickstart"},
		"hostname":         {func(s *Spec) { s.Settings.Hostname = "db" }, "input kickstart"},
		"script":           {func(s *Spec) { s.Provision = []Provision{{Script: post("false\n")}} }, "input kickstart, input post-1"},
		"kernel argument":  {func(s *Spec) { s.KernelArgs = []string{"fips=1"} }, "setting kernel-args"},
		"no such argument": {func(s *Spec) { s.KernelArgs = nil }, "setting kernel-args"},
	} {
		changed := other
		c.change(&changed)
		_, err := resolve(t.Context(), changed, h)
		if !errors.Is(err, lock.ErrMismatch) {
			t.Fatalf("another %s: %v", name, err)
		}
		var differ []string
		for _, line := range strings.Split(err.Error(), "\n  ")[1:] {
			what, _, _ := strings.Cut(line, ": ")
			differ = append(differ, what)
		}
		if got := strings.Join(differ, ", "); got != c.want {
			t.Errorf("another %s: %v; want as differences %q", name, err, c.want)
		}
	}
}
