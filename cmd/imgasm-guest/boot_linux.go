// What comes first in both of the guest's characters: file systems, modules,
// the console.

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/imgasm/imgasm/assemble/rehearsal/failures"
	"github.com/imgasm/imgasm/cmd/imgasm-guest/talk"
)

// machine is the guest after boot.
type machine struct {
	con     *talk.Console
	args    cmdline
	fail    string // failure on demand; empty: none
	release string // of the kernel
	arch    string // as uname -m has it
	late    bool   // loadLate was called
}

// sinceBoot is the time on the kernel's own clock, as printk has it.
func sinceBoot() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// boot never returns: when it does, the kernel panics because init has died.
func boot() {
	for _, m := range []struct{ source, target, kind string }{
		{"proc", "/proc", "proc"}, {"sysfs", "/sys", "sysfs"}, {"devtmpfs", "/dev", "devtmpfs"},
		{"tmpfs", "/run", "tmpfs"}, {"tmpfs", "/tmp", "tmpfs"},
	} {
		os.MkdirAll(m.target, 0o755)
		if err := unix.Mount(m.source, m.target, m.kind, 0, ""); err != nil && err != unix.EBUSY {
			fmt.Printf("imgasm-guest: mount %s: %v\n", m.target, err)
		}
	}
	os.Chmod("/tmp", 0o777|os.ModeSticky)
	// What udev makes elsewhere, and bash's <(…) needs.
	for to, name := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		os.Symlink(name, "/dev/"+to)
	}
	text, _ := os.ReadFile("/proc/cmdline")
	m := &machine{args: parseCmdline(string(text))}
	console, err := os.OpenFile("/dev/console", os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		console = os.Stdout
	}
	m.con = &talk.Console{W: console, Now: sinceBoot, PID: 1801}
	m.fail, _ = m.args.value(failures.Argument)
	m.release, m.arch = uname()
	os.Setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
	m.con.Raw("\r\nBooting initrd of \x1b[1mimgasm rehearsal (AlmaLinux layout)\x1b[0m dracut-107-rehearsal (Initramfs).\r\n\r\n")
	if m.fail == failures.CPUTooOld {
		m.dieOfOldCPU()
	}
	m.loadModules(false)
	m.linkPorts()
	if root, ok := m.args.value("root"); ok && !m.args.flag("inst.ks") {
		m.runSystem(root)
	}
	m.runInstaller()
}

func uname() (release, machine string) {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "", ""
	}
	return unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Machine[:])
}

// loadModules loads what /modules/order names. A second word in a line is a
// PCI class: the module is for hardware that may not be there, and loading
// takes time.
func (m *machine) loadModules(late bool) {
	order, err := os.ReadFile("/modules/order")
	if err != nil {
		return
	}
	classes := pciClasses()
	for _, line := range strings.Split(string(order), "\n") {
		file, class, _ := strings.Cut(line, " ")
		if file == "" || class != "" && !strings.Contains(classes, class) || isLate(class) != late {
			continue
		}
		if m.fail == failures.PanicSilent && strings.HasPrefix(file, "pvpanic") {
			continue
		}
		f, err := os.Open(filepath.Join("/modules", file))
		if err != nil {
			continue
		}
		// EEXIST: the kernel has it inside. ENODEV: its hardware is missing.
		if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && err != unix.EEXIST && err != unix.ENODEV {
			m.con.Journal("systemd-modules-load", 210, fmt.Sprintf("Failed to insert module '%s': %v", strings.TrimSuffix(file, ".ko"), err))
		}
		f.Close()
	}
}

// isLate tells whether modules for a PCI class are loaded only when a volume
// is missing without them: SATA, which every q35 machine has and whose empty
// ports take half a second, and USB.
func isLate(class string) bool {
	return strings.HasPrefix(class, "0x0106") || strings.HasPrefix(class, "0x0c03")
}

// loadLate loads the rest of the storage drivers, once.
func (m *machine) loadLate() {
	if !m.late {
		m.late = true
		m.loadModules(true)
	}
}

// pciClasses lists the classes of all PCI devices: "0x0c0330 0x010601".
func pciClasses() string {
	files, _ := filepath.Glob("/sys/bus/pci/devices/*/class")
	var all []string
	for _, f := range files {
		data, _ := os.ReadFile(f)
		all = append(all, string(bytes.TrimSpace(data)))
	}
	return strings.Join(all, " ")
}

// ports is where programs find virtio ports by name; udev makes the links elsewhere.
const ports = "/dev/virtio-ports"

func (m *machine) linkPorts() {
	if m.fail == failures.NoPorts {
		return
	}
	names, _ := filepath.Glob("/sys/class/virtio-ports/*/name")
	for _, n := range names {
		data, err := os.ReadFile(n)
		name := strings.TrimSpace(string(data))
		if err != nil || name == "" || strings.Contains(name, "/") {
			continue
		}
		os.MkdirAll(ports, 0o755)
		os.Symlink("../"+filepath.Base(filepath.Dir(n)), filepath.Join(ports, name))
	}
}

// power ends the machine. It does not return.
func (m *machine) power(what string) {
	unix.Sync()
	switch what {
	case "reboot":
		unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
	case "halt":
		unix.Reboot(unix.LINUX_REBOOT_CMD_HALT)
	default:
		unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	}
	forever()
}

// forever sleeps until the machine ends.
func forever() {
	for {
		time.Sleep(time.Hour)
	}
}
