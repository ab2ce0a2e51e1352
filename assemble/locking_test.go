package assemble

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/lock"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// A lock that a build has written is met by the same inputs, and by no others.
func TestLock(t *testing.T) {
	s := testSpec(t, qemutest.Script{})
	s.LockFile = filepath.Join(t.TempDir(), lock.FileName)
	h := testHost(t)
	locked := s
	locked.Locked = true
	if _, err := locked.Resolve(t.Context(), h); err == nil || hint(err) == "" {
		t.Fatalf("a missing lock: %v; want an error with a hint", err)
	}
	s.Lock, s.Provenance, s.Checksums = true, true, true
	p, err := s.Resolve(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	p.Machine.Binary = qemutest.Executable(t, qemutest.Script{Steps: success(p.nonce(), bootSector(t))})
	if _, err := p.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{provenanceName(p.Out), checksumsName(p.Out), metadataName(p.Out)} {
		if info, err := os.Stat(name); err != nil || info.Size() == 0 {
			t.Errorf("%s was not written: %v", filepath.Base(name), err)
		}
	}
	sums, err := os.ReadFile(checksumsName(p.Out))
	if err != nil || strings.Count(string(sums), "\n") != 2 {
		t.Errorf("SHA256SUMS %q, %v; want the image and its provenance", sums, err)
	}
	if _, err := locked.Resolve(t.Context(), h); err != nil {
		t.Errorf("the same inputs: %v", err)
	}
	if err := os.WriteFile(s.Kickstart, []byte(smallKickstart+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var mismatch *lock.MismatchError
	if _, err := locked.Resolve(t.Context(), h); !errors.As(err, &mismatch) || mismatch.Differences[0].What != "input kickstart" {
		t.Errorf("another kickstart: %v; want a mismatch that names it", err)
	}
}
