package replay

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/anaconda"
)

// recorded returns a recorded console with the logs and the kickstart beside it.
func recorded(t *testing.T, console []byte, name string) Source {
	t.Helper()
	s := Source{Console: bytes.NewReader(console)}
	beside, err := filepath.Glob(filepath.Join(recordings, name+".*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range beside {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		switch base := filepath.Base(path); {
		case strings.HasSuffix(base, ".ks"):
			s.Kickstart = anaconda.Kickstart{Name: "my.ks", Text: text}
		case strings.HasSuffix(base, "anaconda.log"):
			s.Log = bytes.NewReader(text)
		case strings.HasSuffix(base, ".log"):
			s.Others = append(s.Others, Log{"packaging.log", bytes.NewReader(text)})
		}
	}
	return s
}

// causes is what each recorded failure must be said to be: by its console alone,
// and with its logs and its kickstart.
var causes = map[string]struct {
	rule, alone, beside string // the rule, and what the meaning says
	where, evidence     string // with what stands beside it
}{
	"failure-kernel-panic": {"kernel-panic", "Fatal exception", "Fatal exception", "", "Kernel panic - not syncing"},
	"failure-kickstart-syntax-pty": {"kickstart-syntax", "line 12 of the kickstart or of a file that it includes: Unknown command: frobnicate",
		"this line: Unknown command: frobnicate", "my.ks:12", "Unknown command: frobnicate"},
	"failure-no-oemdrv-powers-off": {"waits-for-kickstart", "none has appeared", "none has appeared", "", "kickstart.sh"},
	"failure-package-missing-pty":  {"packages-missing", "no-such-package", "no-such-package", "", "missing packages: no-such-package"},
	"failure-pane-dead-tmux":       {"installer-died", "AnacondaError: Rejected send message", "AnacondaError", "", "AnacondaError"},
	"failure-post-erroronfail-direct": {"script-failed", "A %pre-install or %post script that is marked --erroronfail ended with an error.",
		"this %post ended with an error", "my.ks:27", "about to fail"},
	"failure-post-erroronfail-pty": {"script-failed", "A %pre-install or %post script that is marked --erroronfail ended with an error.",
		"this %post ended with an error", "my.ks:18", "goodbye"},
	"failure-rpm-post-scriptlet-pty": {"scriptlet", "POSTIN script failed while it was installed: badpost", "badpost", "", "POSTIN scriptlet"},
	"failure-stage2-missing":         {"waits-for-stage2", "stage 2", "stage 2", "", "devexists"},
	"failure-module-segfault-direct": {"dbus-gone", "A part of the installer died while it was needed.",
		"A part of the installer died while it was needed.", "", "Message recipient disconnected"},
	"failure-dependency-missing-direct-hybrid": {"packages-dependencies",
		"cannot be installed together: nothing provides ghost-that-is-nowhere >= 3 needed by needsghost-10.0-1.el10.x86_64",
		"nothing provides ghost-that-is-nowhere >= 3 needed by needsghost-10.0-1.el10.x86_64", "", "nothing provides ghost-that-is-nowhere"},
	"failure-repo-unreachable-direct-hybrid": {"", "An installation source could not be read.",
		"An installation source could not be read (Could not connect to server): http://127.0.0.1:9/BaseOS/x86_64/os/repodata/repomd.xml", "",
		"Failed to connect to 127.0.0.1 port 9"},
	"failure-syntax-in-include-direct-hybrid": {"kickstart-syntax", "line 1 of the kickstart or of a file that it includes: Unknown command: frobnicate",
		"line 1 of a file that the kickstart includes (/tmp/part.ks): Unknown command: frobnicate", "", "Unknown command: frobnicate"},
}

// Every recorded failure, as it was and as a real tmux renders it, is named by
// its cause, with the guest's words for it.
func TestCauses(t *testing.T) {
	all := everything(t)
	seen := 0
	for name, raw := range all {
		folder, base, _ := strings.Cut(name, "/")
		base, rendered := strings.CutSuffix(base, "-rendered")
		if folder != "serial" && !rendered || !strings.HasPrefix(base, "failure-") {
			continue
		}
		seen++
		t.Run(name, func(t *testing.T) {
			want, ok := causes[base]
			if !ok {
				t.Fatal("no cause expected: add it to the test's table")
			}
			alone := replay(t, raw).Failure
			beside, err := Run(recorded(t, raw, base), nil)
			if err != nil || alone == nil || beside.Failure == nil {
				t.Fatalf("%v, %v, %v", alone, beside.Failure, err)
			}
			f := beside.Failure
			if want.rule != "" && (alone.Rule != want.rule || f.Rule != want.rule) {
				t.Errorf("rule %s alone, %s with the logs, want %s", alone.Rule, f.Rule, want.rule)
			}
			if !strings.Contains(alone.Meaning, want.alone) {
				t.Errorf("alone: %q, want %q", alone.Says(), want.alone)
			}
			if !strings.Contains(f.Meaning, want.beside) || f.Where != want.where {
				t.Errorf("with the logs: %q, want %q: %q", f.Says(), want.where, want.beside)
			}
			if evidence := text(f.Lines) + text(f.Said); !strings.Contains(evidence, want.evidence) {
				t.Errorf("evidence:\n%s\nwant %q", evidence, want.evidence)
			}
			for _, l := range append(f.Lines, f.Said...) {
				if strings.Trim(l.Text, " ~^") == "" {
					t.Errorf("%q is no evidence", l.Text)
				}
			}
		})
	}
	if seen < 20 {
		t.Errorf("saw %d recordings", seen)
	}
}

func text(lines []anaconda.Line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.Text + "\n")
	}
	return b.String()
}
