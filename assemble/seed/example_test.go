package seed_test

import (
	"context"
	"fmt"
	"io/fs"
	"log"
	"os"

	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/assemble/seed"
)

// A seed for a machine: a drive that the guest reads at its first boot.
func ExampleWrite() {
	volume, err := os.CreateTemp("", "seed")
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(volume.Name())
	defer volume.Close()
	err = seed.Write(volume, seed.Seed{
		InstanceID: "i-1", Hostname: "web1", User: "admin",
		SSHKeys: []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGIyjv5xGmXeLOoTOZiwZCuxx1XQxHIRFcdbbdCkbCsK me@laptop"},
	})
	if err != nil {
		log.Fatal(err)
	}
	image, err := iso.Open(context.Background(), volume.Name())
	if err != nil {
		log.Fatal(err)
	}
	defer image.Close()
	text, err := fs.ReadFile(image, "user-data")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n%s", image.Label, text)
	// Output:
	// cidata
	// #cloud-config
	// users:
	//   - default
	//   - name: "admin"
	//     sudo: "ALL=(ALL) NOPASSWD:ALL"
	//     ssh_authorized_keys:
	//       - "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGIyjv5xGmXeLOoTOZiwZCuxx1XQxHIRFcdbbdCkbCsK me@laptop"
}
