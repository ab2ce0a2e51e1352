package instance_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/instance"
)

// A machine that lives on when the program ends: the program itself, called with
// other words, is its supervisor.
func Example() {
	ctx := context.Background()
	if len(os.Args) == 3 && os.Args[1] == "supervise" {
		if err := instance.Supervise(ctx, os.Args[2], os.Stdout); err != nil {
			log.Fatal(err)
		}
		return
	}
	store := instance.Store{Dir: "/home/me/.local/state/machines"}
	folder, err := store.Create(ctx, "alma")
	if err != nil {
		log.Fatal(err)
	}
	spec := instance.Spec{
		Image: "alma.qcow2",
		VM: qemu.Config{
			Arch: "x86_64", Net: &qemu.Net{}, Actions: qemu.Actions{Reboot: "reset", Shutdown: "poweroff", Panic: "none"},
			Drives: []qemu.Drive{{ID: "disk", Path: "/images/alma.qcow2", Format: "qcow2"}},
		},
		SSH: instance.SSH{Port: 2222, User: "admin"},
	}
	running, err := folder.Detach(ctx, spec, []string{os.Args[0], "supervise"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("ssh -p %d %s@127.0.0.1\n", running.SSH.Port, running.SSH.User)
	if _, err := running.Stop(ctx, time.Minute); err != nil {
		log.Fatal(err)
	}
}
