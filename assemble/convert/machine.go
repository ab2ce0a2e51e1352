// What formats that describe a machine want to know of it.

package convert

import (
	"errors"

	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
)

// machineOf completes architecture and name of the machine, for formats that
// describe one.
func machineOf(f Format, src qcow2.Source, o Options) (archName, name string, err error) {
	if name = o.Name; name == "" {
		name = "disk"
	}
	if !f.Machine {
		return o.Arch, name, nil
	}
	if o.Arch != "" {
		a, err := arch.Parse(o.Arch)
		if err != nil {
			return "", "", &fault.Error{Class: ErrArch, Field: "Arch", Err: err}
		}
		return a.Name, name, nil
	}
	for _, uefi := range []bool{true, false} {
		for _, a := range arch.All() {
			if (uefi || a.BIOS) && starts(src, a, uefi) {
				return a.Name, name, nil
			}
		}
	}
	return "", "", &fault.Error{
		Class: ErrArch, Err: errors.New("the disk has no boot loader that tells for which architecture it is"),
		Do: "say it: {Arch} " + arch.Host().Name,
	}
}

// starts reports whether a disk has what firmware starts.
func starts(src qcow2.Source, a arch.Arch, uefi bool) bool {
	found, err := inspect.Boot(src, src.Size(), a.Name, uefi)
	return err == nil && found.Found != ""
}

// goarch is what Go, OCI and Vagrant call an architecture that machineOf gave.
func goarch(name string) string {
	a, _ := arch.Parse(name)
	return a.GOARCH
}

// isUEFI reports whether a disk is started by UEFI.
func isUEFI(src qcow2.Source, archName string) bool {
	a, _ := arch.Parse(archName)
	return !a.BIOS || starts(src, a, true)
}
