package console_test

import (
	"fmt"

	"github.com/imgasm/imgasm/qemu/console"
)

// Read the lines of a serial console as a person would.
func ExampleReader() {
	r := console.NewReader(func(r console.Record) {
		fmt.Printf("%s (%s at %v)\n", r.Text, r.Source, r.Stamp)
	})
	fmt.Fprint(r, "[    1.500000] systemd[1]: \x1b[0;1;39mWelcome to \x1b[0;32mAlmaLinux 10\x1b[0m!\r\n")
	fmt.Fprint(r, "[    2.250000] dracut[311]: mounted\r\n")
	r.Close()
	// Output:
	// Welcome to AlmaLinux 10! (systemd at 1.5s)
	// mounted (dracut at 2.25s)
}
