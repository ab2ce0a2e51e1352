package nixdisk_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/imgasm/imgasm/assemble/nixdisk"
	"github.com/imgasm/imgasm/nixglue"
)

// A system that was built on another machine, as a disk here.
func ExampleCheck() {
	ctx := context.Background()
	nix := nixglue.Nix{Store: "ssh-ng://admin@builder", EvalStore: "auto"}
	built, err := nix.Build(ctx, nixglue.BuildOptions{Installables: []string{"path:.#nixosConfigurations.mine.config.system.build.toplevel"}})
	if err != nil {
		log.Fatal(err)
	}
	system, err := nixdisk.Check(ctx, nixdisk.Config{
		Nix: nix, Toplevel: built[0].Outputs["out"], Arch: "aarch64", FreeBytes: 4 << 30,
		Progress: func(done, total int64) { fmt.Fprintf(os.Stderr, "\r%d of %d MB", done/1e6, total/1e6) },
	})
	if errors.Is(err, nixdisk.ErrUnsupported) {
		log.Fatal(err) // says why, such as GRUB, and its Hint what to do
	} else if err != nil {
		log.Fatal(err)
	}
	f, err := os.Create("nixos.raw")
	if err != nil {
		log.Fatal(err)
	}
	if err := errors.Join(system.Write(ctx, f), f.Close()); err != nil {
		log.Fatal(errors.Join(err, os.Remove(f.Name())))
	}
	fmt.Println(system.Label, system.Entries)
}
