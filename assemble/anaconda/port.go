package anaconda

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/kickstart/render"
)

// The progress port: lines that imgasm's own sections of the kickstart write; see
// package kickstart/render.

// Report is what the guest told about itself on the progress port.
type Report struct {
	Facts     map[string]string // release, kernel, arch, packages, hostname, …
	Packages  []string          // NEVRAs of the installed system, in the order in which they came
	Logs      map[string][]byte // ends of the installer's /tmp/*.log, by file name, after a failure
	Truncated bool              // more was sent than is kept
}

type report struct {
	Report
	size    int
	wordsAt time.Duration // when the last of the installer's last words came
	ended   bool          // they have said that they were the last
	strange int           // lines that were not trusted
}

// maxReport is how much of what the guest tells is kept, in bytes.
const maxReport = 16 << 20

// Report returns what has been told so far. The caller must not change it.
func (m *Machine) Report() Report { return m.report.Report }

// room reports whether n more bytes may be kept.
func (r *report) room(n int) bool {
	if r.size+n > maxReport {
		r.Truncated = true
		return false
	}
	r.size += n
	return true
}

func (m *Machine) progressLine(p Progress) {
	line := strings.TrimRight(p.Text, "\r\n ")
	if line == "" {
		return
	}
	nonce, verb, value, ok := render.ProgressLine(line)
	if !ok || m.config.Nonce == "" || nonce != m.config.Nonce {
		if m.report.strange++; m.report.strange <= 3 {
			m.event(event.Event{Kind: event.Note, Text: "a line on the progress port that is not imgasm's: " + short(line, 120)})
		}
		return
	}
	m.portSpoke = true
	m.heard.logAt = m.awake
	switch verb {
	case "phase":
		m.portPhase(value)
	case "fact":
		m.fact(value)
	case "package":
		if value != "" && m.report.room(len(value)+16) {
			m.report.Packages = append(m.report.Packages, value)
		}
	case "log":
		m.report.wordsAt = m.awake
		m.keepLog(value)
	case "error":
		m.report.wordsAt = m.awake
		m.match(OnProgress, "error "+value, Line{Channel: OnProgress, Line: p.Line, Text: strings.TrimSpace("error " + value)})
	case "end": // of %onerror's output
		m.report.wordsAt, m.report.ended = m.awake, true
	case "done":
		m.done = true
		if m.phase < PhasePost {
			m.advance(PhasePost)
		}
	}
}

func (m *Machine) portPhase(name string) {
	switch name {
	case "pre":
		m.advance(PhaseInstaller)
	case "pre-install":
		m.advance(PhaseStorage)
	case "post":
		m.advance(PhasePost)
	}
}

func (m *Machine) fact(s string) {
	key, value, ok := strings.Cut(s, "=")
	if !ok || key == "" || !m.report.room(len(s)+32) {
		return
	}
	if m.report.Facts == nil {
		m.report.Facts = map[string]string{}
	}
	m.report.Facts[key] = value
}

// keepLog adds a piece of a log: NAME BASE64.
func (m *Machine) keepLog(s string) {
	name, encoded, ok := strings.Cut(s, " ")
	if !ok || name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") || len(name) > 64 {
		return
	}
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !m.report.room(len(data)+16) {
		return
	}
	if m.report.Logs == nil {
		m.report.Logs = map[string][]byte{}
	}
	m.report.Logs[name] = append(m.report.Logs[name], data...)
}
