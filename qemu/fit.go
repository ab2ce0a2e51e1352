package qemu

// A configuration cut down to what a build of QEMU has.

import (
	"fmt"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
)

// Fit leaves out what is good to have and this build lacks: the sandbox, the
// display, the entropy device, pvpanic and the watchdog. dropped says what, for
// the user. What a machine cannot be without is ErrLack.
func (i *Info) Fit(c Config) (fitted Config, dropped []string, err error) {
	drop := func(set *bool, has bool, name, loss string) {
		if *set && !has {
			*set = false
			dropped = append(dropped, fmt.Sprintf("this QEMU has no %s: %s", name, loss))
		}
	}
	drop(&c.Sandbox, i.Sandbox, "sandbox", "it runs with all of your rights")
	for _, o := range []struct {
		set          *bool
		device, loss string
	}{
		{&c.Display, display[c.guest().Machine], "a failure comes without a picture of the screen"},
		{&c.RNG, "virtio-rng-pci", "the guest may wait for entropy"},
		{&c.PVPanic, "pvpanic-pci", "a kernel's panic is known by the console only"},
		{&c.Watchdog, "i6300esb", "guests cannot use a watchdog"},
	} {
		drop(o.set, i.HasDevice(o.device), o.device, o.loss)
	}
	own := c
	own.Extra = nil // what the user adds is the user's affair
	if missing := i.Missing(own); missing != nil {
		return c, dropped, &fault.Error{Class: ErrLack, Err: fmt.Errorf("%s lacks %s", i.Path, strings.Join(missing, ", ")),
			Do: "install the full QEMU, not a cut-down build, or name another: {Binary}"}
	}
	return c, dropped, nil
}
