package memo

import (
	"os"
	"strings"
)

// Boot names the kernel that runs, and its boot.
func Boot() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return "Linux " + strings.TrimSpace(string(release)) + " " + strings.TrimSpace(string(id))
}
