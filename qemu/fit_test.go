package qemu

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
)

// build is a QEMU with every device but some.
func build(c Config, sandbox bool, without ...string) *Info {
	i := &Info{Path: "/usr/bin/qemu", Sandbox: sandbox}
	i.Devices = slices.DeleteFunc(i.Missing(c), func(d string) bool { return slices.Contains(without, d) })
	slices.Sort(i.Devices)
	return i
}

func TestFit(t *testing.T) {
	for _, a := range arch.All() {
		c := full(a, "/images")
		got, dropped, err := build(c, true).Fit(c)
		if err != nil || dropped != nil || !got.Sandbox || !got.Display || !got.RNG || !got.PVPanic || !got.Watchdog {
			t.Errorf("a full build: %q %v", dropped, err)
		}
		got, dropped, err = build(c, false, "VGA", "virtio-gpu-pci", "virtio-rng-pci", "pvpanic-pci", "i6300esb").Fit(c)
		if err != nil || len(dropped) != 5 || got.Sandbox || got.Display || got.RNG || got.PVPanic || got.Watchdog {
			t.Errorf("a poor build: %q %v", dropped, err)
		}
		_, _, err = build(c, true, "virtio-blk-pci", "virtserialport").Fit(c)
		if !errors.Is(err, ErrLack) || !strings.Contains(err.Error(), "/usr/bin/qemu lacks virtserialport, virtio-blk-pci") || fault.Hint(err, nil) == "" {
			t.Errorf("a useless build: %v", err)
		}
		c.Extra = []string{"-device", "warp-drive"}
		if _, _, err = build(c, true, "warp-drive").Fit(c); err != nil {
			t.Errorf("the user's own device: %v", err)
		}
	}
}

// A build that has no windows is told before it serves its display by VNC.
func TestWindowed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("it has no shell")
	}
	for says, want := range map[string]error{"none\ngtk\nsdl": nil, "none\negl-headless\ncurses": ErrLack} {
		path := filepath.Join(t.TempDir(), "qemu")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n[ \"$*\" = \"-display help\" ] && printf 'Available display backend types:\n"+says+"\n'\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := (&Info{Path: path}).Windowed(t.Context()); !errors.Is(err, want) {
			t.Errorf("%q: %v", says, err)
		}
	}
}
