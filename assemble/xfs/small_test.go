package xfs_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/imgasm/imgasm/assemble/xfs"
)

// smallImage is the file system that testdata/make.sh made.
func smallImage() ([]byte, error) {
	packed, err := os.ReadFile("testdata/small.img.zst")
	if err != nil {
		return nil, err
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.DecodeAll(packed, nil)
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
