// Spec → Plan: everything that can be wrong before a virtual machine starts
// is found out here. Resolving only reads.

package alma

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/assemble/media"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/derive"
	"github.com/imgasm/imgasm/internal/size"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/accel"
)

// Resolve decides everything about a build on host h.
//
// Errors: *InputError and *LintError for what the user gave, *HostError and
// firmware's, qemu's and accel's own for what the host lacks.
func (s Spec) Resolve(ctx context.Context, h Host) (_ *Plan, err error) {
	defer s.hide(&err)
	p := &Plan{Spec: s, Host: h}
	if err := p.resolveSpec(); err != nil {
		return nil, err
	}
	if err := p.resolveOutput(); err != nil {
		return nil, err
	}
	if err := p.resolveInstaller(ctx); err != nil {
		return nil, err
	}
	if err := p.resolveKickstart(ctx); err != nil {
		return nil, err
	}
	p.Seed = seed(p.Spec, p.Kickstart.User, p.Installer)
	if err := p.resolveDate(); err != nil {
		return nil, err
	}
	if err := p.report(); err != nil {
		return nil, err
	}
	if err := p.resolveHost(ctx); err != nil {
		return nil, err
	}
	if p.Accel.Emulated() && crashes(p.QEMU.Version) && !p.Installer.Rehearsal { // whose kernel is another
		p.Cautions = append(p.Cautions, emulatorCaution(p.QEMU.Version))
	}
	p.resolveMachines()
	if err := p.fitMachines(); err != nil {
		return nil, err
	}
	p.hidden = hiding(p.secrets())
	if args := p.Spec.KernelArgs; !slices.Equal(p.hidden.Strings(args), args) {
		p.Notes = append(p.Notes, "a --kernel-arg holds a secret: QEMU has it in its arguments, where every user of this host can read it while the installer runs")
	}
	if err := p.checkLock(); err != nil {
		return nil, err
	}
	p.Steps = p.describe()
	return p, nil
}

// Check finds what is wrong with a Spec without its ISO, so that nothing is
// downloaded for a build that cannot be: if the ISO is still to come, a host
// without QEMU too. Errors are those of Resolve.
func (s Spec) Check(ctx context.Context, h Host) (err error) {
	defer s.hide(&err)
	p := &Plan{Spec: s, Host: h}
	if err := p.resolveSpec(); err != nil {
		return err
	}
	if err := p.resolveOutput(); err != nil {
		return err
	}
	if _, err := ReadKeyring(s.Keyring); err != nil {
		return err
	}
	if _, _, err := h.sourceDate(); err != nil {
		return err
	}
	if s.Kickstart != "" {
		err = p.resolveKickstart(ctx)
	} else {
		p.Installer.Packages = true // where they come from is known with the ISO
		_, err = p.render(ctx)
	}
	if err != nil {
		return err
	}
	if s.remote() { // what the user gave is looked at before what the host has
		_, err = qemu.Find(or(s.QEMU, p.Arch.QEMU))
	}
	return err
}

