package boot_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/imgasm/imgasm/assemble/boot"
	"github.com/imgasm/imgasm/assemble/iso"
)

// An OEMDRV volume: an installer that sees it takes the kickstart from there.
func ExampleWriteOEMDRV() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "oemdrv.iso")
	volume := boot.Volume{Text: []byte("poweroff\n")}
	if err := boot.WriteOEMDRV(path, volume, "1763550000", nil); err != nil {
		log.Fatal(err)
	}
	image, err := iso.Open(context.Background(), path)
	if err != nil {
		log.Fatal(err)
	}
	defer image.Close()
	fmt.Println(image.Label, image.SizeBytes>>20, "MiB")
	// Output:
	// OEMDRV 1 MiB
}

// A stick that installs a machine, without any questions.
func ExampleWriteBoot() {
	source := boot.Source{
		ISO:       "AlmaLinux-10.1-x86_64-dvd.iso",
		Volume:    &boot.Volume{Kickstart: "server.ks"},
		Installer: true,
		Progress:  func(done, total int64) { fmt.Printf("%d of %d bytes\n", done, total) },
	}
	installer, err := boot.WriteBoot(context.Background(), "stick.img", source, "")
	if errors.Is(err, iso.ErrNoBootFiles) {
		log.Fatal("that is no installer: ", err)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(installer.Product, installer.Version)
}
