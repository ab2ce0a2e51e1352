package inspect_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"

	"github.com/imgasm/imgasm/assemble/inspect"
)

// Whether a disk has what firmware starts.
func ExampleBoot() {
	f, err := os.Open("disk.raw")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		log.Fatal(err)
	}
	boots, err := inspect.Boot(f, info.Size(), "x86_64", true)
	switch {
	case err != nil:
		log.Fatal(err)
	case boots.Unread != nil:
		fmt.Println("nothing is proven:", boots.Unread)
	default:
		fmt.Println(boots.Found)
	}
}

// A disk that was never written to.
func ExampleBoot_blank() {
	blank := make([]byte, 1<<20)
	_, err := inspect.Boot(bytes.NewReader(blank), int64(len(blank)), "x86_64", true)
	fmt.Println(errors.Is(err, inspect.ErrCannotBoot), err)
	// Output:
	// true it has no partition table
}

// What is on a disk, and the files of the system on it.
func ExampleOpen() {
	data, err := smallImage() // stands for an image: an os.File, or what qcow2.Open returns
	if err != nil {
		log.Fatal(err)
	}
	image, err := inspect.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		log.Fatal(err)
	}
	for _, v := range image.Volumes {
		fmt.Println(v.Number, v.PartTypeName(), v.Kind, v.Label, v.UUID)
	}
	tree, err := image.Tree()
	if err != nil {
		log.Fatal(err)
	}
	files, err := fs.Glob(tree, "boot/efi/EFI/*/*.EFI") // from two file systems, joined
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(files)

	system := image.Look(tree)
	fmt.Println(system.OS["PRETTY_NAME"], system.Kernels[0].Version, system.PackageManager, len(system.Packages))
	for _, u := range system.Users {
		fmt.Println(u.Name, u.Password, u.CanLogin())
	}
	// Output:
	// 1 EFI system vfat EFI 1A2B-3C4D
	// 2 Linux ext4 small 11111111-2222-3333-4444-555555555555
	// [boot/efi/EFI/BOOT/BOOTX64.EFI]
	// Small 1 6.1 dpkg 1
	// root set true
	// admin locked false
}
