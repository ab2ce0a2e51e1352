package anaconda

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/event"
)

// Silence: a guest that writes nothing to its disk, says nothing new on its
// console and nothing in its log for longer than its phase takes has failed,
// though nothing says so. A clock in a status line is not something new.

// heard is when each channel last told something new, on the awake clock.
type heard struct {
	consoleAt, logAt, writeAt, readAt time.Duration
	lastText                          string
	written, read                     int64
	anyLog, anyBlocks                 bool
	known                             []string // texts heard lately, as novel compares them
}

// console notes a text. Only a text that was not heard lately, numbers and dots
// aside, is new.
func (h *heard) console(text string, now time.Duration) {
	if h.novel(text) {
		h.consoleAt, h.lastText = now, text
	}
}

func (h *heard) log(text string, now time.Duration) {
	h.anyLog = true
	if h.novel(text) {
		h.logAt = now
	}
}

func (h *heard) blocks(b Blocks, now time.Duration) {
	h.anyBlocks = true
	if b.WrittenBytes != h.written {
		h.written, h.writeAt = b.WrittenBytes, now
	}
	if b.ReadBytes != h.read {
		h.read, h.readAt = b.ReadBytes, now
	}
}

// maxKnown is how many texts are remembered.
const maxKnown = 64

// novel reports whether a text, without its digits, dots, stars and blanks, was
// not among the last ones.
func (h *heard) novel(text string) bool {
	letters := strings.Map(func(c rune) rune {
		if c == ' ' || c >= '*' && c <= '9' {
			return -1
		}
		return c
	}, text)
	if letters == "" || slices.Contains(h.known, letters) {
		return false
	}
	h.known = append(h.known[max(0, len(h.known)-maxKnown+1):], letters)
	return true
}

// silence fires the rows for a guest that is silent for too long.
func (m *Machine) silence() {
	e, h, limit := &m.evidence, &m.heard, m.config.stallLimit(m.phase)
	if limit == 0 || m.clock.paused || e.shutdown != "" || e.over || len(e.findings) > 0 {
		return
	}
	if e.complete {
		m.linger(limit)
		return
	}
	last := max(h.consoleAt, h.logAt, h.writeAt)
	if m.phase <= PhaseInstaller { // what reads its medium is alive
		last = max(last, h.readAt)
	}
	checking := m.phase == PhaseHub
	kind, text := "silence: ", ""
	if silent := m.clock.awake - last; silent >= limit {
		text = "for " + rounded(silent) + " " + h.describe(m.phase)
	} else if since := m.clock.awake - m.hubSince; checking && since >= 3*limit {
		text = "for " + rounded(since) + " the installer has been checking its sources"
	}
	if checking { // nothing but dots
		kind = "endless: "
	}
	if text != "" {
		m.match(kind+text, Line{Channel: OnClock, Text: text})
	}
}

// describe says which silence it is.
func (h *heard) describe(p Phase) string {
	var none []string
	if h.anyBlocks {
		none = append(none, "no disk writes")
	}
	none = append(none, "no new text on the console")
	if h.anyLog {
		none = append(none, "no new line in the installer's log")
	}
	text := strings.Join(none, ", ") + ", while " + p.Doing()
	if h.lastText != "" {
		text += fmt.Sprintf("; the console's last new line was %q", short(h.lastText, 120))
	}
	return text
}

// linger asks a guest that is complete and stays up to go down, and gives it up
// when it does not.
func (m *Machine) linger(limit time.Duration) {
	e, now := &m.evidence, m.clock.awake
	since := max(e.completeAt, m.heard.consoleAt, m.heard.logAt)
	if !e.askedDown && now-since >= min(m.config.powerDownAfter(), limit/2) && m.phase < PhaseShutdown {
		m.powerDown()
	}
	if now-max(since, e.askedAt) >= limit {
		text := "the installation has been complete for " + rounded(now-e.completeAt) + " and the guest is still up"
		m.match("lingering: "+text, Line{Channel: OnClock, Text: text})
	}
}

// powerDown asks the caller to end a guest that would wait for ever.
func (m *Machine) powerDown() {
	e := &m.evidence
	if e.askedDown || m.config.ConsoleOnly {
		return
	}
	e.askedDown, e.askedAt = true, m.clock.awake
	m.out.Do = PowerDown
	if r := table().asking[PowerDown]; e.fired[r.Name] == 0 {
		m.event(event.Event{Kind: event.Warning, Text: "The installation is complete and the guest stays up: it may wait for ENTER, because the kickstart does not say what comes after it.", Hint: r.Hint, Rule: r.Name})
	}
}

// rounded writes a duration as a person would.
func rounded(d time.Duration) string {
	s := d.Round(time.Second).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	return s
}

// short cuts a text at a rune.
func short(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
