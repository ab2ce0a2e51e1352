package tmpdir

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// A folder that is in use stays, whoever sweeps; one whose program was killed goes.
func TestNew(t *testing.T) {
	base := t.TempDir()
	at := func(name string) string { return filepath.Join(base, name) }
	killed, hidden, empty := at("imgasm-1"), at(".imgasm-2"), at("imgasm-3")
	mine := []string{at("mine"), at("imgasm-main"), at(".imgasm-1.imgasm"), at("imgasm-5")} // the user's
	for _, dir := range append(mine, killed, hidden, empty) {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range append(mine, killed, hidden) {
		if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{killed, hidden} {
		if err := os.WriteFile(filepath.Join(dir, lockName), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first, removeFirst, err := New(base)
	if err != nil {
		t.Fatal(err)
	}
	second, removeSecond, err := Hidden(base)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{killed: false, hidden: false, empty: false, first: true, second: true}
	for _, dir := range mine {
		want[dir] = true
	}
	for dir, want := range want {
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
