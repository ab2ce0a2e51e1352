package alma

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/cavaliergopher/cpio"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/boot"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// makeMedia resolves a Spec, makes everything that the guest is given, and
// returns the plan and the files.
func makeMedia(t *testing.T, change func(*Spec)) (*Plan, map[string][]byte) {
	t.Helper()
	s := testSpec(t, qemutest.Script{})
	change(&s)
	p, err := resolve(t.Context(), s, testHost(t))
	ok(t, err)
	files := map[string][]byte{}
	ok(t, inJob(t, p, nil, func(ctx context.Context, j *assemble.Job) error {
		for _, run := range []func(context.Context, *assemble.Job, *Plan) (string, error){makeBootFiles, makeOEMDRV, makeBootMedium} {
			if _, err := run(ctx, j, p); err != nil {
				return err
			}
		}
		for _, name := range []string{kernelFile, initrdFile, oemdrvFile, bootMediumFile} {
			if files[name], err = j.Folder.ReadFile(name); err != nil {
				return err
			}
		}
		return nil
	}))
	return p, files
}

// The same Spec and inputs give the same bytes, wherever the ISO and the output lie.
func TestMediaAreReproducible(t *testing.T) {
	for _, deliver := range boot.Deliveries {
		change := func(s *Spec) { s.Deliver = deliver }
		_, first := makeMedia(t, change)
		_, second := makeMedia(t, change)
		for name, b := range first {
			if !bytes.Equal(b, second[name]) {
				t.Errorf("--deliver %s: %s differs between two builds", deliver, name)
			}
		}
	}
}

// archived is the ks.cfg in the archive that follows the test ISO's initrd.
func archived(t *testing.T, initrd []byte) string {
	t.Helper()
	own := []byte("initrd\x00\x00") // padded to a multiple of 4
	if !bytes.HasPrefix(initrd, own) {
		t.Fatalf("begins with %q, not with the ISO's initrd", initrd[:min(16, len(initrd))])
	}
	r := cpio.NewReader(bytes.NewReader(initrd[len(own):]))
	h, err := r.Next()
	if err != nil || h.Name != "ks.cfg" || h.Mode.Perm() != 0o600 {
		t.Fatalf("%+v, %v", h, err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDeliver(t *testing.T) {
	for _, c := range []struct {
		deliver          string
		ks               string
		inInitrd, volume bool
	}{
		{"", "inst.ks=hd:LABEL=OEMDRV:/ks.cfg", false, true},
		{"oemdrv", "inst.ks=hd:LABEL=OEMDRV:/ks.cfg", false, true},
		{"initrd", "inst.ks=file:/ks.cfg", true, false},
		{"both", "inst.ks=file:/ks.cfg", true, true},
	} {
		p, files := makeMedia(t, func(s *Spec) { s.Deliver = c.deliver })
		if !slices.Contains(p.Arguments, c.ks) || strings.Count(strings.Join(p.Arguments, " "), "inst.ks=") != 1 {
			t.Errorf("--deliver %s: arguments %v", c.deliver, p.Arguments)
		}
		attached, skipped := false, false
		for _, d := range p.Machine.Drives {
			attached = attached || d.ID == "oemdrv"
		}
		for _, s := range p.steps(nil) {
			skipped = skipped || s.Name == "OEMDRV" && s.Skip != ""
		}
		if attached != c.volume || skipped == c.volume || p.Machine.Drives[0].ID != "target" {
			t.Errorf("--deliver %s: volume attached %t, made %t; drives %+v", c.deliver, attached, !skipped, p.Machine.Drives)
		}
		if !c.inInitrd {
			if string(files[initrdFile]) != "initrd" {
				t.Errorf("--deliver %s: the initrd was changed", c.deliver)
			}
			continue
		}
		if text := archived(t, files[initrdFile]); text != string(p.Kickstart.Guest) {
			t.Errorf("--deliver %s: the initrd has the kickstart %q", c.deliver, text)
		}
		if !bytes.Contains(files[bootMediumFile], files[initrdFile]) || !bytes.Contains(files[bootMediumFile], []byte(c.ks)) {
			t.Errorf("--deliver %s: the boot medium has another initrd or another inst.ks", c.deliver)
		}
	}
}
