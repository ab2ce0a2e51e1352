package nixglue_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/imgasm/imgasm/nixglue"
)

// The image of a flake, built on another machine and copied home.
func ExampleNix_Build() {
	ctx := context.Background()
	nix := nixglue.Nix{
		Store: "ssh-ng://admin@builder", EvalStore: "auto",
		Events: func(e nixglue.Event) { fmt.Fprintln(os.Stderr, e.Kind, e.Text, e.Done, e.Total, e.Unit) },
	}
	built, err := nix.Build(ctx, nixglue.BuildOptions{Installables: []string{"path:.#image"}})
	var failure *nixglue.Failure
	switch {
	case errors.Is(err, nixglue.ErrBuilder) && errors.As(err, &failure):
		log.Fatalf("%s\n%s", failure.Derivation, strings.Join(failure.Log, "\n"))
	case err != nil:
		log.Fatal(err) // nix's own words; errors.Is tells ErrPlatform, ErrFeature, ErrUntrusted, …
	}
	out := built[0].Outputs["out"]
	home := nixglue.Nix{}
	if err := home.Copy(ctx, nixglue.CopyOptions{Installables: []string{out}, From: nix.Store, Unsigned: true}); err != nil {
		log.Fatal(err)
	}
	image, err := nixglue.FindImage(ctx, out)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(image.Path)
}

// What would be run, to be shown.
func ExampleNix_BuildArgs() {
	nix := nixglue.Nix{Builders: "ssh-ng://admin@arm aarch64-linux", MaxJobs: "0"}
	fmt.Println(strings.Join(nix.BuildArgs(nixglue.BuildOptions{Installables: []string{".#image"}}), "\n"))
	// Output:
	// --extra-experimental-features
	// nix-command flakes
	// --log-format
	// internal-json
	// --builders
	// ssh-ng://admin@arm aarch64-linux
	// --max-jobs
	// 0
	// build
	// --json
	// --no-link
	// .#image
}

// The log of a nix that somebody else runs.
func ExampleLog() {
	l := nixglue.NewLog(func(e nixglue.Event) { fmt.Println(e.Kind, "|", e.Text) })
	fmt.Fprintln(l, `@nix {"action":"start","id":1,"level":3,"type":105,"text":"","fields":["/nix/store/rbai883gsrhdj7yb050ar0lnpr26a29j-kernel.drv","",1,1]}`)
	fmt.Fprintln(l, `@nix {"action":"result","id":1,"type":104,"fields":["buildPhase"]}`)
	fmt.Fprintln(l, `@nix {"action":"result","id":1,"type":101,"fields":["CC init/main.o"]}`)
	// Output:
	// note | building kernel
	// phase | kernel: buildPhase
	// console | kernel> CC init/main.o
}

// A disk image, whatever it is called.
func ExampleFindImage() {
	_, err := nixglue.FindImage(context.Background(), "/nix/store/not-there")
	fmt.Println(errors.Is(err, nixglue.ErrImage))
	// Output:
	// true
}
