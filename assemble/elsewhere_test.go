package assemble

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/lock"
)

// What came home of a build elsewhere is put beside what other builds have written,
// all of it or nothing.
func TestPlace(t *testing.T) {
	home, came := t.TempDir(), t.TempDir()
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sum := strings.Repeat("a", 64)
	locked := func(file, name string) {
		t.Helper()
		text, err := lock.Add(file, name, lock.Build{Inputs: map[string]lock.Input{"iso": {Name: "x.iso", SHA256: sum}}})
		if err != nil {
			t.Fatal(err)
		}
		write(file, string(text))
	}
	out := filepath.Join(home, "image.raw")
	o, err := Output{Out: out, Checksums: true, Lock: true, LockFile: filepath.Join(home, "imgasm.lock")}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(home, "SHA256SUMS"), sum+"  other.raw\n"+sum+"  image.raw\n")
	locked(filepath.Join(home, "imgasm.lock"), "other.raw")
	locked(filepath.Join(came, "imgasm.lock"), "image.raw")
	write(filepath.Join(came, "SHA256SUMS"), strings.Repeat("b", 64)+"  image.raw\n")
	write(filepath.Join(came, "image.raw"), "the image")
	lockFile := filepath.Join(came, "imgasm.lock")
	if err := o.Place(t.Context(), came, lockFile); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a description: %v", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Fatal("the image is in its place, and its description is not")
	}
	write(filepath.Join(came, "image.raw.json"), "{}")
	if err := o.Place(t.Context(), came, lockFile); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"image.raw": "the image", "image.raw.json": "{}", "SHA256SUMS": sum + "  other.raw\n" + strings.Repeat("b", 64) + "  image.raw\n"} {
		if got, err := os.ReadFile(filepath.Join(home, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	l, err := lock.Read(filepath.Join(home, "imgasm.lock"))
	if err != nil || len(l.Builds) != 2 {
		t.Errorf("the lock: %+v, %v", l, err)
	}
	write(filepath.Join(came, "image.raw"), "another")
	write(filepath.Join(came, "image.raw.json"), "{}")
	if err := o.Place(t.Context(), came, lockFile); !errors.Is(err, ErrInput) { // image.raw.json is none of a build's
		t.Errorf("over what imgasm did not make: %v", err)
	}
}
