package firmware_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/imgasm/imgasm/firmware"
)

// UEFI firmware of this system, with a private copy of its variables that a
// virtual machine can write to.
func ExampleFind() {
	pair, err := firmware.Find(context.Background(), firmware.Query{Arch: "x86_64", Getenv: os.Getenv})
	if err != nil {
		log.Fatal(err) // names every place that was looked at
	}
	dir, err := os.MkdirTemp("", "vm")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	code, vars, err := firmware.Prepare(pair, dir)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("-drive if=pflash,unit=0,readonly=on,format=%s,file=%s\n", code.Format, code.Path)
	fmt.Printf("-drive if=pflash,unit=1,format=%s,file=%s\n", vars.Format, vars.Path)
}

// A system without firmware: here an empty folder stands for one.
func ExampleFind_missing() {
	dir, err := os.MkdirTemp("", "system")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	_, err = firmware.Find(context.Background(), firmware.Query{Arch: "aarch64", Root: dir})
	fmt.Println(errors.Is(err, firmware.ErrNotFound))

	// Firmware out of an RPM package could be put there.
	_, err = firmware.Extract(context.Background(), "edk2-aarch64.rpm", dir, firmware.ExtractOptions{})
	fmt.Println(errors.Is(err, firmware.ErrPackage))
	// Output:
	// true
	// true
}

// Keys of another distribution, for its packages.
func ExampleReadKeyring() {
	_, err := firmware.ReadKeyring("mine.asc", []byte("no key"))
	fmt.Println(err)
	// Output:
	// keyring mine.asc: openpgp: invalid data: tag byte does not have MSB set
}
