package qemu

// A configuration cut down to what a build of QEMU has.

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/proc"
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

// windows are the displays of QEMU that are windows, as -display has them.
var windows = []string{"gtk", "sdl", "cocoa"}

// Windowed is ErrLack for a build without windows: asked for one, QEMU would serve
// the display by VNC instead, to all of this host's users and without a password.
func (i *Info) Windowed(ctx context.Context) error {
	said, err := proc.Cmd{Path: i.Path, Args: []string{"-display", "help"}}.Output(ctx)
	if err != nil {
		return noAnswer(i.Path, err)
	}
	if has := strings.Fields(string(said)); slices.ContainsFunc(windows, func(w string) bool { return slices.Contains(has, w) }) {
		return nil
	}
	return &fault.Error{Class: ErrLack, Err: fmt.Errorf("%s opens no windows", i.Path), Do: "install its graphical part (Debian, Ubuntu: qemu-system-gui); imgasm screenshot shows the display without it"}
}
