package guest_test

import (
	"errors"
	"fmt"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/guest"
)

// What is wrong with wishes is known before this host is looked at.
func ExampleSpec_Complete() {
	s, err := guest.Spec{MemoryMiB: 2048}.Complete("x86_64")
	fmt.Println(s.Accel, s.Firmware, err)

	_, err = guest.Spec{Firmware: "bios"}.Complete("aarch64")
	fmt.Println(errors.Is(err, assemble.ErrInput), err)
	// Output:
	// auto auto <nil>
	// true Firmware: aarch64 has no BIOS
}
