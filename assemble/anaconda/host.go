package anaconda

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// QEMU's side: its monitor's events and its end.

// maxResets is how often a healthy guest may be reset before it is up: the firmware,
// shim's fallback, a relabelling and the system itself may each want that once.
const maxResets = 5

func (m *Machine) qmp(q QMP) {
	text, fired := rendered(q), m.evidence.fired
	line := Line{Channel: OnQMP, Text: text}
	switch q.Name {
	case "SHUTDOWN":
		m.ends(q, line)
		return
	case "STOP":
		m.clock.paused = true
	case "RESUME":
		if full := table().asking[WaitForSpace].Name; m.clock.paused && fired[full] > 0 {
			fired[full] = 0
			m.note("the host has space again; the guest goes on")
		}
		m.clock.paused = false
	case "BLOCK_IO_ERROR": // QEMU could not reach the image file
		nospace, _ := q.Data["nospace"].(bool)
		if action := q.Data["action"]; !nospace && (action == "ignore" || action == "report") {
			return
		}
	case "RESET":
		m.note("the guest was reset")
		if m.resets++; m.resets > maxResets {
			text = fmt.Sprintf("RESET loop: %d times", m.resets)
		}
	}
	if f := m.match(text, line); f != nil && f.rule.Ask != Nothing {
		m.out.Do = f.rule.Ask
	}
}

// ends notes a SHUTDOWN event. What it means is weighed by conclude.
func (m *Machine) ends(q QMP, line Line) {
	reason, _ := q.Data["reason"].(string)
	if reason == "" { // before QEMU 4.0 it gave none
		reason = "guest-shutdown"
		if guest, ok := q.Data["guest"].(bool); ok && !guest {
			reason = "host-signal"
		}
	}
	if e := &m.evidence; e.shutdown == "" {
		e.shutdown, e.shutdownAt, e.shutText = reason, m.clock.awake, line.Text
	}
	byCaller := m.verdict != Running // who ended QEMU after the verdict
	if reason == "guest-panic" || strings.HasPrefix(reason, "host-") && !byCaller {
		m.match(line.Text, line)
	}
}

// exit notes the end of QEMU's process.
func (m *Machine) exit(x Exit) {
	e := &m.evidence
	e.over = true
	if e.shutdown != "" || m.verdict != Running || len(e.findings) > 0 {
		return
	}
	text, stderr := fmt.Sprintf("exit %d", x.Code), strings.TrimSpace(x.Stderr)
	if x.Signal != "" {
		text = "signal " + x.Signal
	}
	if stderr != "" {
		text += ": " + strings.ReplaceAll(stderr, "\n", " / ")
	}
	f := m.match(text, Line{Channel: OnQEMU, Text: text})
	if f == nil {
		return
	}
	said := strings.Split(stderr, "\n")
	for _, l := range said[max(0, len(said)-maxLines+1):] {
		if l != "" {
			f.failure.Lines = append(f.failure.Lines, Line{Channel: OnQEMU, Text: short(l, 500)})
		}
	}
}

// rendered writes an event as "NAME key=value …", keys sorted. Only plain values
// are written.
func rendered(q QMP) string {
	var b strings.Builder
	b.WriteString(q.Name)
	for _, k := range slices.Sorted(maps.Keys(q.Data)) {
		switch v := q.Data[k].(type) {
		case string, bool, float64, int, int64:
			fmt.Fprintf(&b, " %s=%v", k, v)
		}
	}
	return short(b.String(), 500)
}
