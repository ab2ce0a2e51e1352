package nixos_test

import (
	"fmt"
	"io/fs"
	"log"

	"github.com/imgasm/imgasm/nixos"
)

// The folder that os.CopyFS would write for `nix build path:FOLDER#nixos-x86_64-image`.
func ExampleFlake() {
	err := fs.WalkDir(nixos.Flake(), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			fmt.Println(path)
		}
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// aarch64/default.nix
	// flake.nix
	// modules/base.nix
	// modules/cloud-init.nix
	// modules/qemu-guest.nix
	// modules/vm-host.nix
	// x86_64/default.nix
}
