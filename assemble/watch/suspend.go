// A host that sleeps while a guest runs.

package watch

import "time"

// sleepGap is a gap between two ticks that no busy host makes.
const sleepGap = 10 * time.Second

// suspendClock notices that the host slept: the wall clock then runs ahead of
// the monotonic one, or ticks stay away. It is fed with the time of every tick.
type suspendClock struct {
	last  time.Time
	awake time.Duration // since the beginning, without the sleep
}

func newSuspendClock(now time.Time) *suspendClock { return &suspendClock{last: now} }

// slept is how long the host slept since the last call, 0 if it did not. A wall
// clock that is set back is no sleep.
func (c *suspendClock) slept(now time.Time) time.Duration {
	wall := now.Round(0).Sub(c.last.Round(0)) // Round strips the monotonic reading
	gap := max(wall, now.Sub(c.last))
	c.last = now
	if gap > sleepGap {
		c.awake += tickEvery
		return gap
	}
	c.awake += max(gap, 0)
	return 0
}
