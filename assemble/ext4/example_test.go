package ext4_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"log"

	"github.com/imgasm/imgasm/assemble/ext4"
)

// A file system is an fs.FS; its files' owners are in Sys.
func Example() {
	data, err := smallImage("small") // stands for a partition: an io.SectionReader of an image, say
	if err != nil {
		log.Fatal(err)
	}
	fsys, err := ext4.New(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(fsys.Kind, fsys.Label, fsys.BlockSize)

	text, err := fsys.ReadFile("link") // a symbolic link to short/file
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", text)

	err = fs.WalkDir(fsys, "deep", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		in, err := e.Info()
		if err != nil {
			return err
		}
		owner := in.Sys().(*ext4.Stat)
		fmt.Println(in.Mode(), owner.UID, owner.GID, in.Size(), path)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// ext4 small 1024
	// hello
	// drwxr-xr-x 0 0 60 deep
	// drwxr-xr-x 0 0 60 deep/er
}
