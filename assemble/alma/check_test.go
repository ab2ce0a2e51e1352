package alma

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// What was seen to be wrong ends the build, and the logs of the guest are kept.
func TestCheckKeepsBundle(t *testing.T) {
	blank := filepath.Join(t.TempDir(), "blank.raw")
	if err := os.WriteFile(blank, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _, err := runBuild(t, t.Context(), func(nonce, _ string) []qemutest.Step { return success(nonce, blank) })
	var check *CheckError
	if !errors.As(err, &check) {
		t.Fatalf("%v (%T), want a CheckError", err, err)
	}
	if want := s.Out + ".failed"; check.Bundle != want || !strings.HasSuffix(err.Error(), "\nlogs: "+want) {
		t.Errorf("bundle %q, error %q", check.Bundle, err)
	}
	for name, want := range map[string]string{summaryFile: "its first sector is no boot sector", serialFile: "Complete!", eventsFile: `"kind":"error"`} {
		text, err := os.ReadFile(filepath.Join(check.Bundle, name))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v; want %q in\n%s", name, err, want, text)
		}
	}
	onlyBundle(t, s.Out)
}

// bareBuild is a build of which no step has run.
func bareBuild(t *testing.T, sink event.Sink) *build {
	t.Helper()
	p, err := testSpec(t, qemutest.Script{}).Resolve(t.Context(), testHost(t))
	if err != nil {
		t.Fatal(err)
	}
	ws, err := openWorkspace(p.Out, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.close(false) })
	return &build{Plan: p, ws: ws, sink: sink}
}

// A disk that cannot be read is the boot test's to judge. Without one the image
// is published, and that nothing was proven is said aloud.
func TestCheckUnread(t *testing.T) {
	for _, c := range []struct {
		noBootTest bool
		want       event.Kind
	}{{true, event.Warning}, {false, event.Note}} {
		r := &recorder{}
		b := bareBuild(t, r.sink)
		b.Plan.Spec.NoBootTest = c.noBootTest
		if err := os.WriteFile(b.ws.path(diskFile), nil, 0o600); err != nil { // no sector at all
			t.Fatal(err)
		}
		if _, err := b.check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(r.events) != 1 || r.events[0].Kind != c.want || !strings.Contains(r.events[0].Text, "could not be read") {
			t.Errorf("without boot test %v: %+v", c.noBootTest, r.events)
		}
	}
}

// A defect in a step is an error with a bundle that has the stack.
func TestPanicInStep(t *testing.T) {
	b := bareBuild(t, nil)
	err := b.runStep(t.Context(), step{name: "check", run: func(b *build, _ context.Context) (string, error) {
		return b.inputs[len(b.inputs)].Name, nil
	}})
	var crash *PanicError
	if !errors.As(err, &crash) || crash.Step != "check" || !strings.Contains(err.Error(), "index out of range") {
		t.Fatalf("%v (%T), want a PanicError", err, err)
	}
	if !strings.HasSuffix(err.Error(), "\nlogs: "+b.Out+".failed") {
		t.Errorf("error %q names no bundle", err)
	}
	stack, err := os.ReadFile(filepath.Join(crash.Bundle, panicFile))
	if err != nil || !strings.Contains(string(stack), "TestPanicInStep") {
		t.Errorf("%v; stack:\n%s", err, stack)
	}
}

// So is one in a goroutine that reads what the guest says.
func TestPanicBesideStep(t *testing.T) {
	b := bareBuild(t, nil)
	p, _ := openPlan(t, testSpec(t, qemutest.Script{}))
	p.Machine.Binary = qemutest.Executable(t, qemutest.Script{Steps: qemutest.Steps(line("[    0.000000] Linux version 6.12"), qemutest.Hang())})
	vm, err := qemu.Start(t.Context(), p.Machine, qemu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	err = b.runStep(t.Context(), step{name: "install", run: func(b *build, ctx context.Context) (string, error) {
		f := newFollower(vm, anaconda.New(anaconda.Config{Arch: "x86_64", Accel: "tcg"}), b.emit)
		f.now = func() time.Time { panic("the clock broke") } // asked when the guest has said something
		failure, err := f.follow(ctx, followOptions{what: theInstallation, timeout: time.Minute})
		return "", b.failed(ctx, f, theInstallation, failure, err)
	}})
	var crash *PanicError
	if !errors.As(err, &crash) || crash.Step != "install" {
		t.Fatalf("%v (%T), want a PanicError", err, err)
	}
	stack, err := os.ReadFile(filepath.Join(crash.Bundle, panicFile))
	if err != nil || !strings.Contains(string(stack), "(*follower).send") {
		t.Errorf("%v; stack:\n%s", err, stack)
	}
}
