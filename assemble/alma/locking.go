// imgasm.lock: a build writes what its inputs were, or demands what they were.

package alma

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/imgasm/imgasm/assemble/lock"
	"github.com/imgasm/imgasm/internal/size"
)

// Roles of inputs, in locks and in descriptions of images.
const (
	roleInstaller    = "installer"
	roleKickstart    = "kickstart"
	roleFirmwareCode = "firmware-code"
	roleFirmwareVars = "firmware-vars"
)

// lockPath is the lock that a Spec uses.
func (s Spec) lockPath() string { return or(s.LockFile, lock.FileName) }

// lockName is the build's name in the lock: that of its output.
func (s Spec) lockName() string { return filepath.Base(or(s.Out, DefaultOut)) }

// pin makes a locked Spec ask for the ISO that the lock names.
func (s Spec) pin() (Spec, error) {
	if !s.Locked {
		return s, nil
	}
	locked, err := s.readLock()
	if err != nil {
		return s, err
	}
	in := locked.Inputs[roleInstaller]
	if s.ISOChecksum == "" {
		s.ISOChecksum = in.SHA256
	}
	if s.ISO == "" {
		s.ISO = in.URL
	}
	return s, nil
}

func (s Spec) readLock() (lock.Build, error) {
	path := s.lockPath()
	file, err := lock.Read(path)
	if err == nil {
		var b lock.Build
		if b, err = file.Build(s.lockName()); err == nil {
			return b, nil
		}
	}
	do := ""
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, lock.ErrNoBuild) {
		do = "a build with --lock writes it"
	}
	return lock.Build{}, &InputError{What: "--locked", Err: fmt.Errorf("%s: %w", path, err), Do: do}
}

// checkLock compares the plan with the lock, where that is demanded.
func (p *Plan) checkLock() error {
	if !p.Spec.Locked {
		return nil
	}
	locked, err := p.Spec.readLock()
	if err != nil {
		return err
	}
	inputs, err := p.planInputs()
	if err != nil {
		return err
	}
	return lock.Demand(p.Spec.lockPath(), p.Spec.lockName(), locked, p.lockBuild(inputs))
}

// planInputs are a plan's inputs with their hashes; it reads all of them.
func (p *Plan) planInputs() ([]Input, error) {
	installer := Input{Role: roleInstaller, Name: filepath.Base(p.Installer.Path), URL: p.Installer.URL, Size: p.Installer.Size, SHA256: p.Installer.SHA256}
	if p.Spec.fetched == nil {
		var err error
		if installer.SHA256, installer.Size, err = fileHash(p.Installer.Path); err != nil {
			return nil, err
		}
	}
	firmware, err := p.firmwareInputs()
	if err != nil {
		return nil, err
	}
	return append([]Input{installer, p.kickstartInput()}, firmware...), nil
}

func (p *Plan) kickstartInput() Input {
	return Input{Role: roleKickstart, Name: filepath.Base(p.Kickstart.Name), Size: int64(len(p.Kickstart.User)), SHA256: bytesHash(p.Kickstart.User)}
}

func (p *Plan) firmwareInputs() ([]Input, error) {
	if p.Firmware == nil {
		return nil, nil
	}
	var inputs []Input
	for _, f := range []struct{ role, path string }{{roleFirmwareCode, p.Firmware.Code.Path}, {roleFirmwareVars, p.Firmware.Vars.Path}} {
		if f.path == "" {
			continue
		}
		sum, n, err := fileHash(f.path)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, Input{Role: f.role, Name: filepath.Base(f.path), Size: n, SHA256: sum})
	}
	return inputs, nil
}

// lockBuild is what a lock says of a build with these inputs.
func (p *Plan) lockBuild(inputs []Input) lock.Build {
	b := lock.Build{
		Inputs: map[string]lock.Input{},
		Tools:  map[string]string{"imgasm": p.Host.Version, "qemu": p.QEMU.Version.String()},
		Settings: map[string]string{
			"arch": p.Arch.Name, "boot": p.Spec.Boot, "firmware": p.bootMode(), "format": p.Spec.Format, "disk-size": size.Format(p.Spec.DiskSize),
		},
	}
	if args := p.Spec.KernelArgs; len(args) > 0 { // "inst.repo=…", "fips=1": they change what is installed
		b.Settings["kernel-args"] = p.hidden.String(strings.Join(args, " "))
	}
	for _, in := range inputs {
		l := lock.Input{Name: in.Name, URL: in.URL, SHA256: in.SHA256, SizeBytes: in.Size}
		if f := p.Spec.fetched; in.Role == roleInstaller && f != nil && f.Signature != nil {
			l.Signature = &lock.Signature{Fingerprint: f.Signature.Fingerprint, UserID: f.Signature.UserID, Created: f.Signature.Created}
		}
		b.Inputs[in.Role] = l
	}
	return b
}
