// The power button: ACPI's on x86 and on arm64 with firmware, a GPIO key else.
// Both are input devices.

package main

import (
	"encoding/binary"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// powerButton returns a channel that is closed when the button is pressed.
func powerButton() <-chan struct{} {
	pressed := make(chan struct{}, 1)
	devices, _ := filepath.Glob("/dev/input/event*")
	for _, path := range devices {
		go func() {
			f, err := os.OpenFile(path, os.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return
			}
			defer f.Close()
			// struct input_event on 64-bit machines: time 16, type 2, code 2, value 4.
			event := make([]byte, 24)
			for {
				if n, err := f.Read(event); err != nil || n != len(event) {
					return
				}
				kind, code := binary.NativeEndian.Uint16(event[16:]), binary.NativeEndian.Uint16(event[18:])
				if kind == 1 && code == 116 && event[20] == 1 { // EV_KEY, KEY_POWER, down
					select {
					case pressed <- struct{}{}:
					default:
					}
				}
			}
		}()
	}
	return pressed
}
