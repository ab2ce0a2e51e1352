package kernel_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"time"

	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/assemble/kernel"
)

// A kickstart in an installer's initrd, where inst.ks=file:/ks.cfg finds it.
func ExampleWithFiles() {
	initrd := iso.Bytes("initrd.img", []byte("the installer's"))
	ks := iso.Bytes("ks.cfg", []byte("poweroff\n"))
	whole, err := kernel.WithFiles(initrd, []kernel.File{ks}, time.Unix(1763550000, 0))
	if err != nil {
		log.Fatal(err)
	}
	r, err := whole.Open()
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(int64(len(all)) == whole.SizeBytes, bytes.Contains(all, []byte("ks.cfg\x00")))
	// Output:
	// true true
}

// What is given as a kernel and is none.
func ExampleInspect() {
	text := []byte("#!/bin/sh\n")
	_, err := kernel.Inspect(bytes.NewReader(text), int64(len(text)))
	fmt.Println(errors.Is(err, kernel.ErrNotKernel))
	// Output:
	// true
}
