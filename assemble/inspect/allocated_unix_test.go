//go:build unix

package inspect_test

import (
	"os"
	"syscall"
	"testing"
)

// allocated is how many bytes a file takes.
func allocated(t testing.TB, path string) int64 {
	t.Helper()
	in, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return in.Sys().(*syscall.Stat_t).Blocks * 512
}
