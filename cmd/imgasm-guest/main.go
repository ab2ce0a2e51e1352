//go:build linux

// Command imgasm-guest is the program inside the rehearsal's guest. As /init
// of the installer ISO it plays an installer: it reads the kickstart from the
// OEMDRV volume, partitions the disk, installs a small system of a distribution's
// programs and says what it does in Anaconda's words. As /init of the installed
// system it finds the root and hands over to the system's own init.
//
// It is static and needs nothing but the kernel.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == eatVerb {
		eatMemory()
	}
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "imgasm-guest: this is /init of imgasm's rehearsal guest; `imgasm rehearse` runs it")
		os.Exit(2)
	}
	boot()
}
