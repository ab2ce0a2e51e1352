package anaconda

import (
	"fmt"
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
	known                             [64]uint64 // of texts heard lately
	at                                int
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

// novel reports whether a text, without its digits, dots, stars and blanks, was
// not among the last ones. The sum is FNV-1a.
func (h *heard) novel(text string) bool {
	sum, letters := uint64(14695981039346656037), 0
	for i := range len(text) {
		if c := text[i]; c > '9' || c < '*' && c != ' ' {
			sum = (sum ^ uint64(c)) * 1099511628211
			letters++
		}
	}
	if letters == 0 {
		return false
	}
	for _, k := range h.known {
		if k == sum {
			return false
		}
	}
	h.known[h.at%len(h.known)] = sum
	h.at++
	return true
}

// quiet returns the silence that is allowed now, 0 for any.
func (m *Machine) quiet() time.Duration {
	switch {
	case m.config.Stall < 0 || m.config.ConsoleOnly:
		return 0
	case m.config.Stall > 0:
		return m.config.Stall
	case m.slow():
		return time.Duration(phases[m.phase].slow) * time.Second
	}
	return time.Duration(phases[m.phase].quiet) * time.Second
}

// silence looks at the clocks.
func (m *Machine) silence() {
	quiet := m.quiet()
	if quiet == 0 || m.paused || m.shutdown != "" || m.ended || len(m.findings) > 0 {
		return
	}
	h := &m.heard
	if m.complete {
		m.linger(quiet)
		return
	}
	last := max(h.consoleAt, h.logAt, h.writeAt)
	if m.phase <= PhaseInstaller { // what reads its medium is alive
		last = max(last, h.readAt)
	}
	if silent := m.awake - last; silent >= quiet {
		kind, text := "silence: ", "for "+rounded(silent)+" "+h.describe(m)
		if m.phase == PhaseHub { // nothing but dots
			kind = "endless: "
		}
		m.match(OnClock, kind+text, Line{Channel: OnClock, Text: text})
		return
	}
	if long := 3 * quiet; m.phase == PhaseHub && m.awake-m.hubSince >= long {
		text := "for " + rounded(m.awake-m.hubSince) + " the installer has been checking its sources"
		m.match(OnClock, "endless: "+text, Line{Channel: OnClock, Text: text})
	}
}

// describe says which silence it is.
func (h *heard) describe(m *Machine) string {
	var none []string
	if h.anyBlocks {
		none = append(none, "no disk writes")
	}
	none = append(none, "no new text on the console")
	if h.anyLog {
		none = append(none, "no new line in the installer's log")
	}
	text := strings.Join(none, ", ") + ", while " + m.phase.Doing()
	if h.lastText != "" {
		text += fmt.Sprintf("; the console's last new line was %q", short(h.lastText, 120))
	}
	return text
}

// linger asks a guest that is complete and stays up to go down, and gives it up
// when it does not.
func (m *Machine) linger(quiet time.Duration) {
	patience := time.Minute
	if m.slow() {
		patience = 5 * time.Minute
	}
	since := max(m.completeAt, m.heard.consoleAt, m.heard.logAt)
	if !m.askedDown && m.awake-since >= min(patience, quiet/2) && m.phase < PhaseShutdown {
		m.powerDown()
	}
	if m.awake-max(since, m.poweredOff) >= quiet {
		text := "the installation has been complete for " + rounded(m.awake-m.completeAt) + " and the guest is still up"
		m.match(OnClock, "lingering: "+text, Line{Channel: OnClock, Text: text})
	}
}

// powerDown asks the caller to end a guest that would wait for ever.
func (m *Machine) powerDown() {
	if m.askedDown || m.config.ConsoleOnly {
		return
	}
	m.askedDown, m.poweredOff = true, m.awake
	m.out.Do = PowerDown
	if r := table().asking[PowerDown]; m.fired[r.Name] == 0 {
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
