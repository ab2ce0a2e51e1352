package anaconda

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/imgasm/imgasm/kickstart/render"
)

// The progress port: lines that imgasm's own sections of the kickstart write; see
// package kickstart/render.

// Report is what the guest told about itself on the progress port.
type Report struct {
	Facts    map[string]string // release, kernel, arch, packages, hostname, …
	Packages []string          // NEVRAs of the installed system, in the order in which they came
	Logs     map[string][]byte // ends of the installer's /tmp/*.log, by file name, after a failure
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
			m.note("a line on the progress port that is not imgasm's: " + short(line, 120))
		}
		return
	}
	m.evidence.trusted = true
	m.heard.logAt = m.clock.awake
	switch verb {
	case "phase":
		m.advance(portPhases[value])
	case "fact":
		m.report.fact(value)
	case "package":
		if value != "" && m.report.room(len(value)+16) {
			m.report.Packages = append(m.report.Packages, value)
		}
	case "log":
		m.report.wordsAt = m.clock.awake
		m.report.keepLog(value)
	case "error":
		m.report.wordsAt = m.clock.awake
		m.match("error "+value, Line{Channel: OnProgress, Line: p.Line, Text: strings.TrimSpace("error " + value)})
	case "end": // of %onerror's output
		m.report.wordsAt, m.report.ended = m.clock.awake, true
	case "done":
		m.evidence.done = true
		m.advance(PhasePost)
	}
}

// portPhases are the phases that the kickstart's sections announce.
var portPhases = map[string]Phase{"pre": PhaseInstaller, "pre-install": PhaseStorage, "post": PhasePost}

func (r *report) fact(s string) {
	key, value, ok := strings.Cut(s, "=")
	if !ok || key == "" || !r.room(len(s)+32) {
		return
	}
	if r.Facts == nil {
		r.Facts = map[string]string{}
	}
	r.Facts[key] = value
}

// keepLog adds a piece of a log: NAME BASE64.
func (r *report) keepLog(s string) {
	name, encoded, ok := strings.Cut(s, " ")
	if !ok || name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") || len(name) > 64 {
		return
	}
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !r.room(len(data)+16) {
		return
	}
	if r.Logs == nil {
		r.Logs = map[string][]byte{}
	}
	r.Logs[name] = append(r.Logs[name], data...)
}
