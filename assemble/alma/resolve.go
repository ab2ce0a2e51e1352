// Spec → Plan: everything that can be wrong before a virtual machine starts
// is found out here. Resolving only reads.

package alma

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/boot"
	"github.com/imgasm/imgasm/assemble/guest"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/derive"
	"github.com/imgasm/imgasm/internal/size"
	"github.com/imgasm/imgasm/qemu"
)

// Resolve decides everything about a build of s with the ISO in, on host h.
//
// Errors: of class ErrInput, and *LintError, for what the user gave; ErrHost, and
// firmware's, qemu's and accel's own, for what the host lacks.
func Resolve(ctx context.Context, h host.Host, s Spec, in *Installer) (_ *Plan, err error) {
	defer s.hide(&err)
	p := &Plan{Host: h, Installer: *in}
	if p.Spec, p.arch, err = s.complete(); err != nil {
		return nil, err
	}
	if p.Outputs, err = p.Spec.outputs(); err != nil {
		return nil, err
	}
	if err := p.checkInstaller(s.Arch == flavourV2); err != nil {
		return nil, err
	}
	if err := p.resolveKickstart(ctx); err != nil {
		return nil, err
	}
	if err := p.checkSpace(); err != nil {
		return nil, err
	}
	p.Seed = seed(p.Spec, p.asked(), p.Installer)
	if err := p.resolveDate(); err != nil {
		return nil, err
	}
	if err := p.addReporting(); err != nil {
		return nil, err
	}
	if err := p.resolveHost(ctx); err != nil {
		return nil, err
	}
	if p.Accel.Emulated() && host.Crashes(p.QEMU.Version) && !p.Installer.Rehearsal { // whose kernel is another
		text, do := host.EmulatorCaution(p.QEMU.Version)
		p.Cautions = append(p.Cautions, assemble.Caution{Text: text, Do: do})
	}
	p.resolveMachines()
	if err := p.fitMachines(); err != nil {
		return nil, err
	}
	p.hidden = hiding(p.secrets())
	if args := p.Spec.ownArguments(); !slices.Equal(p.hidden.Strings(args), args) {
		p.Notes = append(p.Notes, "a kernel argument ({KernelArgs}, or {Proxy} with a {Kickstart}) holds a secret: QEMU has it in its arguments, where every user of this host can read it while the installer runs")
	}
	if f := p.Installer.fetched; f != nil && f.Unverified {
		p.Notes = append(p.Notes, f.Name+" is unverified: there was no CHECKSUM beside it; give its hash with {ISOChecksum}")
	}
	if err := p.checkLock(); err != nil {
		return nil, err
	}
	p.Steps = assemble.Describe(p.steps(nil))
	return p, nil
}

// Check finds what is wrong with a Spec without its ISO, so that nothing is
// downloaded for a build that cannot be: if the ISO is still to come, a host
// without QEMU too. Errors are those of Resolve.
func (s Spec) Check(ctx context.Context, h host.Host) error {
	if err := cmp.Or(s.CheckInput(ctx, h), s.CheckFiles()); err != nil || !s.remote() { // what the user gave is looked at before what the host has
		return err
	}
	a, err := parseArch(s.Arch)
	if err == nil {
		_, err = qemu.Find(cmp.Or(s.QEMU, a.QEMU))
	}
	return err
}

// CheckInput is Check for a build that runs on another host: only what was asked for
// and where it goes is looked at.
func (s Spec) CheckInput(ctx context.Context, h host.Host) (err error) {
	defer s.hide(&err)
	p := &Plan{Host: h, Installer: Installer{Flavour: s.Arch}}
	if p.Spec, p.arch, err = s.complete(); err != nil {
		return err
	}
	if _, err := p.Spec.outputs(); err != nil {
		return err
	}
	if _, err := ReadKeyring(s.Keyring); err != nil {
		return err
	}
	if _, _, err := h.SourceDate(); err != nil {
		return err
	}
	if s.Kickstart != "" {
		err = p.resolveKickstart(ctx)
	} else {
		p.Installer.Packages = true // where they come from is known with the ISO
		if err = p.readProvisions(ctx); err == nil {
			_, err = p.render()
		}
	}
	return err
}

// maxDisk is the largest disk whose conversion was tested.
const maxDisk = 64 << 40

