package accel

// /dev/kvm, before QEMU is asked.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// deviceNode looks whether the accelerator's device can be opened.
func deviceNode(accel string) (v Verdict, reason, hint string) {
	if accel != "kvm" {
		return "", "", ""
	}
	return openDevice("/dev/kvm")
}

func openDevice(path string) (v Verdict, reason, hint string) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	switch {
	case err == nil:
		f.Close()
		return "", "", ""
	case errors.Is(err, fs.ErrNotExist):
		return Absent, "there is no " + path, "load the module (sudo modprobe kvm_intel, or kvm_amd), switch virtualization on in the host's firmware, or, in a virtual machine or container, have " + path + " passed through"
	case errors.Is(err, fs.ErrPermission):
		return Denied, path + " may not be opened by this user", accessOf(path).hint(path)
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return Absent, path + " does not open: " + err.Error(), ""
}

// access is who may open a device node.
type access struct {
	group   string // its group's name, or the number of one without a name; "": not known
	joining bool   // members of the group may open it, and it is not root's
	allowed bool   // by its permissions this process may open it
}

// hint is what to do for somebody who may not open the device.
func (a access) hint(path string) string {
	switch {
	case a.group == "":
		return "see who may open it: ls -l " + path
	case a.allowed: // what forbids it then is a container's list of devices, or a security module
		return "its permissions allow it: in a container, have the device passed through, such as by --device " + path + "; elsewhere see what confines this process (AppArmor, SELinux)"
	case a.joining:
		return fmt.Sprintf("sudo usermod -aG %s \"$USER\"   # the group of %s; then log in again", a.group, path)
	}
	// Both are as systemd's 50-udev-default.rules would have it.
	return fmt.Sprintf("only root may open it: sudo chgrp kvm %s && sudo chmod 660 %[1]s && sudo usermod -aG kvm \"$USER\"   # then log in again\n"+
		"to keep that, a udev rule: KERNEL==\"kvm\", GROUP=\"kvm\", MODE=\"0660\"", path)
}
