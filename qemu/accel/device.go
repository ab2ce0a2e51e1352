package accel

// /dev/kvm, before QEMU is asked.

import (
	"errors"
	"io/fs"
	"os"
)

const kvmHint = "sudo usermod -aG kvm \"$USER\"   # then log in again; without root: --accel tcg"

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
		return Denied, path + " may not be opened by this user", kvmHint
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return Absent, path + " does not open: " + err.Error(), ""
}
