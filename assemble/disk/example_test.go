package disk_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/iso"
)

// A disk that UEFI firmware boots from is written, and read.
func ExampleWriteBootMedium() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	f, err := os.Create(filepath.Join(dir, "boot.img"))
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	err = disk.WriteBootMedium(f, disk.BootMedium{
		Files: []disk.File{iso.Bytes("EFI/BOOT/BOOTX64.EFI", []byte("a boot loader"))},
		Seed:  "example", Time: time.Unix(1763550000, 0),
	})
	if err != nil {
		log.Fatal(err)
	}

	info, err := f.Stat()
	if err != nil {
		log.Fatal(err)
	}
	table, err := disk.ReadTable(f, info.Size())
	if err != nil {
		log.Fatal(err)
	}
	esp := table.Parts[0]
	fat, err := disk.OpenFAT(io.NewSectionReader(f, esp.StartBytes, esp.SizeBytes), esp.SizeBytes)
	if err != nil {
		log.Fatal(err)
	}
	loader, err := fs.Stat(fat.FS(), "EFI/BOOT/BOOTX64.EFI")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(table.Kind, esp.IsESP(), loader.Name(), loader.Size())
	// Output:
	// GPT true BOOTX64.EFI 13
}

// Partitions as a person writes them.
func ExampleParseLayout() {
	layout, err := disk.ParseLayout("esp:600M,linux:rest:root", 10<<30, "example")
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range layout.Partitions {
		fmt.Println(p.Name, p.StartBytes>>20, p.SizeBytes>>20)
	}
	_, err = disk.ParseLayout("linux:20G", 10<<30, "example")
	fmt.Println(errors.Is(err, disk.ErrLayout))
	// Output:
	// EFI System Partition 1 600
	// root 601 9638
	// true
}
