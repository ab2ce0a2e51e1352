package anaconda

import "time"

// clock is the time as the guest lived through it.
type clock struct {
	begun  bool
	at     time.Duration // of the last input
	awake  time.Duration // without the gaps in which the host slept
	paused bool          // QEMU has stopped the guest
}

// maxGap is the longest time between two inputs that counts as lived through.
const maxGap = 10 * time.Second

// advance sets the clock to the time of an input. held: the guest stands still.
func (c *clock) advance(at time.Duration, held bool) {
	if !c.begun {
		c.begun, c.at = true, at
	}
	if gap := at - c.at; gap > 0 {
		c.at = at
		if !held {
			c.awake += min(gap, maxGap)
		}
	}
}

// slow says whether the guest is emulated.
func (c *Config) slow() bool { return c.Accel == "tcg" }

// stallLimit returns the silence that is allowed in a phase, 0 for any.
func (c *Config) stallLimit(p Phase) time.Duration {
	switch {
	case c.Stall < 0 || c.ConsoleOnly:
		return 0
	case c.Stall > 0:
		return c.Stall
	case c.slow():
		return time.Duration(phases[p].slow) * time.Second
	}
	return time.Duration(phases[p].quiet) * time.Second
}

// lastWords is how long %onerror's output is waited for. imgasm's own section
// gives up after ninety seconds; the installer itself waits for three minutes
// after it, and powers off.
func (c *Config) lastWords() time.Duration {
	if c.slow() {
		return 90 * time.Second
	}
	return 10 * time.Second
}

// powerDownAfter is how long a guest that is complete may stay up by itself.
func (c *Config) powerDownAfter() time.Duration {
	if c.slow() {
		return 5 * time.Minute
	}
	return time.Minute
}
