package alma

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/boottest"
	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// One installation is published in several formats, each with a description, and
// all of them in the records.
func TestSeveralFormats(t *testing.T) {
	s := recordedSpec(t)
	s.Out = filepath.Join(filepath.Dir(s.Out), "out.qcow2")
	s.Formats = []string{"qcow2", "raw", "vhd", "vmdk", "containerdisk"}
	p, err := resolve(t.Context(), s, testHost(t))
	ok(t, err)
	var r recorder
	ok(t, complete(t, p, r.sink))

	dir := filepath.Dir(s.Out)
	names := []string{"out.qcow2", "out.raw", "out.vhd", "out.vmdk", "out.ociarchive"}
	want := []string{"SHA256SUMS", "imgasm.lock", "out.qcow2.intoto.json"}
	for _, name := range names {
		want = append(want, name, name+".json", name+".cdx.json", name+".spdx.json")
	}
	slices.Sort(want)
	entries, err := os.ReadDir(dir)
	ok(t, err)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("published %q, want %q", got, want)
	}
	sums, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	ok(t, err)
	statement, err := os.ReadFile(filepath.Join(dir, "out.qcow2.intoto.json"))
	ok(t, err)
	for n, name := range names {
		meta, err := assemble.ReadDescription(filepath.Join(dir, name+".json"))
		ok(t, err)
		sum, size, err := digest.File(t.Context(), filepath.Join(dir, name))
		ok(t, err)
		if meta.Output != (assemble.File{Name: name, Size: size, SHA256: sum}) || meta.Format != s.Formats[n] {
			t.Errorf("%s is described as %+v in %s", name, meta.Output, meta.Format)
		}
		if !strings.Contains(string(sums), sum+"  "+name+"\n") || !strings.Contains(string(statement), sum) {
			t.Errorf("%s is missing in\n%s\nor in the statement", name, sums)
		}
	}
	var results []string
	for _, e := range r.events {
		if e.Kind == event.Result {
			results = append(results, filepath.Base(e.Path))
		}
	}
	if !slices.Equal(results, names) {
		t.Errorf("told %q, want %q", results, names)
	}
	for format, name := range map[string]string{"qcow2": "out.qcow2", "vpc": "out.vhd", "vmdk": "out.vmdk"} {
		out, err := exec.Command(hosttool.Find(t, "qemu-img", "qemu-utils"), "compare", "-q", "-f", "raw", "-F", format, filepath.Join(dir, "out.raw"), filepath.Join(dir, name)).CombinedOutput()
		if err != nil {
			t.Errorf("%s is another disk: %v %s", name, err, out)
		}
	}

	// All of them are imgasm's, and may be replaced; one that changed may not.
	again, err := resolve(t.Context(), s, testHost(t))
	ok(t, err)
	ok(t, complete(t, again, nil))
	ok(t, os.WriteFile(filepath.Join(dir, "out.vhd"), []byte("changed"), 0o600))
	if _, err := resolve(t.Context(), s, testHost(t)); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "out.vhd") {
		t.Errorf("%v, want one that names out.vhd", err)
	}
}

// What is verified is an image of which QEMU runs a machine, or the disk.
func TestTested(t *testing.T) {
	for _, c := range []struct {
		formats      []string
		file, format string
		made         []string
		boots        bool
	}{
		{[]string{"qcow2"}, "image.partial", "qcow2", []string{"qcow2"}, true},
		{[]string{"raw", "qcow2"}, "image.partial", "raw", []string{"qcow2", "raw"}, true},
		{[]string{"vhd", "qcow2", "raw"}, "image-2.partial", "qcow2", []string{"vhd", "qcow2", "raw"}, true},
		{[]string{"ova", "gce"}, "disk.raw", "raw", []string{"ova", "gce"}, false},
	} {
		s := testSpec(t, qemutest.Script{})
		s.Out, s.Formats, s.NoVerify = filepath.Join(filepath.Dir(s.Out), "out"), c.formats, false
		p, err := resolve(t.Context(), s, testHost(t))
		ok(t, err)
		if file, format := p.Outputs.Boots(); file != c.file || format != c.format {
			t.Errorf("%q: %s (%s) is verified, want %s", c.formats, file, format, c.file)
		}
		var got []string
		for _, s := range p.Outputs.ImageSteps(assemble.Disk{}) {
			got = append(got, s.Name)
		}
		if !slices.Equal(got, c.made) {
			t.Errorf("%q are made in the order %v, want %v", c.formats, got, c.made)
		}
		if boots := len(p.next().Boot) > 0; boots != c.boots {
			t.Errorf("%q: a command that boots it: %v", c.formats, boots)
		}
		made, err := p.Outputs.Made(assemble.Image{Tested: &boottest.Proof{}}, p.Spec.DiskSize)
		ok(t, err)
		for n, m := range made {
			if as := m.Image.TestedAs; (as == "") != (c.formats[n] == c.format) || as != "" && as != c.format {
				t.Errorf("%q: %s is said to be tested as %q", c.formats, c.formats[n], as)
			}
		}
	}
}

// Formats that cannot be are refused before anything is downloaded.
func TestFormatsRefused(t *testing.T) {
	for _, c := range []struct {
		formats []string
		size    int64
		says    string
	}{
		{[]string{"vhdx"}, 0, `"vhdx" is none of qcow2`},
		{[]string{"vhd", "vhd"}, 0, "vhd is named twice"},
		{[]string{"raw", "vhd"}, 3 << 40, "vhd holds at most"},
	} {
		s := testSpec(t, qemutest.Script{})
		s.Formats, s.Out = c.formats, ""
		if c.size > 0 {
			s.DiskSize = c.size
		}
		if err := s.Check(t.Context(), testHost(t)); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v, want %q", c.formats, err, c.says)
		}
	}
	for format, want := range map[string]string{"": "alma.qcow2", "vhd": "alma.vhd", "raw": "alma.raw", "gce": "alma.tar.gz"} {
		var s Spec
		if format != "" {
			s.Formats = []string{format}
		}
		if got := s.WithDefaults(DefaultOut).Out; got != want {
			t.Errorf("%q goes to %s, want %s", format, got, want)
		}
	}
}
