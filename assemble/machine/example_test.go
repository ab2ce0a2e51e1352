package machine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/imgasm/imgasm/assemble/machine"
)

// An image without partitions, whose first sector is a PC's boot code.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "machine")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "disk.raw")
	disk := make([]byte, 1<<20)
	copy(disk, bytes.Repeat([]byte{0x90}, 440))
	disk[510], disk[511] = 0x55, 0xaa
	if err := os.WriteFile(path, disk, 0o600); err != nil {
		log.Fatal(err)
	}
	image, err := machine.Open(context.Background(), path, "")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(image.Format, image.Arch, image.UEFI, image.Console)

	_, err = machine.Open(context.Background(), filepath.Join(dir, "nothing"), "")
	fmt.Println(errors.Is(err, os.ErrNotExist))
	// Output:
	// raw x86_64 false ttyS0
	// true
}
