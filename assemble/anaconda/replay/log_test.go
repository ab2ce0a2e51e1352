package replay

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/anaconda"
)

// fileLine is a line of /tmp/anaconda.log that has a time.
var fileLine = regexp.MustCompile(`(?m)^(\d\d:\d\d:\d\d,\d{3}) (DBG|INF|WRN|ERR|CRT|CRI) (\S+): `)

// asVirtio makes of Anaconda's file what rsyslog's template anaconda_syslog
// writes to the virtio port (lorax, 99-generic/config_files/common/rsyslog.conf).
func asVirtio(file []byte) []byte {
	levels := map[string]string{"DBG": "DEBUG", "INF": "INFO", "WRN": "WARNING", "ERR": "ERR", "CRT": "CRIT", "CRI": "CRIT"}
	return fileLine.ReplaceAllFunc(file, func(line []byte) []byte {
		g := fileLine.FindSubmatch(line)
		return []byte(string(g[1]) + " " + levels[string(g[2])] + " anaconda:anaconda: " + string(g[3]) + ": ")
	})
}

// Anaconda's own logs of the recorded runs, alone: what they prove.
func TestLogs(t *testing.T) {
	want := map[string]struct {
		verdict anaconda.Verdict
		rule    string
		phase   anaconda.Phase
	}{
		"failure-kickstart-syntax-pty":   {anaconda.Failed, "log-kickstart-syntax", anaconda.PhaseInstaller},
		"failure-package-missing-pty":    {anaconda.Failed, "packages-missing", anaconda.PhasePackages},
		"failure-rpm-post-scriptlet-pty": {anaconda.Failed, "scriptlet", anaconda.PhasePackages},
		"failure-post-erroronfail-pty":   {anaconda.Running, "", anaconda.PhasePost}, // the log says nothing of it
		"success-pty":                    {anaconda.Succeeded, "", anaconda.PhaseComplete},
		"success-waits-for-enter-pty":    {anaconda.Succeeded, "", anaconda.PhaseComplete},
	}
	paths, _ := filepath.Glob(filepath.Join(recordings, "*.anaconda.log"))
	if len(paths) != len(want) {
		t.Errorf("%d logs, %d expectations", len(paths), len(want))
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".anaconda.log")
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		w := want[name]
		for format, log := range map[string][]byte{"file": file, "virtio": asVirtio(file), "escaped": escaped(asVirtio(file))} {
			got, err := Run(Source{Log: bytes.NewReader(log)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			rule := ""
			if got.Failure != nil {
				rule = got.Failure.Rule
			}
			if got.Verdict != w.verdict || rule != w.rule || got.Phase != w.phase {
				t.Errorf("%s as %s: %v by %q in phase %v, want %+v", name, format, got.Verdict, rule, got.Phase, w)
			}
			if rule == "log-kickstart-syntax" && (got.Failure.KickstartLine != 12 || got.Failure.KickstartText != "Unknown command: frobnicate") {
				t.Errorf("%s as %s: line %d, %q", name, format, got.Failure.KickstartLine, got.Failure.KickstartText)
			}
		}
		// Beside its console a log changes no verdict.
		raw := consoles(t)[name]
		both, err := Run(Source{Console: bytes.NewReader(raw), Log: bytes.NewReader(file)}, nil)
		if alone := replay(t, raw); err != nil || both.Verdict != alone.Verdict {
			t.Errorf("%s: %v with its log, %v without, %v", name, both.Verdict, alone.Verdict, err)
		}
	}
}

// escaped joins continuation lines with #012, as rsyslog does when it escapes
// control characters.
func escaped(log []byte) []byte {
	var out []byte
	for i, line := range bytes.Split(bytes.TrimRight(log, "\n"), []byte("\n")) {
		if i > 0 {
			if len(line) > 13 && line[2] == ':' && line[8] == ',' {
				out = append(out, '\n')
			} else {
				out = append(out, "#012"...)
			}
		}
		out = append(out, line...)
	}
	return append(out, '\n')
}
