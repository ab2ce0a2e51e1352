package replay

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/qemu/console"
)

const recordings = "../../../testdata/serial"

// consoles returns the recorded consoles by name.
func consoles(t testing.TB) map[string][]byte {
	t.Helper()
	return read(t, recordings)
}

// read returns the recordings of a folder by name.
func read(t testing.TB, folder string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.raw"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no recordings in %s: %v", folder, err)
	}
	all := map[string][]byte{}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(path), ".raw")] = raw
	}
	return all
}

// everything is every recording that there is, with its folder in the name.
func everything(t testing.TB) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, folder := range []string{recordings, "testdata/tmux"} {
		for name, raw := range read(t, folder) {
			all[filepath.Base(folder)+"/"+name] = raw
		}
	}
	return all
}

func replay(t testing.TB, raw []byte) Result {
	t.Helper()
	result, err := Run(Source{Console: bytes.NewReader(raw)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// want is what the recorded failures must be explained by.
var want = map[string]struct {
	rule      string
	phase     anaconda.Phase
	kickstart int
}{
	"failure-kernel-panic":            {"kernel-panic", anaconda.PhaseKernel, 0},
	"failure-kickstart-syntax-pty":    {"kickstart-syntax", anaconda.PhaseInstaller, 12},
	"failure-no-oemdrv-powers-off":    {"waits-for-kickstart", anaconda.PhaseInitramfs, 0},
	"failure-package-missing-pty":     {"packages-missing", anaconda.PhasePackages, 0},
	"failure-pane-dead-tmux":          {"installer-died", anaconda.PhaseInstaller, 0},
	"failure-post-erroronfail-direct": {"script-failed", anaconda.PhasePost, 0},
	"failure-post-erroronfail-pty":    {"script-failed", anaconda.PhasePost, 0},
	"failure-rpm-post-scriptlet-pty":  {"scriptlet", anaconda.PhasePackages, 0},
	"failure-stage2-missing":          {"waits-for-stage2", anaconda.PhaseInitramfs, 0},
	"failure-module-segfault-direct":  {"dbus-gone", anaconda.PhaseHub, 0},

	"failure-dependency-missing-direct-hybrid": {"packages-dependencies", anaconda.PhaseHub, 0},
	"failure-repo-unreachable-direct-hybrid":   {"repository", anaconda.PhaseHub, 0},
	"failure-syntax-in-include-direct-hybrid":  {"kickstart-syntax", anaconda.PhaseInstaller, 1},
}

// What tmux paints is told as it was printed: nothing twice, nothing torn.
func TestTmux(t *testing.T) {
	rules := map[string]string{
		"failure-kickstart": "kickstart-syntax", "failure-kickstart-late": "kickstart-syntax", "failure-script": "script-failed",
		"failure-bootloader": "bootloader", "failure-packages-wide": "packages-missing", "failure-hub": "hub-incomplete",
		"failure-crash": "pane-dead", "success-enter": "waits-for-enter", "success-enter-slow": "waits-for-enter",
		"failure-question": "bootloader", "failure-memory": "too-little-memory", "failure-pre": "pre-script-failed",
		"failure-incomplete": "incomplete", "failure-dialog": "packages-missing",
	}
	for name, raw := range read(t, "testdata/tmux") {
		got := replay(t, raw)
		verdict, _, _ := strings.Cut(name, "-")
		rule := rules[name]
		if recording, rendered := strings.CutSuffix(name, "-rendered"); rendered {
			rule = want[recording].rule
			if strings.HasPrefix(recording, "success-waits-for-enter") {
				rule = "waits-for-enter"
			}
		}
		if got.Verdict.String() != verdict || Summary(got).Rule != rule {
			t.Errorf("%s: verdict %v by %q", name, got.Verdict, Summary(got).Rule)
		}
		var packages []string
		reader := console.NewReader(func(r console.Record) {
			if strings.HasPrefix(r.Text, "Installing package-") {
				packages = append(packages, r.Text)
			}
		})
		reader.Write(raw)
		reader.Close()
		last := 0
		for _, text := range packages {
			var number, n, total int
			if got, err := fmt.Sscanf(text, "Installing package-number-%d.x86_64 (%d/%d)", &number, &n, &total); got != 3 || err != nil || n != number+1 || n <= last {
				t.Errorf("%s: torn or out of order: %q after %d", name, text, last)
				break
			}
			last = n
		}
	}
}

func TestRecordings(t *testing.T) {
	for name, raw := range consoles(t) {
		t.Run(name, func(t *testing.T) {
			got := replay(t, raw)
			verdict, _, _ := strings.Cut(name, "-")
			if got.Verdict.String() != verdict {
				t.Fatalf("verdict %v, failure %+v", got.Verdict, got.Failure)
			}
			if verdict != "failure" {
				return
			}
			w, ok := want[name]
			if !ok {
				t.Fatal("no explanation expected: add it to the test's table")
			}
			if f := got.Failure; f.Rule != w.rule || f.Phase != w.phase || f.KickstartLine != w.kickstart || len(f.Lines) == 0 || f.Hint == "" || f.Meaning == "" {
				t.Errorf("got rule %s in phase %v, kickstart line %d, %d lines", f.Rule, f.Phase, f.KickstartLine, len(f.Lines))
			}
		})
	}
}