// complete is s with its defaults filled in, and its architecture, if nothing
// is wrong with it that needs no look at the host.
func (s Spec) complete() (Spec, arch.Arch, error) {
	a, err := parseArch(s.Arch)
	if err != nil {
		return s, a, err
	}
	s.Arch = a.Name
	s.Version = cmp.Or(s.Version, DefaultVersion)
	s.Boot = cmp.Or(s.Boot, "kernel")
	s.Deliver = cmp.Or(s.Deliver, string(boot.DeliverOEMDRV))
	s.ConsoleMode = cmp.Or(s.ConsoleMode, consoleDirect)
	if err := s.CheckName(); err != nil {
		return s, a, err
	}
	s.Output = s.WithDefaults(DefaultOut)
	s.DiskSize = cmp.Or(s.DiskSize, DefaultDiskSize)
	for _, c := range []struct {
		field, value string
		allowed      []string
	}{
		{"Boot", s.Boot, []string{"kernel", "media"}},
		{"Deliver", s.Deliver, boot.Deliveries},
		{"ConsoleMode", s.ConsoleMode, []string{consoleDirect, consoleTmux}},
	} {
		if !slices.Contains(c.allowed, c.value) {
			return s, a, bad(c.field, fmt.Errorf("%q is not one of %s", c.value, strings.Join(c.allowed, ", ")), "give one of them, such as {"+c.field+"} "+c.allowed[0])
		}
	}
	if s.Machine, err = s.Machine.Complete(a.Name); err != nil {
		return s, a, err
	}
	if err := s.check(a); err != nil {
		return s, a, err
	}
	if s.DiskSize > maxDisk {
		return s, a, bad("DiskSize", fmt.Errorf("%s is more than %s, the most that imgasm writes", size.Text(s.DiskSize), size.Text(maxDisk)), "the default is {DiskSize} "+size.Format(DefaultDiskSize))
	}
	if err := s.CheckFormats(s.DiskSize); errors.Is(err, ErrInput) {
		return s, a, err
	} else if err != nil {
		return s, a, bad("DiskSize", err, "")
	}
	if s.SecureBoot {
		// A kernel that QEMU loads by itself passes the firmware's check by.
		s.Boot = "media"
	}
	return s, a, checkKernelArgs(s.KernelArgs)
}

// check refuses what makes no sense, by itself or together.
func (s Spec) check(a arch.Arch) error {
	const sector = 512
	switch {
	case s.DiskSize < MinDiskSize:
		return bad("DiskSize", fmt.Errorf("%d bytes: no system fits on less than %s", s.DiskSize, size.Format(MinDiskSize)), "the default is {DiskSize} 10G")
	case s.DiskSize%sector != 0:
		return bad("DiskSize", fmt.Errorf("%d bytes is no whole number of sectors of %d bytes", s.DiskSize, sector), "give whole megabytes, such as 10G")
	case s.Timeout < 0 || s.StallTimeout < 0:
		return bad("Timeout", errors.New("a time cannot be negative"), "")
	case s.Firmware == "bios" && s.Boot == "media":
		return bad("Boot", errors.New("the boot medium is for UEFI"), "use {Boot} kernel with {Firmware} bios")
	case s.Offline && !s.Locked && s.ISO == "" && cmp.Or(s.Variant, "boot") == "boot": // a lock names its own ISO
		return bad("Offline", errors.New("a boot ISO carries no packages, and the guest has no network to fetch any from"), "add {Variant} minimal or {Variant} dvd, or give such an ISO with {ISO}")
	case s.Kickstart != "" && !s.Settings.IsZero():
		return bad("Kickstart", errors.New("a kickstart of your own is taken as it is"), "write users, passwords, packages and the like into "+s.Kickstart+", or leave out {Kickstart}")
	}
	return nil
}

// outputs checks that all of the build's files can be written.
func (s Spec) outputs() (*assemble.Outputs, error) {
	madeFrom := []string{s.Kickstart, s.Keyring, s.CA}
	for _, v := range s.Provision {
		madeFrom = append(madeFrom, v.path())
	}
	if !s.remote() {
		madeFrom = append(madeFrom, s.ISO)
	}
	return s.Output.Resolve(madeFrom...)
}

// checkSpace refuses a disk that cannot hold even the smallest result.
func (p *Plan) checkSpace() error {
	free, err := p.Host.Free(filepath.Dir(p.Outputs.Path))
	if err != nil {
		return lacking(fmt.Errorf("free space of %s: %w", filepath.Dir(p.Outputs.Path), err), "")
	}
	need := p.expectedSize()
	if free < need {
		return lacking(fmt.Errorf("%s has %s free, and the build needs about %s", filepath.Dir(p.Outputs.Path), size.Text(free), size.Text(need)), "free some space, or give {Out} on another disk")
	}
	if free < p.Spec.DiskSize {
		p.Notes = append(p.Notes, fmt.Sprintf("the guest's disk of %s grows as it is written to; %s is free: a guest that fills it will be paused", size.Text(p.Spec.DiskSize), size.Text(free)))
	}
	return nil
}

