package qemu

// Config → QEMU's arguments. Nothing is done or looked up here: a plan can
// show the very words that a build will use.

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// Links are the sockets on which we listen and to which QEMU connects. Each is
// a unix socket's path or "HOST:PORT".
//
// The zero value makes a command for a person to paste: it starts at once, its
// serial console is the terminal (Ctrl-A X ends QEMU), its ports lead nowhere
// but into their logs, and it ends when the guest powers off.
type Links struct {
	QMP    string
	Serial string
	Ports  []string // as many as Config.Ports
}

// LinksIn are the links of a machine whose sockets lie in dir.
func (c Config) LinksIn(dir string) Links {
	l := Links{QMP: filepath.Join(dir, "qmp"), Serial: filepath.Join(dir, "serial")}
	for i := range c.Ports {
		l.Ports = append(l.Ports, filepath.Join(dir, "port"+strconv.Itoa(i)))
	}
	return l
}

// Args are QEMU's arguments, without the executable. The configuration is taken
// as valid: see Validate.
func (c Config) Args(l Links) []string {
	c = c.withDefaults()
	a := &args{}
	if l.QMP == "" && c.Actions.Shutdown == "pause" {
		c.Actions.Shutdown = "poweroff"
	}
	c.base(a)
	c.links(a, l)
	c.firmware(a)
	c.drives(a)
	c.network(a)
	c.devices(a)
	if c.Sandbox {
		a.add("-sandbox", sandbox)
	}
	if l.QMP != "" {
		// The guest waits for our "cont": by then every channel is read.
		a.add("-S")
	}
	a.add(c.Extra...)
	return a.words
}

// Argv is the whole command, the executable first.
func (c Config) Argv(l Links) []string {
	c = c.withDefaults()
	return append([]string{c.Binary}, c.Args(l)...)
}

// sandbox denies what a machine of ours never needs: obsolete system calls, new
// privileges, children, scheduling.
const sandbox = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"

type args struct{ words []string }

func (a *args) add(words ...string) { a.words = append(a.words, words...) }

// opt adds an option with a value of comma-joined properties; empty ones are left out.
func (a *args) opt(option string, props ...string) {
	var kept []string
	for _, p := range props {
		if p != "" {
			kept = append(kept, p)
		}
	}
	a.add(option, strings.Join(kept, ","))
}

// prop is "key=value" with the value's commas doubled, as QEMU's option parser
// wants them; "" when the value is empty.
func prop(key, value string) string {
	if value == "" {
		return ""
	}
	return key + "=" + strings.ReplaceAll(value, ",", ",,")
}

func when(cond bool, p string) string {
	if cond {
		return p
	}
	return ""
}

func (c Config) base(a *args) {
	a.add("-nodefaults", "-no-user-config")
	a.opt("-name", prop("guest", c.Name))
	if c.UUID != "" {
		a.add("-uuid", c.UUID)
	}
	a.add("-machine", c.Machine())
	a.add("-accel", c.Accel)
	a.add("-cpu", c.CPU)
	a.add("-smp", strconv.Itoa(c.CPUs))
	a.add("-m", strconv.Itoa(c.MemoryMiB)+"M")
	if !c.Window { // else QEMU's own choice: gtk, sdl, cocoa
		a.add("-display", "none")
	}
	a.opt("-action", prop("reboot", c.Actions.Reboot), prop("shutdown", c.Actions.Shutdown),
		prop("panic", c.Actions.Panic), prop("watchdog", c.Actions.Watchdog))
}

// Machine is the machine type with its options, as -machine has it.
func (c Config) Machine() string {
	c = c.withDefaults()
	m := c.guest().Machine
	switch m {
	case "q35":
		if c.Firmware != nil && c.Firmware.SecureBoot {
			m += ",smm=on"
		}
	case "virt":
		// The default is version 2, which KVM on most servers does not have:
		// "host" is what every KVM host has. HVF had none but version 2 for
		// years and refuses other values then: there the default is right, and
		// so is "highmem" left alone.
		switch accelName(c.Accel) {
		case "tcg":
			m += ",gic-version=3"
		case "kvm":
			m += ",gic-version=host"
		}
	}
	return m
}

// links are the monitor, the serial console and the virtio-serial ports.
func (c Config) links(a *args, l Links) {
	if l.QMP != "" {
		a.opt("-chardev", chardev("qmp", l.QMP)...)
		a.add("-mon", "chardev=qmp,mode=control")
	}
	serial := chardev("serial0", l.Serial)
	if l.Serial == "" {
		serial = []string{"stdio", "id=serial0", "mux=on", "signal=off"}
		a.add("-mon", "chardev=serial0,mode=readline")
	}
	a.opt("-chardev", serial...)
	a.add("-serial", "chardev:serial0")
	if len(c.Ports) > 0 {
		a.opt("-device", "virtio-serial-pci", "id=vserial")
	}
	for i, p := range c.Ports {
		id := "port" + strconv.Itoa(i)
		end := []string{"null", "id=" + id}
		if i < len(l.Ports) {
			end = chardev(id, l.Ports[i])
		}
		a.opt("-chardev", end...)
		// Without an id of the device there are no VSERPORT_CHANGE events.
		a.opt("-device", "virtserialport", "bus=vserial.0", "chardev="+id, "id="+id, prop("name", p.Name))
	}
}

