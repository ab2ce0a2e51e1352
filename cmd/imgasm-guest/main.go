//go:build linux

// Command imgasm-guest is the program inside the rehearsal's guest. As /init
// of the installer ISO it plays an installer: it reads the kickstart from the
// OEMDRV volume, partitions the disk, installs a small system and says what it
// does in Anaconda's words. As /init of the installed system it is that
// system: a login prompt, the network, an ssh server.
//
// It is static and needs nothing but the kernel.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/imgasm/imgasm/cmd/imgasm-guest/box"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == scriptVerb {
		os.Exit(runScript(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == eatVerb {
		eatMemory()
	}
	if name := filepath.Base(os.Args[0]); os.Getpid() != 1 && slices.Contains(box.Names(), name) {
		os.Exit(runApplet(os.Args))
	}
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "imgasm-guest: this is /init of imgasm's rehearsal guest; `imgasm rehearse` runs it")
		os.Exit(2)
	}
	boot()
}
