package tmpdir

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// A folder that is in use stays, whoever sweeps; one whose program was killed goes.
func TestNew(t *testing.T) {
	base := t.TempDir()
	killed := filepath.Join(base, prefix+"killed")
	mine, fresh, old := filepath.Join(base, "mine"), filepath.Join(base, prefix+"fresh"), filepath.Join(base, prefix+"old")
	for _, dir := range []string{killed, mine, fresh, old} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{lockName, "socket"} {
		if err := os.WriteFile(filepath.Join(killed, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(old, time.Now(), time.Now().Add(-2*abandoned)); err != nil {
		t.Fatal(err)
	}
	first, removeFirst, err := New(base)
	if err != nil {
		t.Fatal(err)
	}
	second, removeSecond, err := New(base)
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]bool{killed: false, old: false, mine: true, fresh: true, first: true, second: true} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", filepath.Base(dir), err == nil, want)
		}
	}
	removeFirst()
	removeSecond()
	for _, dir := range []string{first, second} {
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s stays", dir)
		}
	}
}

// Many at once: nobody's folder goes while he has it.
func TestRace(t *testing.T) {
	base := t.TempDir()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 25 {
				dir, remove, err := New(base)
				if err != nil {
					t.Error(err)
					return
				}
				if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil {
					t.Errorf("the folder went away: %v", err)
				}
				remove()
			}
		})
	}
	all.Wait()
	if left, err := os.ReadDir(base); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
