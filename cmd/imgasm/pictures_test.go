// The README's pictures are what `make pictures` makes of the recorded runs.

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/imgasm/imgasm/assemble/report"
	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/hosttool"
)

const pictures = "../../docs/pictures/"

// What a browser draws differs from host to host, so the page that it drew is held.
func TestPictureOfReport(t *testing.T) {
	build, err := report.Read(t.Context(), pictures+"disk-full.tar.zst")
	if err != nil {
		t.Fatal(err)
	}
	page, err := build.Put(filepath.Join(t.TempDir(), "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	sum, _, err := digest.File(t.Context(), page)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := os.ReadFile(pictures + "report.sha256")
	if err != nil {
		t.Fatal(err)
	}
	if got := sum + "  report.html\n"; got != string(drawn) {
		t.Errorf("the page is %swas drawn of %srun make pictures, and look at them", got, drawn)
	}
}

func TestE2EPicturesOfTerminals(t *testing.T) {
	hosttool.Machines(t) // none: but the emulator comes by the Go module proxy
	dir := t.TempDir()
	casts, err := filepath.Abs(pictures)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "run", ".", dir, filepath.Join(casts, "build.cast"), filepath.Join(casts, "disk-full.cast"))
	cmd.Dir = "testdata/judges/terminal"
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"build-light.svg", "build-dark.svg", "disk-full-light.svg", "disk-full-dark.svg"} {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(pictures + name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what its recording shows (%v): run make pictures, and look at it", name, err)
		}
	}
}