// expectedSize is what a build writes at least: the installed system as it is,
// and its compressed image; and the volume with what is copied.
func (p *Plan) expectedSize() int64 {
	least := int64(3 << 30)
	if p.Installer.Rehearsal {
		least = 256 << 20
	}
	return min(p.Spec.DiskSize, least) + p.provisions.bytes
}

// checkInstaller refuses an ISO that cannot do what is asked for. v2 is a wish for
// the packages of flavourV2.
func (p *Plan) checkInstaller(v2 bool) error {
	i := &p.Installer
	if err := i.medium.CheckArch(i.Path, p.arch.Name); err != nil {
		return bad("ISO", err, assemble.Hint(err))
	}
	if files := i.medium.Boot; p.Spec.Boot == "media" && (files.Shim == "" || files.GRUB == "") {
		return bad("ISO", fmt.Errorf("%s has no EFI boot loader to make a boot medium of", i.Path), "use {Boot} kernel")
	}
	i.Flavour = p.arch.Name
	if v2 || i.named(flavourV2) {
		i.Flavour = flavourV2
	}
	if p.Spec.Offline && !i.Packages && !i.Rehearsal {
		return bad("Offline", fmt.Errorf("%s carries no packages, and the guest has no network to fetch any from", i.Path), "give the DVD or minimal ISO with {ISO}, or leave out {Offline}")
	}
	return nil
}

// release is the AlmaLinux whose repositories the ISO goes with. Kitten's media
// have the version 10 as well, so it is told by its name, or by the wish.
func (p *Plan) release() string {
	if wish := strings.ToLower(p.Spec.Version); strings.HasSuffix(wish, "kitten") || p.Installer.named("kitten") {
		return "kitten"
	}
	return cmp.Or(p.Installer.Version, p.Spec.Version)
}

// resolveHost finds QEMU, its accelerator and the firmware.
func (p *Plan) resolveHost(ctx context.Context) (err error) {
	s := &p.Spec
	level := 3
	switch {
	case p.Installer.Rehearsal:
		level = 0
	case p.Installer.Flavour == flavourV2:
		level = 2
	}
	if p.Runner, err = guest.Find(ctx, p.Host, s.Machine, guest.Want{Arch: p.arch.Name, X86Level: level, MemoryMiB: p.defaultMemory()}); err != nil {
		return err
	}
	s.Machine, p.Hold = p.Runner.Spec, s.KeepVM
	p.Timeout = s.Timeout
	if p.Timeout == 0 {
		// It is for a guest that talks and comes to no end: one that is silent is
		// given up long before (Config.Stall of package anaconda).
		if p.Timeout = 2 * time.Hour; p.Accel.Emulated() {
			p.Timeout = 8 * time.Hour
		}
	}
	return nil
}

// fitMachines leaves out of the machines what this build of QEMU lacks and an
// installation can do without.
func (p *Plan) fitMachines() (err error) {
	var dropped []string
	if p.Machine, dropped, err = p.QEMU.Fit(p.Machine); err != nil {
		return err
	}
	p.Notes = append(p.Notes, dropped...)
	if p.TestMachine, _, err = p.QEMU.Fit(p.TestMachine); err != nil {
		return err
	}
	if err := p.Machine.Validate(); err != nil {
		return bad("", err, "")
	}
	return nil
}

// rehearsalMemory is enough for the rehearsal's guest, in MiB.
const rehearsalMemory = 1024

// defaultMemory is what the installer needs, in MiB.
func (p *Plan) defaultMemory() int {
	if p.Installer.Rehearsal {
		return rehearsalMemory
	}
	return p.arch.MemoryMiB
}

func (p *Plan) resolveDate() (err error) {
	p.Time, p.Dated, err = p.Host.SourceDate()
	if !p.Dated {
		p.Time = derive.Date(hex.EncodeToString(p.Seed[:]))
	}
	return err
}

// flavourV2 is AlmaLinux's own build for x86-64-v2 processors.
const flavourV2 = "x86_64_v2"

// parseArch is the architecture of a wish; "" is the host's. AlmaLinux's
// x86_64_v2 is a build of its own for the same machine.
func parseArch(wish string) (arch.Arch, error) {
	switch wish {
	case "":
		return arch.Host(), nil
	case flavourV2:
		return arch.X86_64, nil
	}
	a, err := arch.Parse(wish)
	if err != nil {
		return a, bad("Arch", err, "")
	}
	return a, nil
}

// MinDiskSize is the smallest disk that an installation could fit on.
const MinDiskSize = 512 << 20
