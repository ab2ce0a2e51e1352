package assemble

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

func TestWorkspaceIsExclusive(t *testing.T) {
	out := filepath.Join(t.TempDir(), "alma.qcow2")
	w, err := openWorkspace(out)
	if err != nil {
		t.Fatal(err)
	}
	var busy *BusyError
	if _, err := openWorkspace(out); !errors.As(err, &busy) {
		t.Errorf("second build on one output: %v, want a BusyError", err)
	}
	other, err := openWorkspace(out + "2")
	if err != nil {
		t.Errorf("a build on another output: %v", err)
	} else {
		other.close(false)
	}
	w.close(false)
	if entries, _ := os.ReadDir(filepath.Dir(out)); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestWorkspaceSweepsWhatAKilledBuildLeft(t *testing.T) {
	out := filepath.Join(t.TempDir(), "alma.qcow2")
	dir := workDir(out)
	if err := os.MkdirAll(filepath.Join(dir, "install"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{lockFile, diskFile, "install/vars.fd"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w, err := openWorkspace(out)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close(false)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("after opening: %v, %v; want the lock alone", entries, err)
	}
}

// Many builds start and end on one output: never are two of them inside.
func TestWorkspaceRace(t *testing.T) {
	out := filepath.Join(t.TempDir(), "alma.qcow2")
	var inside, entered atomic.Int32
	var wait sync.WaitGroup
	for range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for range 50 {
				w, err := openWorkspace(out)
				if err != nil {
					var busy *BusyError
					if !errors.As(err, &busy) {
						t.Error(err)
					}
					continue
				}
				if inside.Add(1) != 1 {
					t.Error("two builds hold one output")
				}
				entered.Add(1)
				inside.Add(-1)
				w.close(false)
			}
		}()
	}
	wait.Wait()
	if entered.Load() == 0 {
		t.Error("nobody ever got in")
	}
}
