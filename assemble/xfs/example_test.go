package xfs_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"log"

	"github.com/imgasm/imgasm/assemble/xfs"
)

// A file system is an fs.FS; its files' owners are in Sys.
func Example() {
	data, err := smallImage() // stands for a partition: an io.SectionReader of an image, say
	if err != nil {
		log.Fatal(err)
	}
	fsys, err := xfs.New(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(fsys.Label, fsys.BlockSize)

	text, err := fsys.ReadFile("link") // a symbolic link to short/file
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", text)

	err = fs.WalkDir(fsys, "short", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		in, err := e.Info()
		if err != nil {
			return err
		}
		owner := in.Sys().(*xfs.Stat)
		fmt.Println(in.Mode(), owner.UID, owner.GID, in.Size(), path)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// small 1024
	// hello
	// drwxr-xr-x 0 0 18 short
	// -rw-r--r-- 1000 1001 6 short/file
}
