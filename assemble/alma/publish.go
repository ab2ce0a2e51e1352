// The step that publishes the image, and what is recorded of it.

package alma

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/boottest"
	"github.com/imgasm/imgasm/assemble/lock"
	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/size"
)

// Roles of inputs, in locks and in descriptions of images.
const (
	roleInstaller    = "installer"
	roleKickstart    = "kickstart"
	roleFirmwareCode = "firmware-code"
	roleFirmwareVars = "firmware-vars"
)

// publish puts the image, its description and the further records in place.
func publish(ctx context.Context, j *assemble.Job, p *Plan, hash <-chan hashed, said anaconda.Report, tested *boottest.Proof) (string, error) {
	inputs, err := p.identify(ctx, hash)
	if err != nil {
		return "", err
	}
	facts := map[string]string{} // the guest's own words
	for name, fact := range said.Facts {
		facts[name] = p.hidden.String(fact)
	}
	made, err := p.Outputs.Made(assemble.Image{
		Rehearsal: p.Installer.Rehearsal, Product: p.product(), Version: p.Installer.Version, Arch: p.arch.Name, Boot: p.BootMode(),
		SSHUser: p.Kickstart.SSHUser, SSHKey: p.Kickstart.SSHKey,
		Inputs: inputs, Guest: facts, Package: said.Packages, Tested: tested,
		Kernel: p.hidden.String(strings.Join(p.Arguments, " ")), QEMU: p.QEMU.Version.String(), Accel: p.Accel.Accel,
	}, p.Spec.DiskSize)
	if err != nil {
		return "", err
	}
	disk, _ := p.Outputs.Boots()
	return j.Publish(ctx, assemble.Product{
		Images: made, Disk: disk,
		Parameters: map[string]any{
			"arch": p.arch.Name, "version": p.Spec.Version, "boot": p.Spec.Boot, "deliver": p.Spec.Deliver, "format": strings.Join(p.Spec.Formats, ","),
			"diskSize": p.Spec.DiskSize, "secureBoot": p.Spec.SecureBoot, "kernelArgs": p.Spec.KernelArgs, "rehearsal": p.Installer.Rehearsal, "provision": p.provisions.order,
		},
		Internal: map[string]any{
			"accelerator": p.Accel.Accel, "cpu": p.Accel.CPU, "cpus": p.Spec.CPUs, "memoryMiB": p.Spec.MemoryMiB,
			"installerArgs": p.Arguments, "mediaTime": p.Time,
		},
		Versions: map[string]string{"imgasm": p.Host.Version, "qemu": p.QEMU.Version.String()},
		Lock:     p.lock(inputs),
		Next:     p.next(),
	})
}

// product names what the image is. A rehearsal's ISO is laid out as AlmaLinux's
// and says so; the image must not.
func (p *Plan) product() string {
	if p.Installer.Rehearsal {
		return "imgasm rehearsal"
	}
	return cmp.Or(p.Installer.Product, p.Installer.Label)
}

// identify are the inputs with the hash of the ISO that was computed meanwhile.
func (p *Plan) identify(ctx context.Context, hash <-chan hashed) ([]assemble.Input, error) {
	var h hashed
	select {
	case h = <-hash:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if h.err != nil {
		return nil, h.err
	}
	if p.Installer.SHA256 != "" && h.sum != p.Installer.SHA256 {
		return nil, bad("ISOChecksum", fmt.Errorf("%s has the SHA-256 %s, not %s", p.Installer.Path, h.sum, p.Installer.SHA256), "the image was made of another ISO than you meant, and is thrown away: check the ISO")
	}
	return p.inputs(h)
}

// inputs are all that goes into the image.
func (p *Plan) inputs(iso hashed) ([]assemble.Input, error) {
	all := []assemble.Input{
		{Role: roleInstaller, Name: filepath.Base(p.Installer.Path), URL: p.Installer.URL, Size: iso.size, SHA256: iso.sum},
		{Role: roleKickstart, Name: filepath.Base(p.Kickstart.Name), Size: int64(len(p.Kickstart.User)), SHA256: digest.Bytes(p.Kickstart.User)},
	}
	all = append(all, p.provisions.inputs...)
	if p.Firmware == nil {
		return all, nil
	}
	for _, f := range []struct{ role, path string }{{roleFirmwareCode, p.Firmware.Code.Path}, {roleFirmwareVars, p.Firmware.Vars.Path}} {
		if f.path == "" {
			continue
		}
		sum, n, err := digest.File(context.Background(), f.path)
		if err != nil {
			return nil, err
		}
		all = append(all, assemble.Input{Role: f.role, Name: filepath.Base(f.path), Size: n, SHA256: sum})
	}
	return all, nil
}

// checkLock compares the plan with the lock, where that is demanded; it reads
// all of the inputs.
func (p *Plan) checkLock() (err error) {
	if !p.Spec.Locked {
		return nil
	}
	if _, err := p.Spec.ReadLock(); err != nil { // before gigabytes are read
		return err
	}
	iso := hashed{sum: p.Installer.SHA256, size: p.Installer.Size}
	if p.Installer.fetched == nil {
		if iso.sum, iso.size, err = digest.File(context.Background(), p.Installer.Path); err != nil {
			return err
		}
	}
	inputs, err := p.inputs(iso)
	if err != nil {
		return err
	}
	return p.Spec.CheckLock(p.lock(inputs))
}

// lock is what a lock says of a build with these inputs.
func (p *Plan) lock(inputs []assemble.Input) lock.Build {
	b := lock.Build{
		Inputs: map[string]lock.Input{},
		Tools:  map[string]string{"imgasm": p.Host.Version, "qemu": p.QEMU.Version.String()},
		Settings: map[string]string{
			"arch": p.arch.Name, "boot": p.Spec.Boot, "firmware": p.BootMode(), "format": strings.Join(p.Spec.Formats, ","), "disk-size": size.Format(p.Spec.DiskSize),
		},
	}
	if args := p.Spec.KernelArgs; len(args) > 0 { // "inst.repo=…", "fips=1": they change what is installed
		b.Settings["kernel-args"] = p.hidden.String(strings.Join(args, " "))
	}
	if order := p.provisions.order; len(order) > 0 {
		b.Settings["provision"] = strings.Join(order, ", ")
	}
	for _, in := range inputs {
		l := lock.Input{Name: in.Name, URL: in.URL, SHA256: in.SHA256, SizeBytes: in.Size}
		if f := p.Installer.fetched; in.Role == roleInstaller && f != nil && f.Signature != nil {
			l.Signature = &lock.Signature{Fingerprint: f.Signature.Fingerprint, UserID: f.Signature.UserID, Created: f.Signature.Created}
		}
		b.Inputs[in.Role] = l
	}
	return b
}
