package main

// Sudden death of each side of a build on another host, and what that costs.

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

func init() { onAnotherHost = rehearseThere }

// rehearseThere has what this host keeps of rehearsals.
func rehearseThere(t *testing.T, args ...string) (int, []event.Event, string) {
	t.Helper()
	o := anotherHost(t)
	h, err := host.This(os.Getenv, version)
	if err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(h.CacheDir, "rehearsal")
	if err := errors.Join(os.MkdirAll(kept, 0o755), os.MkdirAll(o.cache, 0o755), os.Symlink(kept, filepath.Join(o.cache, "rehearsal"))); err != nil {
		t.Fatal(err)
	}
	cut := &cutter{at: []byte(`"step":"install"`), cut: o.Cut}
	code, events, stderr := runJSONWith(t, o.getenv, cut, append(args, "--on", "there")...)
	if !cut.done || !slices.ContainsFunc(events, func(e event.Event) bool { return e.Text == "on there: connected again" }) {
		t.Errorf("the connection was not cut: %s", stderr)
	}
	if code == exitDone {
		o.none(t)
	}
	return code, events, stderr
}

// cutter cuts when something is said.
type cutter struct {
	at   []byte
	cut  func()
	done bool
}

func (c *cutter) Write(b []byte) (int, error) {
	if !c.done && bytes.Contains(b, c.at) {
		c.done = true
		c.cut()
	}
	return len(b), nil
}

// kill -9 of the client, of the server and of the job, at ten moments of a build:
// nothing that was finished is lost, nothing runs on that nobody knows of, and the same
// command goes on. In make test each moment is one of the three's.
func TestE2EOnKilled(t *testing.T) {
	hosttool.Machines(t)
	t.Parallel()
	o := anotherHost(t)
	script := installing(t, qemutest.Sleep(500*time.Millisecond))
	flags := smallBuild(t)
	var whole time.Duration
	for range 2 { // the first one finds out about this host's QEMU
		begun := time.Now()
		r := o.launch(t, filepath.Join(t.TempDir(), "image.qcow2"), script, flags...)
		if code := r.wait(); code != exitDone {
			t.Fatalf("exit code %d\n%s", code, r.stderr)
		}
		whole = time.Since(begun)
	}
	for moment := range 10 {
		for i, victim := range []string{"client", remoteServeVerb, remoteJobVerb} {
			if moment%3 != i && !hosttool.All() {
				continue
			}
			r := o.launch(t, filepath.Join(t.TempDir(), "image.qcow2"), script, flags...)
			go func() {
				for range r.said {
				}
			}()
			time.Sleep(whole * time.Duration(2*moment+1) / 20)
			name := fmt.Sprintf("%s killed in tenth %d of %s", victim, moment+1, whole)
			o.killed(t, name, victim, r)
		}
	}
}

// killed kills one side of a build, and looks at what comes of it.
func (o *other) killed(t *testing.T, name, victim string, r *running) {
	t.Helper()
	if victim == "client" {
		r.signal(t, syscall.SIGKILL)
	} else {
		for pid, args := range processes(t, victim) {
			if home, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)); err == nil && strings.Contains(string(home), "HOME="+o.Home+"\x00") && !strings.Contains(args, "/bin/sh") {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
	_ = r.cmd.Wait()
	code := r.cmd.ProcessState.ExitCode()
	var done string // a job that has ended well
	for _, j := range o.list(t) {
		if j.End != nil && j.End.Code == exitDone && !j.End.Killed {
			done = j.ID
		}
	}
	if code != exitDone {
		next := o.again(t, r)
		if done != "" && !strings.Contains(next.stderr.String(), done) {
			t.Errorf("%s: job %s had ended well, and was done once more: %s", name, done, next.stderr)
		}
	}
	t.Logf("%s: exit code %d, ended well by then: %q; %s", name, code, done, r.stderr)
	if text, err := exec.Command("qemu-img", "check", r.out).CombinedOutput(); err != nil {
		t.Errorf("%s: %v: %s", name, err, text)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(r.out), ".*")); err != nil || len(left) > 0 {
		t.Errorf("%s: left here: %v, %v", name, left, err)
	}
	for _, j := range o.list(t) {
		if j.End == nil || !j.End.Killed {
			t.Errorf("%s: %+v is left there", name, j)
		}
	}
	o.must(t, "remote", "clean", "there")
	o.none(t)
	r.noQEMU(t)
}

// BenchmarkOnConvert is the same work, by ssh on the host where its input lies, and by
// --on, whose input is there from the time before.
func BenchmarkOnConvert(b *testing.B) {
	o := anotherHost(b)
	in, out := randomDisk(b, 8<<20, 1<<30), filepath.Join(b.TempDir(), "out.qcow2")
	o.must(b, "convert", in, out, "--on", "there", "--quiet")
	var seconds [2]float64
	for b.Loop() {
		for i, do := range []func(){
			func() {
				cmd := exec.Command("ssh", "-F", o.Config, "there", "imgasm convert --quiet --force "+in+" "+out)
				if text, err := cmd.CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, text)
				}
			},
			func() { o.must(b, "convert", in, out, "--on", "there", "--quiet", "--force") },
		} {
			begun := time.Now()
			do()
			seconds[i] += time.Since(begun).Seconds()
		}
	}
	n := float64(b.N)
	b.ReportMetric(seconds[0]/n, "s-by-hand")
	b.ReportMetric(seconds[1]/n, "s-on")
	b.ReportMetric((seconds[1]-seconds[0])/n, "s-more")
}
