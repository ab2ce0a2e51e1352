package xfs_test

import (
	"bytes"
	"testing"

	"github.com/imgasm/imgasm/assemble/xfs"
	"github.com/imgasm/imgasm/internal/golden"
)

// smallImage is the file system that testdata/make.sh made.
func smallImage() ([]byte, error) {
	return golden.Unzstd("testdata/small.img.zst")
}

func small(t testing.TB) *xfs.FS {
	t.Helper()
	data := base().image
	fsys, err := xfs.New(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return fsys
}
