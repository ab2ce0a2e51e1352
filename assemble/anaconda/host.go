package anaconda

import (
	"fmt"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/internal/event"
)

// QEMU's side: its monitor's events and its end.

func (m *Machine) qmp(q QMP) {
	text := rendered(q)
	switch q.Name {
	case "SHUTDOWN":
		m.ends(q, text)
		return
	case "STOP":
		m.paused = true
	case "RESUME":
		if full := table().asking[WaitForSpace].Name; m.paused && m.fired[full] > 0 {
			m.fired[full] = 0
			m.event(event.Event{Kind: event.Note, Text: "the host has space again; the guest goes on"})
		}
		m.paused = false
	case "BLOCK_IO_ERROR":
		m.ioError(q, text)
		return
	case "RESET":
		m.event(event.Event{Kind: event.Note, Text: "the guest was reset"})
	}
	m.match(OnQMP, text, Line{Channel: OnQMP, Text: text})
}

// ends notes a SHUTDOWN event. What it means is weighed by conclude.
func (m *Machine) ends(q QMP, text string) {
	reason, _ := q.Data["reason"].(string)
	if reason == "" { // before QEMU 4.0 it gave none
		reason = "guest-shutdown"
		if guest, ok := q.Data["guest"].(bool); ok && !guest {
			reason = "host-signal"
		}
	}
	if m.shutdown == "" {
		m.shutdown, m.shutdownAt, m.shutText = reason, m.awake, text
	}
	if reason == "guest-panic" || strings.HasPrefix(reason, "host-") && !m.succeededBefore() {
		m.match(OnQMP, text, Line{Channel: OnQMP, Text: text})
	}
}

// succeededBefore reports whether the caller ended QEMU after the verdict.
func (m *Machine) succeededBefore() bool { return m.verdict != Running }

// ioError notes that QEMU could not reach the image file. With werror=stop it
// has paused the guest: without space that is to be waited for.
func (m *Machine) ioError(q QMP, text string) {
	action, _ := q.Data["action"].(string)
	if nospace, _ := q.Data["nospace"].(bool); nospace {
		if m.match(OnQMP, text, Line{Channel: OnQMP, Text: text}) != nil {
			m.out.Do = WaitForSpace
		}
		return
	}
	if action != "ignore" && action != "report" {
		m.match(OnQMP, text, Line{Channel: OnQMP, Text: text})
	}
}

// exit notes the end of QEMU's process.
func (m *Machine) exit(x Exit) {
	m.ended = true
	if m.shutdown != "" || m.verdict != Running || len(m.findings) > 0 {
		return
	}
	stderr := strings.TrimSpace(x.Stderr)
	text := fmt.Sprintf("exit %d", x.Code)
	if x.Signal != "" {
		text = "signal " + x.Signal
	}
	line := Line{Channel: OnQEMU, Text: text}
	if stderr != "" {
		text += ": " + strings.ReplaceAll(stderr, "\n", " / ")
		line.Text = text
	}
	if f := m.match(OnQEMU, text, line); f != nil {
		for _, l := range tail(strings.Split(stderr, "\n"), maxLines-1) {
			if l != "" {
				f.failure.Lines = append(f.failure.Lines, Line{Channel: OnQEMU, Text: short(l, 500)})
			}
		}
	}
}

// tail returns the last n of some lines.
func tail(lines []string, n int) []string { return lines[max(0, len(lines)-n):] }

// rendered writes an event as "NAME key=value …", keys sorted. Only plain values
// are written.
func rendered(q QMP) string {
	keys := make([]string, 0, len(q.Data))
	for k := range q.Data {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var b strings.Builder
	b.WriteString(q.Name)
	for _, k := range keys {
		switch v := q.Data[k].(type) {
		case string, bool, float64, int, int64:
			fmt.Fprintf(&b, " %s=%v", k, v)
		}
	}
	return short(b.String(), 500)
}
