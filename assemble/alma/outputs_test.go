package alma

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/lock"
	"github.com/imgasm/imgasm/assemble/sbom"
	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// recordedSpec asks for a build that writes everything a build can write.
func recordedSpec(t *testing.T) Spec {
	t.Helper()
	s := testSpec(t, qemutest.Script{})
	s.Provenance, s.Checksums, s.Lock, s.LockFile = true, true, true, filepath.Join(filepath.Dir(s.Out), lock.FileName)
	s.SBOM = []string{"spdx", "cyclonedx"}
	return s
}

// written are the paths that such a build writes.
func written(s Spec) []string {
	all := []string{s.Out, assemble.Description(s.Out), provenanceName(s.Out), checksumsName(s.Out), s.LockFile}
	for _, name := range s.SBOM {
		f, err := sbom.FormatOf(name)
		if err != nil {
			panic(err)
		}
		all = append(all, s.Out+f.Ending)
	}
	return all
}

// willSucceed gives a plan a QEMU whose guest installs at once, on a disk that is soon hashed.
func willSucceed(t *testing.T, p *Plan) {
	t.Helper()
	p.Spec.DiskSize = 1 << 20
	p.Machine.Binary = qemutest.Executable(t, qemutest.Script{Steps: success(p.nonce(), bootSector(t))})
}

// complete runs a plan to success.
func complete(t *testing.T, p *Plan, sink event.Sink) error {
	t.Helper()
	willSucceed(t, p)
	_, err := p.Run(t.Context(), sink)
	return err
}

// Whatever stands at a path that will be written and is no regular file is
// refused before the first step, with --force too, and stays.
func TestOutputsAreRegularFiles(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("makes devices and FIFOs as Linux does")
	}
	s := recordedSpec(t)
	s.Force = true
	treasure := filepath.Join(t.TempDir(), "treasure")
	ok(t, os.WriteFile(treasure, []byte("gem"), 0o600))
	for _, path := range written(s) {
		for kind, plant := range oddFiles(treasure) {
			if err := plant(path); err != nil {
				t.Logf("%s cannot be made here: %v", kind, err)
				continue
			}
			before, err := os.Lstat(path)
			ok(t, err)
			_, err = resolve(t.Context(), s, testHost(t))
			if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), path) || assemble.Hint(err) == "" {
				t.Errorf("%s at %s: error %v, want ErrInput that names it", kind, filepath.Base(path), err)
			}
			if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
				t.Errorf("%s at %s is gone: %v", kind, filepath.Base(path), err)
			}
			ok(t, os.Remove(path))
		}
	}
	if text, err := os.ReadFile(treasure); err != nil || string(text) != "gem" {
		t.Errorf("what a link leads to: %q, %v", text, err)
	}
}

// A file of the user's is replaced with --force only; one that others write to
// as well and that cannot be read, never.
func TestOutputsOfTheUser(t *testing.T) {
	s := recordedSpec(t)
	for _, path := range written(s) {
		ok(t, os.WriteFile(path, []byte("mine"), 0o600))
		for _, force := range []bool{false, true} {
			s.Force = force
			_, err := resolve(t.Context(), s, testHost(t))
			refuse := !force || path == checksumsName(s.Out) || path == s.LockFile
			if refuse != errors.Is(err, ErrInput) || refuse && (!strings.Contains(err.Error(), path) || assemble.Hint(err) == "") {
				t.Errorf("%s, force=%v: %v", filepath.Base(path), force, err)
			}
		}
		ok(t, os.Remove(path))
	}
}

