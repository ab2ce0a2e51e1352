package host

import (
	"bytes"
	"fmt"
	"os"
)

// MemoryMiB is the host's memory, 0 if it cannot be told.
func MemoryMiB() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	var kib int64
	for line := range bytes.Lines(text) {
		if n, _ := fmt.Sscanf(string(line), "MemTotal: %d kB", &kib); n == 1 { // "MemTotal:       24689764 kB"
			return kib / 1024
		}
	}
	return 0
}
