package qcow2_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/imgasm/imgasm/assemble/qcow2"
)

// A raw disk becomes a qcow2, compressed with zlib.
func ExampleCreate() {
	dir, err := os.MkdirTemp("", "qcow2")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	raw, image := filepath.Join(dir, "disk.raw"), filepath.Join(dir, "disk.qcow2")
	if err := os.WriteFile(raw, bytes.Repeat([]byte("data"), 1<<18), 0o644); err != nil {
		log.Fatal(err)
	}

	src, err := qcow2.OpenRaw(raw)
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	if err := qcow2.Create(context.Background(), image, src, qcow2.Options{}); err != nil {
		log.Fatal(err)
	}
	info, err := os.Stat(image)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(src.Size(), "bytes of disk,", info.Size(), "bytes of file")
	// Output: 1048576 bytes of disk, 393216 bytes of file
}

// Any io.ReaderAt that knows its size is a source; options choose the rest.
func ExampleWrite() {
	f, err := os.CreateTemp("", "*.qcow2")
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	err = qcow2.Write(context.Background(), f, bytes.NewReader(make([]byte, 10<<20)), qcow2.Options{
		Compression: qcow2.Zstd,
		ClusterSize: 128 << 10,
		Progress:    func(done, total int64) { fmt.Println(done, "of", total) },
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: 10485760 of 10485760
}

// A stranger's image is read at an offset, and written as a sparse raw disk.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "qcow2")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx, path := context.Background(), filepath.Join(dir, "disk.qcow2")
	if err := qcow2.Create(ctx, path, bytes.NewReader([]byte("hello")), qcow2.Options{}); err != nil {
		log.Fatal(err)
	}

	image, err := qcow2.Open(path, qcow2.OpenOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer image.Close()
	greeting := make([]byte, 5)
	if _, err := image.ReadAt(greeting, 0); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, of %d bytes\n", greeting, image.Size())
	if err := qcow2.CreateRaw(ctx, filepath.Join(dir, "disk.raw"), image, qcow2.CopyOptions{}); err != nil {
		log.Fatal(err)
	}
	// Output: hello, of 512 bytes
}

// What a guest writes goes to a layer of its own, whose disk is larger.
func ExampleCreateOverlay() {
	dir, err := os.MkdirTemp("", "qcow2")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	raw, layer := filepath.Join(dir, "disk.raw"), filepath.Join(dir, "layer.qcow2")
	if err := os.WriteFile(raw, make([]byte, 1<<20), 0o644); err != nil {
		log.Fatal(err)
	}
	if err := qcow2.CreateOverlay(layer, raw, "raw", 10<<30); err != nil {
		log.Fatal(err)
	}
}
