// What is told about a transfer: how far it is. Who shows it works out the rate.

package source

import (
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
	// The largest fraction told: a step's fraction never goes back, even when
	// a download starts again.
	high float64
}

// The least time between two events.
const tellEvery = 200 * time.Millisecond

// at is told how many bytes are done, and of how many. The first word, the
// last, and each step back are passed on at once.
func (m *meter) at(done, total int64) {
	now := m.f.now()
	back := done < m.done
	m.done, m.total = done, total
	if !m.told.IsZero() && !back && done != total && now.Sub(m.told) < tellEvery {
		return
	}
	m.told = now
	e := event.Event{Text: m.name, Done: m.done, Total: m.total}
	if m.total > 0 {
		m.high = max(m.high, min(1, float64(m.done)/float64(m.total)))
		e.Fraction = m.high
	}
	m.f.progress(e)
}
