package alma

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// What was seen to be wrong ends the build, and the logs of the guest are kept.
func TestCheckKeepsBundle(t *testing.T) {
	blank := filepath.Join(t.TempDir(), "blank.raw")
	if err := os.WriteFile(blank, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _, err := runBuild(t, t.Context(), func(nonce, _ string) []qemutest.Step { return success(nonce, blank) })
	if !errors.Is(err, ErrCannotBoot) {
		t.Fatalf("%v (%T), want ErrCannotBoot", err, err)
	}
	if want := s.Out + ".failed"; bundleOf(err) != want || !strings.HasSuffix(err.Error(), "\nlogs: "+want) {
		t.Errorf("bundle %q, error %q", bundleOf(err), err)
	}
	bundle := bundleOf(err)
	for name, want := range map[string]string{summaryFile: "its first sector is no boot sector", serialFile: "Complete!", eventsFile: `"kind":"error"`} {
		text, err := os.ReadFile(filepath.Join(bundle, name))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v; want %q in\n%s", name, err, want, text)
		}
	}
	onlyBundle(t, s.Out)
}

// A disk that cannot be read is the verification's to judge. Without one the image
// is published, and that nothing was proven is said aloud.
func TestCheckUnread(t *testing.T) {
	for _, c := range []struct {
		noVerify bool
		want     event.Kind
	}{{true, event.Warning}, {false, event.Note}} {
		p, err := resolve(t.Context(), testSpec(t, qemutest.Script{}), testHost(t))
		ok(t, err)
		p.Notes, p.Cautions = nil, nil
		r := &recorder{}
		ok(t, inJob(t, p, r.sink, func(_ context.Context, j *assemble.Job) error {
			ok(t, j.Folder.WriteFile(assemble.DiskFile, nil, 0o600)) // no sector at all
			_, err := checkDisk(j, assemble.Disk{Arch: "x86_64", BIOS: true, Untested: c.noVerify})
			return err
		}))
		if !slices.ContainsFunc(r.events, func(e event.Event) bool { return e.Kind == c.want && strings.Contains(e.Text, "could not be read") }) {
			t.Errorf("without verification %v: %+v", c.noVerify, r.events)
		}
	}
}