// chardev connects to a link as a client.
func chardev(id, link string) []string {
	if host, port, ok := splitTCP(link); ok {
		return []string{"socket", "id=" + id, "host=" + host, "port=" + port}
	}
	return []string{"socket", "id=" + id, prop("path", link)}
}

// splitTCP tells "127.0.0.1:5000" from a path.
func splitTCP(link string) (host, port string, ok bool) {
	i := strings.LastIndexByte(link, ':')
	if i < 0 || strings.ContainsAny(link, `/\`) {
		return "", "", false
	}
	if _, err := strconv.ParseUint(link[i+1:], 10, 16); err != nil {
		return "", "", false
	}
	return link[:i], link[i+1:], true
}

func (c Config) firmware(a *args) {
	if f := c.Firmware; f != nil {
		format := cmp.Or(f.Format, "raw")
		if f.SecureBoot && c.guest().Machine == "q35" {
			a.add("-global", "driver=cfi.pflash01,property=secure,value=on")
		}
		a.opt("-drive", "if=pflash", "unit=0", "format="+format, "readonly=on", "file.driver=file", prop("file.filename", f.Code))
		if f.Vars != "" {
			a.opt("-drive", "if=pflash", "unit=1", "format="+format, when(f.Snapshot, "snapshot=on"), "file.driver=file", prop("file.filename", f.Vars))
		}
	}
	if k := c.Kernel; k != nil {
		a.add("-kernel", k.Image)
		if k.Initrd != "" {
			a.add("-initrd", k.Initrd)
		}
		if k.Append != "" {
			a.add("-append", k.Append)
		}
	}
}

func (c Config) drives(a *args) {
	var scsi, usb bool
	for _, d := range c.Drives {
		scsi = scsi || d.Bus == SCSIDisk || d.Bus == SCSICD
		usb = usb || d.Bus == USBStorage
	}
	if len(c.Drives) > 0 {
		// Only what has an index is tried: a medium that does not boot is
		// followed by an error, not by minutes of PXE and HTTP.
		a.add("-boot", "menu=off,strict=on")
	}
	if scsi {
		a.opt("-device", "virtio-scsi-pci", "id=scsi")
	}
	if usb {
		a.opt("-device", "qemu-xhci", "id=usb")
	}
	for _, d := range c.Drives {
		d.add(a)
	}
}

func (d Drive) add(a *args) {
	readOnly := d.ReadOnly || d.Bus == SCSICD
	// file.driver keeps QEMU from reading "nbd:…" or "json:…" into a file's name.
	a.opt("-drive", "if=none", "id="+d.ID, "format="+cmp.Or(d.Format, "raw"),
		"file.driver=file", prop("file.filename", d.Path),
		"cache="+cmp.Or(d.Cache, "writeback"),
		when(readOnly, "readonly=on"),
		when(d.Snapshot, "snapshot=on"),
		when(!readOnly, "discard=unmap,detect-zeroes=unmap"))
	dev := []string{string(d.Bus)}
	switch d.Bus {
	case SCSIDisk, SCSICD:
		dev = append(dev, "bus=scsi.0")
	case USBStorage:
		dev = append(dev, "bus=usb.0", "removable=on")
	default:
		dev[0] = "virtio-blk-pci"
	}
	index := ""
	if d.BootIndex > 0 {
		index = strconv.Itoa(d.BootIndex)
	}
	// A full host disk stops the guest instead of giving it I/O errors.
	dev = append(dev, "id=dev-"+d.ID, "drive="+d.ID, prop("bootindex", index),
		when(!readOnly, "werror=stop"), "rerror=stop")
	a.opt("-device", dev...)
}

func (c Config) network(a *args) {
	n := c.Net
	if n == nil {
		return
	}
	user := []string{"user", "id=net0", when(n.Restrict, "restrict=on")}
	for _, f := range n.Forwards {
		user = append(user, fmt.Sprintf("hostfwd=tcp:%s:%d-:%d", loopback, f.HostPort, f.GuestPort))
	}
	a.opt("-netdev", user...)
	// Without its option ROM the card does not boot from the network.
	a.opt("-device", "virtio-net-pci", "netdev=net0", "romfile=")
}

func (c Config) devices(a *args) {
	if c.RNG {
		a.opt("-device", "virtio-rng-pci")
	}
	if c.PVPanic {
		a.opt("-device", "pvpanic-pci")
	}
	if c.Watchdog {
		a.opt("-device", "i6300esb")
	}
	if c.Display || c.Window {
		a.opt("-device", display[c.guest().Machine])
	}
	if c.Window {
		a.opt("-device", "qemu-xhci", "id=input")
		a.opt("-device", "usb-kbd", "bus=input.0")
		a.opt("-device", "usb-tablet", "bus=input.0") // the pointer is where the host's is
	}
}

// display devices of which a screendump can be taken from firmware to desktop.
var display = map[string]string{"q35": "VGA", "virt": "virtio-gpu-pci"}
