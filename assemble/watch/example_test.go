package watch_test

import (
	"context"
	"fmt"
	"time"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/qemu"
)

// Run an installer and know how it ended.
func ExampleGuest_Follow() {
	ctx := context.Background()
	vm, err := qemu.Start(ctx, qemu.Config{
		Arch: "x86_64", Accel: "tcg", CPUs: 1, MemoryMiB: 3072,
		Kernel: &qemu.Kernel{Image: "vmlinuz", Initrd: "initrd.img", Append: "inst.stage2=hd:LABEL=AlmaLinux console=ttyS0 inst.cmdline"},
		Drives: []qemu.Drive{{ID: "target", Path: "disk.raw", Bus: qemu.VirtioBlk}, {ID: "installer", Path: "AlmaLinux.iso", Bus: qemu.SCSICD, ReadOnly: true}},
		Ports:  []qemu.Port{{Name: watch.LogPort}},
	}, qemu.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer vm.Close()
	judge := anaconda.New(anaconda.Config{Arch: "x86_64", Accel: "tcg"})
	g := watch.New(vm, judge, watch.Options{
		What: "the installation", Timeout: 3 * time.Hour,
		Emit: func(e watch.Event) { fmt.Println(e.Text) },
	})
	failure, err := g.Follow(ctx, nil)
	switch {
	case err != nil:
		fmt.Println(err)
	case failure != nil:
		fmt.Println(watch.Failed(&watch.Error{What: "the installation", Failure: failure}))
	}
}