// What a build writes is neither another of its files nor what it is made from.
func TestOutputsAreDistinct(t *testing.T) {
	for name, change := range map[string]func(*Spec){
		"the description as a lock": func(s *Spec) { s.LockFile = assemble.Description(s.Out) },
		"the image as a lock":       func(s *Spec) { s.LockFile = s.Out },
		"the ISO as the image":      func(s *Spec) { s.Out, s.Formats, s.Force = s.ISO, []string{"raw"}, true },
		"the kickstart as a lock":   func(s *Spec) { s.LockFile, s.Force = s.Kickstart, true },
	} {
		s := recordedSpec(t)
		change(&s)
		if _, err := resolve(t.Context(), s, testHost(t)); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "too") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A bill of materials is of what the image holds, whatever its format, counted in
// SHA256SUMS, and replaced by the next build.
func TestBills(t *testing.T) {
	s := recordedSpec(t)
	s.NoVerify = true
	for _, format := range []string{"raw", "raw", "vmdk"} {
		s.Out, s.Formats = filepath.Join(filepath.Dir(s.Out), "out."+format), []string{format}
		p, err := resolve(t.Context(), s, testHost(t))
		ok(t, err)
		r := &recorder{}
		ok(t, complete(t, p, r.sink))
		if !slices.ContainsFunc(r.events, func(e event.Event) bool {
			return e.Kind == event.Warning && strings.HasPrefix(e.Text, "the bill of materials lists no packages: the disk holds nothing")
		}) {
			t.Errorf("%s: nobody is told that no packages are listed", format)
		}
		meta, err := assemble.ReadDescription(assemble.Description(s.Out))
		ok(t, err)
		sums, err := os.ReadFile(checksumsName(s.Out))
		ok(t, err)
		for _, ending := range []string{".cdx.json", ".spdx.json"} {
			text, err := os.ReadFile(s.Out + ending)
			ok(t, err)
			if !strings.Contains(string(text), meta.Output.SHA256) || !strings.Contains(string(sums), digest.Bytes(text)+"  "+filepath.Base(s.Out)+ending) {
				t.Errorf("%s does not name its image, or is not in %s", filepath.Base(s.Out)+ending, sums)
			}
		}
	}
	s.SBOM = []string{"swid"}
	if _, err := resolve(t.Context(), s, testHost(t)); !errors.Is(err, ErrInput) || !strings.Contains(assemble.Hint(err), "{SBOM} cyclonedx or spdx") {
		t.Errorf("%v, hint %q", err, assemble.Hint(err))
	}
}

// A foreign folder where the logs of a failure would go is told before, not
// after, there are any.
func TestForeignBundleIsToldBefore(t *testing.T) {
	s := testSpec(t, qemutest.Script{})
	ok(t, os.Mkdir(assemble.BundleDir(s.Out), 0o700))
	if _, err := resolve(t.Context(), s, testHost(t)); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "is no failure bundle") {
		t.Errorf("error %v", err)
	}
	ok(t, os.WriteFile(filepath.Join(assemble.BundleDir(s.Out), summaryFile), nil, 0o600))
	if _, err := resolve(t.Context(), s, testHost(t)); err != nil {
		t.Errorf("an older bundle: %v", err)
	}
}

// A record that cannot be put in its place keeps the image from being published:
// it is not lost, and nothing else is left.
func TestNoImageWithoutItsRecords(t *testing.T) {
	s := recordedSpec(t)
	p, err := resolve(t.Context(), s, testHost(t))
	ok(t, err)
	var once sync.Once
	err = complete(t, p, func(e event.Event) {
		if e.Kind == event.StepStart && e.Step == "install" { // long after all was looked at
			once.Do(func() { ok(t, os.Mkdir(assemble.Description(s.Out), 0o700)) })
		}
	})
	kept := filepath.Join(assemble.WorkFolder(s.Out), imagePartialFile)
	if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), assemble.Description(s.Out)) || !strings.Contains(err.Error(), kept) {
		t.Errorf("error %v, want ErrInput that names the folder, and where the image is", err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
	for _, path := range written(s) {
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
			t.Errorf("%s was written", path)
		}
	}
	// The next build begins afresh.
	ok(t, os.Remove(assemble.Description(s.Out)))
	if p, err = resolve(t.Context(), s, testHost(t)); err == nil {
		err = complete(t, p, nil)
	}
	ok(t, err)
	if _, err := os.Stat(assemble.WorkFolder(s.Out)); err == nil {
		t.Error("the working folder stays")
	}
}

