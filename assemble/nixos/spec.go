// Package nixos builds images of NixOS by Nix: the flake's image is built here, in
// the store of another machine, or by Nix's own remote builders, then written in
// the formats that are asked for, verified and published. What is asked for
// goes one way: a Spec; the Plan, which Resolve makes of it, everything decided
// and nothing done; and Run, which does it.
package nixos

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/guest"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/redact"
	"github.com/imgasm/imgasm/nixglue"
)

// Classes of errors. Those of nix are nixglue's, those of a guest watch's and verify's.
var (
	// ErrInput is something that the user gave and that cannot be used.
	ErrInput = assemble.ErrInput
	// ErrHost is something that this host lacks.
	ErrHost = guest.ErrHost
	// ErrCannotBoot is an image that Nix has built and that firmware would not start.
	ErrCannotBoot = fault.Class(fault.Guest, "the built image cannot boot")
)

func bad(field string, err error, do string) error {
	return &fault.Error{Class: ErrInput, Field: field, Err: err, Do: do}
}

// Machine is the virtual machine of the verification.
type Machine = guest.Spec

// Spec is what the user asked for. The zero value asks for imgasm's own NixOS of
// the host's architecture in nixos.qcow2, and works.
type Spec struct {
	Arch string `json:"arch,omitempty"` // "x86_64", "aarch64" or an alias; "": the host's
	Build
	Assembly

	assemble.Output // Out "": "nixos.qcow2", or with the ending of Formats; none of these: by Out's ending, else qcow2
	Machine
	NoVerify bool `json:"noVerify,omitempty"` // publish without having seen the image boot
	KeepVM   bool `json:"keepVM,omitempty"`   // hold a guest whose verification fails, until the context ends
}

// Build says what Nix builds, and where.
type Build struct {
	// Flake is a flake as nix takes it, with the attribute that builds a disk image:
	// "github:me/mine#image". A name without a dot is one of packages.ARCH-linux; no
	// attribute is "nixos-ARCH-image", or with Assemble "nixos-ARCH-toplevel". "":
	// imgasm's own flake.
	Flake  string          `json:"flake,omitempty"`
	Inputs []nixglue.Input `json:"inputs,omitempty"` // that are other flakes than the flake says
	Update bool            `json:"update,omitempty"` // imgasm's own flake: renew its lock
	// On is the machine in whose store everything is built, "ssh://user@host"; the
	// image is copied home. "": here.
	On string `json:"on,omitempty"`
	// Builders are remote builders as nix.conf(5) has them; "": as nix is configured.
	Builders string `json:"builders,omitempty"`
	Nix      string `json:"nix,omitempty"`     // path of nix; "": found in PATH
	Offline  bool   `json:"offline,omitempty"` // no downloads: what the flake needs is here
}

// Assembly is a disk that imgasm makes of a system by itself, without a virtual
// machine: see package nixdisk.
type Assembly struct {
	Assemble  bool  `json:"assemble,omitempty"`  // what Nix builds is a system, and no image
	DiskSize  int64 `json:"diskSize,omitempty"`  // bytes; 0: as the system needs
	FreeBytes int64 `json:"freeBytes,omitempty"` // that its root has free, if DiskSize is 0; 0: 1 GiB
	ESPBytes  int64 `json:"espBytes,omitempty"`  // of the EFI system partition; 0: 512 MiB
}

// DefaultOut is where the image goes.
const DefaultOut = "nixos.qcow2"

