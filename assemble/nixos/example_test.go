package nixos_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/nixos"
)

// An image of a flake of one's own, built on a machine of that architecture.
func Example() {
	h, err := host.This(os.Getenv, "1.0")
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	plan, err := nixos.Resolve(ctx, h, nixos.Spec{
		Arch: "aarch64", Build: nixos.Build{Flake: "github:me/mine#image", On: "ssh://admin@arm"},
		Output: assemble.Output{Out: "mine.qcow2"},
	})
	if err != nil {
		log.Fatal(err) // errors.Is tells nixglue.ErrMissing, nixglue.ErrStore, qemu.ErrMissing, …
	}
	result, err := plan.Run(ctx, func(e assemble.Event) { fmt.Println(e.Kind, e.Step, e.Text) })
	if err != nil {
		log.Fatal(err) // nixglue.ErrBuilder, verify.ErrFailed, …; an *assemble.KeptError names the logs
	}
	fmt.Println(result.Out, result.Image.Version)
}

// What makes no sense is refused before nix is asked.
func ExampleResolve() {
	h, err := host.This(os.Getenv, "1.0")
	if err != nil {
		log.Fatal(err)
	}
	_, err = nixos.Resolve(context.Background(), h, nixos.Spec{Build: nixos.Build{On: "builder"}})
	fmt.Println(errors.Is(err, nixos.ErrInput), err)
	// Output:
	// true On: builder is no machine that ssh reaches
}
