//go:build !linux

// Command imgasm-guest is the program inside the rehearsal's guest, which is
// always Linux.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "imgasm-guest: this is /init of imgasm's rehearsal guest and runs on Linux only")
	os.Exit(2)
}
