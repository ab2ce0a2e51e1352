package alma_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/alma"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/watch"
)

// Build an image, and tell a guest that failed from everything else.
func ExampleResolve() {
	ctx := context.Background()
	h, err := host.This(os.Getenv, "1.0")
	if err != nil {
		fmt.Println(err)
		return
	}
	show := func(e assemble.Event) { fmt.Println(e.Kind, e.Text) }
	spec := alma.Spec{Arch: "aarch64", Settings: alma.Settings{SSHKeys: []string{"ssh-ed25519 AAAA… me"}}}
	spec.Out = "alma.qcow2"
	iso, err := spec.Locate(ctx, h, show)
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := alma.Resolve(ctx, h, spec, iso)
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := plan.Run(ctx, show)
	var kept *assemble.KeptError
	switch {
	case errors.Is(err, watch.ErrFailed) && errors.As(err, &kept):
		fmt.Println("the guest failed; its logs are in", kept.Bundle)
	case err != nil:
		fmt.Println(err)
	default:
		fmt.Println(result.Out, result.Image.Output.SHA256)
	}
}
