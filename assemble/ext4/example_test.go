package ext4_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"strings"
	"time"

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

// A file system in a new file, with room for what it shall hold and 64 MiB more.
func ExampleCreate() {
	f, err := os.CreateTemp("", "root")
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	text := "NAME=example\n"
	size := ext4.SizeFor(3, int64(len(text)), 64<<20)
	if err := f.Truncate(size); err != nil {
		log.Fatal(err)
	}
	made := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w, err := ext4.Create(f, ext4.Options{SizeBytes: size, Label: "root", UUID: "0b2ea9a6-1c8d-4d4f-a0c6-3a1b5a1c7f10", Time: made, Inodes: 3})
	if err != nil {
		log.Fatal(err)
	}
	a := ext4.Attr{Mode: 0o755, ModTime: made}
	err = errors.Join(
		w.Mkdir("etc", a),
		w.File("etc/os-release", ext4.Attr{Mode: 0o644, ModTime: made}, int64(len(text)), strings.NewReader(text)),
		w.Symlink("release", "etc/os-release", a),
		w.Close(),
	)
	if err != nil {
		log.Fatal(err)
	}

	fsys, err := ext4.New(f, size)
	if err != nil {
		log.Fatal(err)
	}
	read, err := fsys.ReadFile("release")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s %s", fsys.Label, read)
	// Output:
	// root NAME=example
}
