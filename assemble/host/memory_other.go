//go:build !linux && !darwin

package host

// MemoryMiB is not told on this system.
func MemoryMiB() int64 { return 0 }
