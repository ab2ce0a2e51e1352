package memo

import "golang.org/x/sys/unix"

// Boot names the kernel that runs, and its boot.
func Boot() string {
	release, err := unix.Sysctl("kern.osrelease")
	if err != nil {
		return ""
	}
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return "Darwin " + release + " " + id
}
