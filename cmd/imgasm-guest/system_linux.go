// The way into the installed system: its root is found and mounted, and its own
// init takes over.

package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

func (m *machine) runSystem(root string) {
	d := m.findRoot(root)
	if d == nil {
		m.con.Raw("Warning: " + root + " does not exist\n\nEntering emergency mode. Exit the shell to continue.\n")
		forever()
	}
	if err := m.switchRoot(d); err != nil {
		m.con.Raw("imgasm rehearsal: " + err.Error() + "\n")
		os.Exit(1) // and the kernel panics, as without a root it must
	}
	err := unix.Exec("/sbin/init", []string{"init"}, []string{"PATH=/usr/sbin:/usr/bin", "TERM=vt220"})
	m.con.Raw("imgasm rehearsal: /sbin/init: " + err.Error() + "\n")
	os.Exit(1)
}

// findRoot waits for the device of root=.
func (m *machine) findRoot(root string) *device {
	for n := 0; n < 100; n++ {
		if d := rootDevice(root); d != nil {
			return d
		}
		if n == 5 {
			m.loadLate()
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil
}

// switchRoot makes the device's file system the root and takes the kernel's
// own file systems along.
func (m *machine) switchRoot(d *device) error {
	const root = "/sysroot"
	if err := mountVolume(d, root, false); err != nil {
		return err
	}
	for _, k := range []string{"/dev", "/proc", "/sys", "/run"} {
		os.MkdirAll(root+k, 0o755)
		if err := unix.Mount(k, root+k, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("moving %s: %w", k, err)
		}
	}
	if err := unix.Chdir(root); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("switching the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return err
	}
	return unix.Chdir("/")
}
