package iso_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/imgasm/imgasm/assemble/iso"
)

// installer writes what stands for an installer ISO here, and returns its path.
func installer() string {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	path := filepath.Join(dir, "installer.iso")
	f, err := os.Create(path)
	if err != nil {
		log.Fatal(err)
	}
	files := []iso.File{
		iso.Bytes("images/pxeboot/vmlinuz", []byte("a kernel")),
		iso.Bytes("images/pxeboot/initrd.img", []byte("an initrd")),
		iso.Bytes(".discinfo", []byte("1763550000.1\n10.1\nx86_64\nALL\n")),
	}
	err = iso.WriteInstallerTree(f, "AlmaLinux-10-1-x86_64-dvd", files, time.Unix(1763550000, 0))
	if err := errors.Join(err, f.Close()); err != nil {
		log.Fatal(err)
	}
	return path
}

// What an installer ISO is, and a file of it.
func ExampleOpen() {
	path := installer()
	defer os.RemoveAll(filepath.Dir(path))

	image, err := iso.Open(context.Background(), path)
	if err != nil {
		log.Fatal(err)
	}
	defer image.Close()
	in, err := image.Installer()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(in.Product, in.Version, in.Arch, in.Variant)
	fmt.Println(in.Stage2())

	// An image is an fs.FS too.
	kernel, err := image.Open(in.Boot.Kernel)
	if err != nil {
		log.Fatal(err)
	}
	defer kernel.Close()
	contents, err := io.ReadAll(kernel)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %s\n", in.Boot.Kernel, contents)
	// Output:
	// AlmaLinux 10.1 x86_64 boot
	// hd:LABEL=AlmaLinux-10-1-x86_64-dvd
	// images/pxeboot/vmlinuz: a kernel
}

// Errors are told apart by their class.
func ExampleOpen_errors() {
	_, err := iso.Open(context.Background(), "/nowhere/installer.iso")
	fmt.Println(errors.Is(err, iso.ErrUnreadable), errors.Is(err, iso.ErrCorrupt))
	// Output: true false
}

// An OEMDRV volume: Anaconda takes its kickstart from a drive of that label.
func ExampleWriteOEMDRV() {
	volume, err := os.CreateTemp("", "oemdrv")
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(volume.Name())
	defer volume.Close()
	files := []iso.File{iso.Bytes("ks.cfg", []byte("text\npoweroff\n"))}
	if err := iso.WriteOEMDRV(volume, files, time.Unix(1700000000, 0)); err != nil {
		log.Fatal(err)
	}
	image, err := iso.Open(context.Background(), volume.Name())
	if err != nil {
		log.Fatal(err)
	}
	defer image.Close()
	fmt.Println(image.Label)
	// Output: OEMDRV
}
