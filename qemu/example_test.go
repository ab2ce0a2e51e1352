package qemu_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/console"
)

// The words for a shell: without links the command is for a person.
func ExampleLinks() {
	c := qemu.Config{Arch: "x86_64", Name: "example"}
	fmt.Println(strings.Join(c.Argv(qemu.Links{}), " "))
	// Output:
	// qemu-system-x86_64 -nodefaults -no-user-config -name guest=example -machine q35 -accel tcg -cpu max,-erms,-fsrm -smp 2 -m 2048M -display none -action reboot=shutdown,shutdown=poweroff,panic=pause,watchdog=pause -mon chardev=serial0,mode=readline -chardev stdio,id=serial0,mux=on,signal=off -serial chardev:serial0
}

// A disk is booted until its console shows a line.
func ExampleStart() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	vm, err := qemu.Start(ctx, qemu.Config{
		Arch:   "x86_64",
		Drives: []qemu.Drive{{ID: "disk", Path: "alma.qcow2", Format: "qcow2", Snapshot: true}},
	}, qemu.Options{})
	if errors.Is(err, qemu.ErrMissing) {
		log.Fatal("install QEMU first: ", err)
	}
	if err != nil {
		log.Fatal(err)
	}
	defer vm.Close()

	// The console is read before the guest runs, and until its end.
	prompt := make(chan string, 1)
	go func() {
		reader := console.NewReader(func(r console.Record) {
			if strings.Contains(r.Text, "login:") {
				select {
				case prompt <- r.Text:
				default:
				}
			}
		})
		buf := make([]byte, 4096)
		for {
			n, err := vm.Serial.Read(buf)
			reader.Write(buf[:n])
			if err != nil {
				return
			}
			reader.Flush() // a prompt has no line end
		}
	}()
	if err := vm.Cont(ctx); err != nil {
		log.Fatal(err)
	}
	select {
	case line := <-prompt:
		fmt.Println(line)
	case <-vm.Done():
		log.Fatal("QEMU has ended: ", vm.Stderr())
	case <-ctx.Done():
		log.Fatal(ctx.Err())
	}
	if err := vm.Quit(ctx); err != nil {
		log.Fatal(err)
	}
}

// What is wrong with a machine is said before QEMU is started.
func ExampleConfig_Validate() {
	err := qemu.Config{Arch: "x86_64", CPUs: 1000}.Validate()
	fmt.Println(errors.Is(err, qemu.ErrConfig), err)
	// Output:
	// true virtual machine: 1000 processors: from 1 to 255
}
