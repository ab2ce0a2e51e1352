package anaconda_test

import (
	"fmt"
	"time"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/qemu/console"
)

// Judge what a guest says on its console, as it says it.
func ExampleMachine_Step() {
	m := anaconda.New(anaconda.Config{Arch: "x86_64", Accel: "kvm"})
	began := time.Now()
	r := console.NewReader(func(r console.Record) {
		out := m.Step(anaconda.Input{At: time.Since(began), What: anaconda.Console(r)})
		if out.Failure != nil {
			fmt.Println(out.Failure.Says())
		}
	})
	fmt.Fprint(r, "[    4.210921] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n")
	r.Close()
	// Output: The kernel has no usable initramfs: it was not loaded, is damaged, or did not fit into the guest's memory.
}
