// What is told about a transfer: how far it is, how fast, how long it will take.

package source

import (
	"fmt"
	"time"

	"github.com/imgasm/imgasm/internal/event"
)

// meter counts a transfer's bytes and tells about them a few times a second.
type meter struct {
	f     *Fetcher
	name  string
	total int64 // 0: not known
	done  int64
	told  time.Time

	// The rate is taken over a sliding window, so that a pause shows and an
	// old burst does not.
	marks []mark
}

type mark struct {
	at   time.Time
	done int64
}

// The window for rates, and the time between two events.
const (
	rateWindow = 5 * time.Second
	tellEvery  = 200 * time.Millisecond
)

// at sets the position without counting it as speed.
func (m *meter) at(done int64) { m.done, m.marks = done, nil }

func (m *meter) add(n int) {
	m.done += int64(n)
	now := m.f.now()
	if now.Sub(m.told) < tellEvery && m.done != m.total {
		return
	}
	m.told = now
	m.marks = append(m.marks, mark{now, m.done})
	for len(m.marks) > 2 && now.Sub(m.marks[0].at) > rateWindow {
		m.marks = m.marks[1:]
	}
	m.f.progress(event.Event{Text: m.name + m.pace(), Done: m.done, Total: m.total, Fraction: fraction(m.done, m.total)})
}

// pace is ", 12.3 MB/s, 1 min 20 s left", or "" while that is not known.
func (m *meter) pace() string {
	first, last := m.marks[0], m.marks[len(m.marks)-1]
	d := last.at.Sub(first.at)
	if d < time.Second/2 || last.done <= first.done {
		return ""
	}
	rate := float64(last.done-first.done) / d.Seconds()
	s := ", " + formatBytes(int64(rate)) + "/s"
	if m.total > m.done {
		s += ", " + formatDuration(time.Duration(float64(m.total-m.done)/rate*float64(time.Second))) + " left"
	}
	return s
}

func fraction(done, total int64) float64 {
	if total <= 0 {
		return 0
	}
	return min(1, float64(done)/float64(total))
}

// formatBytes uses decimal units, as networks and disks are sold.
func formatBytes(n int64) string {
	v, unit := float64(n), "B"
	for _, u := range []string{"kB", "MB", "GB", "TB"} {
		if v < 1000 {
			break
		}
		v, unit = v/1000, u
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}

func formatDuration(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
