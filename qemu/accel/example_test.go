package accel_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/accel"
)

// The fastest accelerator that has been seen to work, for a machine.
func ExampleChoose() {
	choice, err := accel.Choose(context.Background(), accel.Want{Arch: "x86_64"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(choice.Reason)
	machine := qemu.Config{Arch: "x86_64", Accel: choice.Accel, CPU: choice.CPU}
	fmt.Println(machine.Argv(qemu.Links{}))
}

// An accelerator that there is not.
func ExampleChoose_unknown() {
	_, err := accel.Choose(context.Background(), accel.Want{Arch: "x86_64", Accel: "warp"})
	fmt.Println(errors.Is(err, accel.ErrRequest))
	// Output: true
}