// resolveSpec fills in the defaults and checks what needs no look at the host.
func (p *Plan) resolveSpec() (err error) {
	s := &p.Spec
	if p.Arch, err = parseArch(s.Arch); err != nil {
		return err
	}
	p.Installer.Flavour = s.Arch
	s.Arch = p.Arch.Name
	s.Version = or(s.Version, DefaultVersion)
	s.Out = or(s.Out, DefaultOut)
	s.Boot = or(s.Boot, "kernel")
	s.Deliver = or(s.Deliver, string(media.DeliverOEMDRV))
	s.Firmware = or(s.Firmware, "auto")
	s.Accel = or(s.Accel, accel.Auto)
	s.ConsoleMode = or(s.ConsoleMode, consoleDirect)
	if s.Format == "" {
		s.Format = "qcow2"
		if ext := strings.ToLower(filepath.Ext(s.Out)); ext == ".raw" || ext == ".img" {
			s.Format = "raw"
		}
	}
	if s.DiskSize == 0 {
		s.DiskSize = DefaultDiskSize
	}
	for _, c := range []struct {
		flag, value string
		allowed     []string
	}{
		{"--format", s.Format, []string{"qcow2", "raw"}},
		{"--boot", s.Boot, []string{"kernel", "media"}},
		{"--deliver", s.Deliver, media.Deliveries},
		{"--console-mode", s.ConsoleMode, []string{consoleDirect, consoleTmux}},
		{"--accel", s.Accel, append([]string{accel.Auto}, qemu.Accelerators...)},
	} {
		if !slices.Contains(c.allowed, c.value) {
			return &InputError{What: c.flag, Err: fmt.Errorf("%q is not one of %s", c.value, strings.Join(c.allowed, ", ")), Do: "give one of them, such as " + c.flag + " " + c.allowed[0]}
		}
	}
	const sector = 512
	switch {
	case s.DiskSize < MinDiskSize:
		return &InputError{What: "--disk-size", Err: fmt.Errorf("%d bytes: no system fits on less than %s", s.DiskSize, size.Format(MinDiskSize)), Do: "the default is --disk-size 10G"}
	case s.DiskSize%sector != 0:
		return &InputError{What: "--disk-size", Err: fmt.Errorf("%d bytes is no whole number of sectors of %d bytes", s.DiskSize, sector), Do: "give whole megabytes, such as 10G"}
	case s.MemoryMiB < 0 || s.MemoryMiB > 0 && s.MemoryMiB < 256:
		return &InputError{What: "--memory", Err: fmt.Errorf("%d MiB is too little to install a system", s.MemoryMiB), Do: "such as --memory 4G"}
	case s.MemoryMiB > qemu.MaxMemoryMiB:
		return &InputError{What: "--memory", Err: fmt.Errorf("%d GiB is more than a virtual machine can have", s.MemoryMiB>>10), Do: "such as --memory 4G"}
	case s.CPUs < 0 || s.CPUs > 255:
		return &InputError{What: "--cpus", Err: fmt.Errorf("%d: give 1 to 255", s.CPUs)}
	case s.Timeout < 0 || s.StallTimeout < 0:
		return &InputError{What: "--timeout", Err: errors.New("a time cannot be negative")}
	case s.SecureBoot && s.Firmware == "bios":
		return &InputError{What: "--secure-boot", Err: errors.New("a BIOS knows no Secure Boot"), Do: "leave out --firmware bios"}
	case s.Firmware == "bios" && !p.Arch.BIOS:
		return &InputError{What: "--firmware", Err: fmt.Errorf("%s has no BIOS", p.Arch.Name)}
	case s.Firmware == "bios" && s.Boot == "media":
		return &InputError{What: "--boot", Err: errors.New("the boot medium is for UEFI"), Do: "use --boot kernel with --firmware bios"}
	case s.Offline && !s.Locked && s.ISO == "" && or(s.Variant, "boot") == "boot": // a lock names its own ISO
		return &InputError{What: "--offline", Err: errors.New("a boot ISO carries no packages, and the guest has no network to fetch any from"), Do: "add --variant minimal or --variant dvd, or give such an ISO with --iso"}
	case s.Kickstart != "" && !s.Settings.IsZero():
		return &InputError{What: "--kickstart", Err: errors.New("a kickstart of your own is taken as it is"), Do: "write users, passwords, packages and the like into " + s.Kickstart + ", or leave out --kickstart"}
	}
	if s.SecureBoot {
		// A kernel that QEMU loads by itself passes the firmware's check by.
		s.Boot = "media"
	}
	return checkKernelArgs(s.KernelArgs)
}

// checkSpace refuses a disk that cannot hold even the smallest result.
func (p *Plan) checkSpace() error {
	free, err := p.Host.Free(filepath.Dir(p.Out))
	if err != nil {
		return &HostError{Err: fmt.Errorf("free space of %s: %w", filepath.Dir(p.Out), err)}
	}
	need := p.expectedSize()
	if free < need {
		return &HostError{
			Err: fmt.Errorf("%s has %s free, and the build needs about %s", filepath.Dir(p.Out), size.Text(free), size.Text(need)),
			Do:  "free some space, or give --out on another disk",
		}
	}
	if free < p.Spec.DiskSize {
		p.Notes = append(p.Notes, fmt.Sprintf("the guest's disk of %s grows as it is written to; %s is free: a guest that fills it will be paused", size.Text(p.Spec.DiskSize), size.Text(free)))
	}
	return nil
}

// expectedSize is what a build writes at least: the installed system as it is,
// and its compressed image.
func (p *Plan) expectedSize() int64 {
	if p.Installer.Rehearsal {
		return min(p.Spec.DiskSize, 256<<20)
	}
	return min(p.Spec.DiskSize, 3<<30)
}

