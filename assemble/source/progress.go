// What is told about a transfer: how far it is. Who shows it works out the rate.

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
	// The largest fraction told: a step's fraction never goes back, even when
	// a download starts again.
	high float64
}

// The least time between two events.
const tellEvery = 200 * time.Millisecond

// at sets the position, as when a download is resumed.
func (m *meter) at(done int64) {
	m.done = done
	m.tell()
}

func (m *meter) add(n int) {
	m.done += int64(n)
	if m.f.now().Sub(m.told) >= tellEvery || m.done == m.total {
		m.tell()
	}
}

func (m *meter) tell() {
	m.told = m.f.now()
	e := event.Event{Text: m.name, Done: m.done, Total: m.total}
	if m.total > 0 {
		m.high = max(m.high, min(1, float64(m.done)/float64(m.total)))
		e.Fraction = m.high
	}
	m.f.progress(e)
}

// formatBytes writes a size in binary units: "1.5 MiB".
func formatBytes(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), ""
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB"} {
		if v /= 1024; v < 1023.95 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}
