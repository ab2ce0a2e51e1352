package boot_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"time"

	"github.com/imgasm/imgasm/assemble/boot"
	"github.com/imgasm/imgasm/assemble/iso"
)

// A kickstart in an installer's initrd, where inst.ks=file:/ks.cfg finds it.
func ExampleWithFiles() {
	initrd := iso.Bytes("initrd.img", []byte("the installer's"))
	ks := iso.Bytes("ks.cfg", []byte("poweroff\n"))
	whole, err := boot.WithFiles(initrd, []boot.File{ks}, time.Unix(1763550000, 0))
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
func ExampleInspectKernel() {
	text := []byte("#!/bin/sh\n")
	_, err := boot.InspectKernel(bytes.NewReader(text), int64(len(text)))
	fmt.Println(errors.Is(err, boot.ErrNotKernel))
	// Output:
	// true
}