// Two builds at once, in one folder and with one lock file: neither loses the
// other's lines, nor those of others.
func TestSharedRecordsAreMerged(t *testing.T) {
	a := recordedSpec(t)
	b := recordedSpec(t)
	b.Out, b.LockFile = filepath.Join(filepath.Dir(a.Out), "other.raw"), a.LockFile
	foreign := strings.Repeat("0", 64) + "  by-hand.txt\n"
	ok(t, os.WriteFile(checksumsName(a.Out), []byte("# kept\n"+foreign+strings.Repeat("1", 64)+"  out.raw\n"), 0o644))
	var builds sync.WaitGroup
	for _, s := range []Spec{a, b} {
		p, err := resolve(t.Context(), s, testHost(t))
		ok(t, err)
		willSucceed(t, p)
		builds.Go(func() {
			if _, err := p.Run(t.Context(), nil); err != nil {
				t.Error(err)
			}
		})
	}
	builds.Wait()
	text, err := os.ReadFile(checksumsName(a.Out))
	ok(t, err)
	for _, want := range []string{"# kept\n", foreign, "  out.raw\n", "  other.raw\n", "  out.raw.intoto.json\n", "  other.raw.intoto.json\n"} {
		if strings.Count(string(text), want) != 1 {
			t.Errorf("SHA256SUMS has not one %q:\n%s", want, text)
		}
	}
	if strings.Contains(string(text), strings.Repeat("1", 64)) {
		t.Error("the old line of out.raw stays")
	}
	locked, err := lock.Read(a.LockFile)
	ok(t, err)
	if len(locked.Builds) != 2 {
		t.Errorf("the lock has %d builds, want 2", len(locked.Builds))
	}
	entries, err := os.ReadDir(filepath.Dir(a.Out))
	ok(t, err)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

// A build that was killed between its description and its image: the next one
// puts the old description back first, and so knows the old image for its own.
func TestKilledWhilePublishing(t *testing.T) {
	s := testSpec(t, qemutest.Script{})
	p, err := resolve(t.Context(), s, testHost(t))
	ok(t, err)
	ok(t, complete(t, p, nil))
	work, kept := assemble.WorkFolder(s.Out), filepath.Join(filepath.Dir(s.Out), ".out.raw.json.00.old")
	ok(t, os.Mkdir(work, 0o700))
	ok(t, os.WriteFile(filepath.Join(work, imagePartialFile), []byte("new"), 0o600))
	ok(t, os.Rename(assemble.Description(s.Out), kept))
	ok(t, os.WriteFile(assemble.Description(s.Out), []byte("new"), 0o600))
	journal, err := json.Marshal(map[string]any{"staged": true, "files": []map[string]string{
		{"from": filepath.Join(filepath.Dir(s.Out), ".out.raw.json.00.new"), "to": assemble.Description(s.Out), "old": kept, "sha256": digest.Bytes([]byte("new"))},
		{"from": filepath.Join(work, imagePartialFile), "to": s.Out, "old": filepath.Join(filepath.Dir(s.Out), ".out.raw.00.old")},
	}})
	ok(t, err)
	ok(t, os.WriteFile(filepath.Join(work, "publish.json"), journal, 0o600))
	p, err = resolve(t.Context(), s, testHost(t))
	ok(t, err)
	if text, _ := os.ReadFile(assemble.Description(s.Out)); string(text) != "new" {
		t.Error("resolving has written")
	}
	ok(t, complete(t, p, nil))
	_, err = resolve(t.Context(), s, testHost(t)) // which would replace a file of the user's otherwise
	ok(t, err)
	if entries, err := os.ReadDir(filepath.Dir(s.Out)); err != nil || len(entries) != 2 {
		t.Errorf("left: %v, %v; want the image and its description", entries, err)
	}
}

// Resolving only reads, and running leaves the plan as it was.
func TestRunLeavesThePlan(t *testing.T) {
	s := testSpec(t, qemutest.Script{})
	p, err := resolve(t.Context(), s, testHost(t))
	ok(t, err)
	willSucceed(t, p)
	before := *p
	view, machine, notes := p.View(), p.Machine, slices.Clone(p.Notes)
	for range 2 { // a plan may be run again
		_, err = p.Run(t.Context(), nil)
		ok(t, err)
	}
	if !reflect.DeepEqual(view, p.View()) || !reflect.DeepEqual(machine, p.Machine) || !slices.Equal(notes, p.Notes) || !reflect.DeepEqual(before.Spec, p.Spec) {
		t.Error("running a plan has changed it")
	}
}