// complete is s with its defaults filled in, and its architecture, if nothing is
// wrong with it that needs no look at the host.
func (s Spec) complete() (_ Spec, a arch.Arch, err error) {
	if a = arch.Host(); s.Arch != "" {
		if a, err = arch.Parse(s.Arch); err != nil {
			return s, a, bad("Arch", err, "")
		}
	}
	s.Arch = a.Name
	if err := s.CheckName(); err != nil {
		return s, a, err
	}
	s.Output = s.WithDefaults(DefaultOut)
	if err := s.Build.check(); err != nil {
		return s, a, err
	}
	if err := s.CheckFormats(s.DiskSize); err != nil { // 0: its size is the flake's
		return s, a, err
	}
	switch d := s.Assembly; {
	case !d.Assemble && d != (Assembly{}):
		return s, a, bad("Assemble", errors.New("only a disk that imgasm makes has sizes of your choice"), "add {Assemble}, or say the sizes in the flake")
	case d.DiskSize > 0 && d.FreeBytes > 0:
		return s, a, bad("FreeBytes", errors.New("a disk of a given size has free what it has"), "choose either {DiskSize} or {FreeBytes}")
	case d.Assemble && s.Firmware == "bios":
		return s, a, bad("Firmware", errors.New("an assembled disk starts by UEFI alone"), "leave {Firmware} out")
	}
	if err := s.config().CheckSizes(); err != nil {
		return s, a, ownField(err)
	}
	s.Machine, err = s.Machine.Complete(a.Name)
	return s, a, err
}

// check refuses what makes no sense, by itself or together.
func (b Build) check() error {
	ref, attribute, named := strings.Cut(b.Flake, "#")
	switch {
	case b.Flake != "" && (ref == "" || strings.HasPrefix(ref, "-")):
		return bad("Flake", fmt.Errorf("%q is no flake", b.Flake), "such as {Flake} .#image, or {Flake} github:OWNER/REPOSITORY#image")
	case named && attribute == "":
		return bad("Flake", fmt.Errorf("%q names no attribute behind the #", b.Flake), "leave the # out, or name what builds the image")
	case b.Update && b.Flake != "":
		return bad("Update", errors.New("only the lock of imgasm's own flake is renewed"), "of your own: nix flake update, in its folder")
	case b.Update && b.Offline:
		return bad("Update", errors.New("a newer release cannot be found without a network"), "leave {Offline} out")
	case b.On != "" && b.Builders != "":
		return bad("Builders", errors.New("with {On} everything is built on that machine"), "choose either of them")
	}
	for _, i := range b.Inputs {
		if i.Name == "" || i.Flake == "" || strings.HasPrefix(i.Name, "-") || strings.HasPrefix(i.Flake, "-") {
			return bad("Inputs", fmt.Errorf("%q is to be %q: both need a name", i.Name, i.Flake), "such as {Inputs} nixpkgs=github:NixOS/nixpkgs/nixos-25.11")
		}
	}
	_, err := b.store()
	return err
}

// store is On as nix takes it.
func (b Build) store() (string, error) {
	if b.On == "" {
		return "", nil
	}
	u, err := url.Parse(b.On)
	if err != nil || u.Scheme != "ssh" && u.Scheme != "ssh-ng" || u.Host == "" || strings.HasPrefix(u.Host, "-") {
		return "", bad("On", fmt.Errorf("%s is no machine that ssh reaches", redact.Text(b.On)), "such as {On} ssh://user@host")
	}
	u.Scheme = "ssh-ng" // ssh: would copy what is built here, and build nothing there
	return u.String(), nil
}

// attribute is what is built of the flake.
func (s Spec) attribute(a arch.Arch) string {
	_, name, named := strings.Cut(s.Flake, "#")
	switch {
	case named:
	case s.Assemble:
		name = "nixos-" + a.Name + "-toplevel"
	default:
		name = "nixos-" + a.Name + "-image"
	}
	if strings.Contains(name, ".") {
		return name
	}
	return "packages." + system(a) + "." + name
}

// system is what Nix calls Linux on an architecture.
func system(a arch.Arch) string { return a.Name + "-linux" }

// nix is nix for what happens on this machine.
func (b Build) nix() nixglue.Nix {
	return nixglue.Nix{Path: b.Nix, Builders: b.Builders, Inputs: b.Inputs, Offline: b.Offline}
}

// secrets takes out of what is said and kept what addresses have of them.
func (b Build) secrets() *assemble.Secrets {
	all := redact.Credentials(b.Flake + " " + b.On + " " + b.Builders)
	for _, i := range b.Inputs {
		all = append(all, redact.Credentials(i.Flake)...)
	}
	return redact.New(all...)
}

// folderURL is a folder as a flake: nix takes what follows for a URL.
func folderURL(dir string) string {
	return "path:" + (&url.URL{Path: filepath.ToSlash(dir)}).EscapedPath()
}
