//go:build !linux && !darwin

package memo

// Boot names the kernel that runs, and its boot: not known here.
func Boot() string { return "" }
