// Package lima writes templates by which Lima (lima-vm.io) makes machines of a disk
// image, out of fields that Lima 1.0 and 2 share, and says why Lima cannot use an
// image.
package lima

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
)

var (
	// ErrImage is an image that Lima cannot use.
	ErrImage = fault.Class(fault.Input, "Lima cannot use the image")
	// ErrVMType is a kind of machine that there is not, or not for the image.
	ErrVMType = fault.Class(fault.Input, "not a kind of machine of Lima's for the image")
)

// Image is a disk image, as Lima is told of it.
type Image struct {
	Path   string // absolute; a qcow2 or raw disk
	Arch   string // "x86_64", "aarch64"
	SHA256 string // in hexadecimal
	BIOS   bool   // it is started by a BIOS, not by UEFI
	// Unmountable are the types of shared folders that the guest's kernels know
	// nothing of: "9p", "virtiofs".
	Unmountable []string
}

// VMTypes are the kinds of machines: QEMU's, and those of macOS' Virtualization.framework.
var VMTypes = []string{"qemu", "vz"}

// Template is the template, as YAML. vmType is one of VMTypes; "": qemu. The error is
// ErrVMType.
func (i *Image) Template(vmType string) ([]byte, error) {
	vmType = cmp.Or(vmType, VMTypes[0])
	switch {
	case !slices.Contains(VMTypes, vmType):
		return nil, &fault.Error{Class: ErrVMType, Err: fmt.Errorf("%q is not one of %s", vmType, strings.Join(VMTypes, ", "))}
	case vmType == "vz" && i.BIOS:
		return nil, &fault.Error{Class: ErrVMType, Err: errors.New("vz has no BIOS, and the image boots by nothing else")}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# By imgasm, for Lima 1.0 and later. The guest's serial console is serial.log in\n# the instance's folder.\nvmType: %q\narch: %q\n", vmType, i.Arch)
	// A string of Go's with plain characters is one of YAML's.
	fmt.Fprintf(&b, "images:\n- location: %s\n  arch: %q\n  digest: %q\n", strconv.QuoteToGraphic(i.Path), i.Arch, "sha256:"+i.SHA256)
	if len(i.Unmountable) > 0 {
		fmt.Fprintf(&b, "mountTypesUnsupported: [%s]\n", strings.Join(quoted(i.Unmountable), ", "))
	}
	fmt.Fprintf(&b, "firmware:\n  legacyBIOS: %t\n", i.BIOS)
	return []byte(b.String()), nil
}

func quoted(words []string) (all []string) {
	for _, w := range words {
		all = append(all, strconv.Quote(w))
	}
	return all
}
