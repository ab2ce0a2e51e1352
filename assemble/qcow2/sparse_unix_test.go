//go:build unix

package qcow2_test

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/imgasm/imgasm/assemble/qcow2"
)

func TestSparseBlocks(t *testing.T) {
	// One byte of each cluster: the file holds no more than the blocks around them.
	b := make([]byte, 16<<20)
	for i := 0; i < len(b); i += 64 << 10 {
		b[i+5000] = 1
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "disk.qcow2"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := qcow2.Write(t.Context(), f, bytes.NewReader(b), qcow2.Options{Compression: qcow2.Uncompressed}); err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if used := info.Sys().(*syscall.Stat_t).Blocks * 512; used > 3<<20 {
		t.Errorf("%d bytes are allocated for 256 blocks of 4 KiB", used)
	}
}