// resolveInstaller identifies the ISO.
func (p *Plan) resolveInstaller(ctx context.Context) error {
	if err := p.locateISO(); err != nil {
		return err
	}
	image, err := iso.Open(ctx, p.Installer.Path)
	if err != nil {
		return isoError(p.Installer.Path, err)
	}
	defer image.Close()
	in, err := image.Installer()
	if err != nil {
		return isoError(p.Installer.Path, err)
	}
	if err := in.CheckArch(p.Installer.Path, p.Arch.Name); err != nil {
		return &InputError{What: "--iso", Err: err, Do: "build for it with --arch " + in.Arch + ", or give the ISO for " + p.Arch.Name}
	}
	if p.Spec.Boot == "media" && (in.Boot.Shim == "" || in.Boot.GRUB == "") {
		return &InputError{What: "--iso", Err: fmt.Errorf("%s has no EFI boot loader to make a boot medium of", p.Installer.Path), Do: "use --boot kernel"}
	}
	p.Installer.Label, p.Installer.Product, p.Installer.Version = in.Label, in.Product, in.Version
	p.Installer.Variant, p.Installer.Packages = in.Variant, in.HasRepos
	if p.Installer.Flavour == flavourV2 || p.named(flavourV2) {
		p.Installer.Flavour = flavourV2
	} else {
		p.Installer.Flavour = p.Arch.Name
	}
	p.Installer.Size = image.SizeBytes
	p.Installer.Rehearsal = strings.Contains(strings.ToLower(in.Product+" "+in.Label), "rehearsal")
	if p.Spec.Offline && !p.Installer.Packages && !p.Installer.Rehearsal {
		return &InputError{What: "--offline", Err: fmt.Errorf("%s carries no packages, and the guest has no network to fetch any from", p.Installer.Path), Do: "give the DVD or minimal ISO with --iso, or leave out --offline"}
	}
	return p.checkSpace()
}

// release is the AlmaLinux whose repositories the ISO goes with. Kitten's media
// have the version 10 as well, so it is told by its name, or by the wish.
func (p *Plan) release() string {
	if wish := strings.ToLower(p.Spec.Version); strings.HasSuffix(wish, "kitten") || p.named("kitten") {
		return "kitten"
	}
	return or(p.Installer.Version, p.Spec.Version)
}

// named reports whether the ISO's label, product or file name has a word in it.
func (p *Plan) named(word string) bool {
	return strings.Contains(strings.ToLower(p.Installer.Label+" "+p.Installer.Product+" "+filepath.Base(p.Installer.Path)), word)
}

// isoError classes an error of reading the ISO.
func isoError(path string, err error) error {
	e := &InputError{What: "--iso", Err: err, Do: hint(err)}
	if errors.Is(err, fs.ErrNotExist) {
		e.Do = "imgasm alma without --iso finds and fetches one"
	}
	return e
}

// resolveHost finds QEMU, its accelerator and the firmware.
func (p *Plan) resolveHost(ctx context.Context) (err error) {
	s := &p.Spec
	binary := or(s.QEMU, p.Arch.QEMU)
	if p.QEMU, err = qemu.Inspect(ctx, binary); err != nil {
		return err
	}
	s.QEMU = p.QEMU.Path
	level := 3
	switch {
	case p.Installer.Rehearsal:
		level = 0
	case p.Installer.Flavour == flavourV2:
		level = 2
	}
	if p.Accel, err = accel.Choose(ctx, accel.Want{Accel: s.Accel, Arch: p.Arch.Name, Binary: p.QEMU.Path, Version: p.QEMU.Version, X86Level: level}); err != nil {
		return err
	}
	if s.CPU != "" {
		p.Accel.CPU = s.CPU
	}
	if s.CPUs == 0 {
		s.CPUs = max(1, min(p.Host.CPUs, 4))
		if p.serial() {
			s.CPUs = 1 // more would take turns
		}
		if p.Accel.MaxCPUs > 0 {
			s.CPUs = min(s.CPUs, p.Accel.MaxCPUs)
		}
	} else if p.Accel.MaxCPUs > 0 && s.CPUs > p.Accel.MaxCPUs {
		return &InputError{What: "--cpus", Err: fmt.Errorf("%s runs at most %d processors", p.Accel.Accel, p.Accel.MaxCPUs)}
	}
	if s.MemoryMiB == 0 {
		s.MemoryMiB = p.defaultMemory()
	}
	p.Timeout = s.Timeout
	if p.Timeout == 0 {
		if p.Timeout = 45 * time.Minute; p.Accel.Emulated() {
			p.Timeout = 3 * time.Hour
		}
	}
	if s.Firmware == "bios" {
		return nil
	}
	query := firmware.Query{Arch: p.Arch.Name, SecureBoot: s.SecureBoot, Getenv: p.Host.Getenv, Binary: p.QEMU.Path, Trees: p.Host.firmwareTrees()}
	if s.Firmware != "auto" && s.Firmware != "uefi" {
		query.Explicit = s.Firmware
	}
	if p.Firmware, err = firmware.Find(ctx, query); err != nil {
		return err
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
		return &InputError{Err: err}
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
	return p.Arch.MemoryMiB
}

func (p *Plan) resolveDate() (err error) {
	p.Time, p.Dated, err = p.Host.sourceDate()
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
		return a, &InputError{What: "--arch", Err: err}
	}
	return a, nil
}

func or(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// MinDiskSize is the smallest disk that an installation could fit on.
const MinDiskSize = 512 << 20
