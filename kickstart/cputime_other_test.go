//go:build !unix

package kickstart

import "time"

func cpuTime() (time.Duration, bool) { return 0, false }
