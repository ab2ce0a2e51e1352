package assemble

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Further formats stand beside the first one, and whichever a build was killed
// with, the next one may take back.
func TestFormatsPaths(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	o, err := Output{Out: path("alma.raw.gz"), Formats: []string{"raw.gz", "vhd", "gce"}}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	want := []Target{{path("alma.raw.gz"), "raw.gz"}, {path("alma.vhd"), "vhd"}, {path("alma.tar.gz"), "gce"}}
	if !slices.Equal(o.Images, want) {
		t.Errorf("%v, want %v", o.Images, want)
	}
	var all []string
	for _, out := range o.all() {
		all = append(all, filepath.Base(out.path))
	}
	if got, want := strings.Join(all, " "), "alma.raw.gz.json alma.vhd.json alma.tar.gz.json alma.tar.gz alma.vhd alma.raw.gz"; got != want {
		t.Errorf("written: %s\nwant %s", got, want)
	}
	for _, name := range []string{"alma.raw.gz", "alma.qcow2", "alma.qcow2.json", "alma.vhd", "alma.box.json", "SHA256SUMS"} {
		if !slices.Contains(o.places(), path(name)) {
			t.Errorf("%s is no place of a build of alma.raw.gz: %q", name, o.places())
		}
	}

	// A folder, or a stranger's file, at any of them is refused.
	if err := os.WriteFile(path("alma.vhd"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Resolve(); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), path("alma.vhd")) {
		t.Errorf("a stranger's alma.vhd: %v", err)
	}
	// One that a further format would be is not what the build is made from.
	o.Force = true
	if _, err := o.Resolve(path("alma.vhd")); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "made from") {
		t.Errorf("alma.vhd is an input too: %v", err)
	}
	if _, err := (Output{Out: path("x.raw"), Formats: []string{"raw", "raw"}}).Resolve(); !errors.Is(err, ErrInput) {
		t.Errorf("one path twice: %v", err)
	}
	if _, err := (Output{Out: path("x.raw"), Formats: []string{"raw", "tiff"}}).Resolve(); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "tiff") {
		t.Errorf("an unknown format: %v", err)
	}
}
