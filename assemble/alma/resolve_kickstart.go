// The kickstart of a plan: the user's own or the embedded one, linted for the
// machine that will be built, and with our reporting sections.

package alma

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/source"
	"github.com/imgasm/imgasm/assemble/verify"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/smallfile"
	"github.com/imgasm/imgasm/kickstart"
	"github.com/imgasm/imgasm/kickstart/render"
)

// targetDisk is what the guest calls the first virtio-blk disk.
const targetDisk = "vda"

// embeddedName stands for the embedded kickstart in messages.
const embeddedName = "(embedded)"

func (p *Plan) resolveKickstart(ctx context.Context) (err error) {
	k := &p.Kickstart
	k.Name = cmp.Or(p.Spec.Kickstart, embeddedName)
	if err := p.readProvisions(ctx); err != nil {
		return err
	}
	if p.Spec.Kickstart != "" {
		k.User, err = p.Spec.readKickstart(ctx)
	} else {
		k.User, err = p.render()
	}
	if err != nil {
		return err
	}
	file, err := kickstart.Parse(k.Name, k.User)
	if err != nil {
		return bad("Kickstart", err, "")
	}
	if err := p.lint(file); err != nil {
		return err
	}
	k.Asked = k.User
	if p.Spec.Kickstart != "" {
		scripts, err := p.added()
		if err == nil {
			k.Asked, err = render.AddScripts(file, scripts)
		}
		if err != nil {
			return bad("", err, "")
		}
	}
	p.Cautions = append(p.Cautions, p.proxySecret()...)
	k.Networked = p.needsNetwork(file)
	k.HasPre = len(file.Sections("%pre")) > 0
	return nil
}

// readKickstart reads the user's kickstart.
func (s *Spec) readKickstart(ctx context.Context) (text []byte, err error) {
	if text = s.KickstartText; text == nil {
		text, err = smallfile.ReadAgain(ctx, s.Kickstart, kickstart.MaxSize)
	}
	if err != nil {
		return nil, bad("Kickstart", err, "imgasm kickstart render writes one to begin with")
	}
	if len(text) == 0 {
		return nil, bad("Kickstart", fmt.Errorf("%s is empty", s.Kickstart), "imgasm kickstart render writes one to begin with")
	}
	return text, nil
}

// render makes the embedded kickstart of the settings.
func (p *Plan) render() ([]byte, error) {
	s := p.Spec.Settings
	o := render.Options{
		Arch: p.arch.Name, Boot: p.kickstartBoot(), Disk: targetDisk, Console: p.arch.Console,
		Hostname: s.Hostname, Lang: s.Lang, Keyboard: s.Keyboard, Timezone: s.Timezone, Packages: s.Packages, GuestAgent: true,
	}
	o.CloudInit = s.CloudInit
	accounts := render.Accounts{RootPassword: s.RootPassword, User: s.User, Password: s.Password, SSHKeys: s.SSHKeys, LockRoot: s.LockRoot, KeysOnly: s.KeysOnly}
	if err := accounts.Set(&o); err != nil {
		return nil, bad("", err, "such as ~/.ssh/id_ed25519.pub with {SSHKeys}")
	}
	if a := p.arch.EmulatedArg; a != "" {
		o.KernelArgs = []string{a} // as AlmaLinux's own images have it, wherever they run
	}
	switch {
	case p.Installer.Packages || p.Installer.Rehearsal:
		o.Source = render.Source{CDROM: true, Minimal: p.Installer.Variant == "minimal"}
		o.GuestAgent = !o.Source.Minimal
	default:
		var err error
		if o.Source, err = p.repositories(); err != nil {
			return nil, bad("ISO", err, "give a kickstart for it: {Kickstart}")
		}
	}
	o.Source.Repos = append(o.Source.Repos, s.Repos...)
	if s.GuestAgent != nil {
		o.GuestAgent = *s.GuestAgent
	}
	o.Scripts, o.Proxy, o.CA = p.provisions.scripts, p.Spec.Proxy, p.provisions.ca
	// Salts depend on what was asked for and on nothing else, so that equal
	// wishes give equal media.
	early := seed(p.Spec, nil, p.Installer)
	o.Seed = early[:]
	text, err := render.Kickstart(o)
	if errors.Is(err, render.ErrOption) {
		return nil, bad("", err, assemble.Hint(err))
	}
	if err != nil {
		return nil, err
	}
	p.Kickstart.Login = login(o)
	p.Kickstart.Logins, p.Kickstart.SSHUser, p.Kickstart.SSHKey = logins(o, publishedPasswords(o))
	if known := publishedPasswords(o); len(known) > 0 && !p.Installer.Rehearsal {
		p.Cautions = append(p.Cautions, knownPasswords(known))
	}
	for _, u := range o.Users {
		if u.Password == "" && len(u.SSHKeys) == 0 {
			p.Notes = append(p.Notes, u.Name+" has no password, so that only root can log in; {Password} gives "+u.Name+" one")
		}
	}
	if o.Source.Minimal && o.CloudInit && len(s.Repos) == 0 {
		p.Notes = append(p.Notes, "cloud-init may not be on a minimal ISO, and the installation would end for want of it: {Variant} dvd or boot has it")
	}
	return text, nil
}

// repositories are those that go with the ISO. The folder of a minor release is
// emptied when the next one appears; the vault has it then, and an ISO from there
// gets its packages there. The folder of the major has the newest, always.
func (p *Plan) repositories() (render.Source, error) {
	release := p.release()
	s, err := render.AlmaLinuxSource(release, p.Installer.Flavour)
	vault := strings.TrimRight(cmp.Or(p.Spec.Vault, source.DefaultVault), "/") + "/" + release
	major, _, minor := strings.Cut(release, ".")
	switch f := p.Installer.fetched; {
	case err != nil || !minor:
	case f != nil && strings.HasPrefix(f.URL, vault+"/"):
		s = render.SourceAt(vault, p.Installer.Flavour)
	default:
		p.Notes = append(p.Notes, "the packages are those of the newest AlmaLinux "+major+", which may be later than the ISO's "+release)
		s, err = render.AlmaLinuxSource(major, p.Installer.Flavour)
	}
	return s, err
}

// login is an account that a verification can use: one whose password is known.
func login(o render.Options) verify.Login {
	for _, l := range append(slices.Clone(o.Users), render.User{Name: "root", Password: o.RootPassword}) {
		if l.Password != "" && !kickstart.IsHashed(l.Password) {
			return verify.Login{Name: l.Name, Password: l.Password}
		}
	}
	return verify.Login{}
}

// publishedPasswords names the accounts that have one.
func publishedPasswords(o render.Options) []string {
	var names []string
	if o.RootPassword == render.DefaultRootPassword {
		names = append(names, "root")
	}
	for _, u := range o.Users {
		if u.Password == render.DefaultUsers()[0].Password {
			names = append(names, u.Name)
		}
	}
	return names
}

// kickstartBoot is the firmware that the kickstart partitions for. It is
// decided before the host is looked at: only a wish makes it a BIOS.
func (p *Plan) kickstartBoot() string {
	if p.Spec.Firmware == "bios" {
		return "bios"
	}
	return "uefi"
}

// knownPasswords is what to know of an image into which anybody can log in.
func knownPasswords(accounts []string) assemble.Caution {
	return assemble.Caution{
		Text:    "anybody can log in to this image: the password of " + strings.Join(accounts, " and ") + " is published",
		Do:      "for anything but a test give {SSHKeys}, or {RootPassword} and {Password}",
		Lasting: true,
	}
}

// strictRules are the findings of lint that the installer warns of, and with
// inst.ksstrict refuses.
var strictRules = []string{"deprecated-command", "deprecated-option", "deprecated-section"}

// lint holds the kickstart against the machine that will be built.
func (p *Plan) lint(file *kickstart.File) error {
	variant := p.Installer.Variant
	if p.Installer.Rehearsal {
		variant = "" // its installer brings what it installs
	}
	findings := kickstart.Lint(file, kickstart.LintOptions{
		Dialect: kickstart.AlmaLinux10,
		Target: &kickstart.Target{
			Arch: p.arch.Name, Boot: p.kickstartBoot(), DiskBus: "virtio-blk", DiskName: targetDisk, DiskSizeBytes: p.Spec.DiskSize,
			Offline: p.Spec.Offline, ISOVariant: variant, CmdlineMode: true,
		},
	})
	var wrong []kickstart.Finding
	strict := false
	for _, f := range findings {
		switch {
		case f.Severity == kickstart.Error:
			wrong = append(wrong, f)
		case p.Spec.KSStrict && slices.Contains(strictRules, f.Rule):
			wrong, strict = append(wrong, f), true
		default:
			p.Notes = append(p.Notes, fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Text))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	// What is missing comes last: it is often what a line with a typo would give.
	missing := slices.DeleteFunc(slices.Clone(wrong), func(f kickstart.Finding) bool { return !f.Missing() })
	wrong = append(slices.DeleteFunc(wrong, func(f kickstart.Finding) bool { return f.Missing() }), missing...)
	e := &LintError{Name: p.Kickstart.Name, Findings: wrong, Strict: strict}
	return &fault.Error{Class: ErrLint, Err: e, Do: e.hint()}
}

// addReporting adds our reporting sections to the kickstart, and completes what depends on its text.
func (p *Plan) addReporting() error {
	file, err := kickstart.Parse(p.Kickstart.Name, p.Kickstart.Asked)
	if err != nil {
		return bad("Kickstart", err, "")
	}
	reporting, err := render.AddReporting(file, render.Reporting{Port: watch.ProgressPort, Nonce: p.nonce(), Packages: true})
	if err != nil {
		return bad("Kickstart", err, "")
	}
	p.Kickstart.Guest, p.Kickstart.End = reporting.Bytes, reporting.Ending
	if p.Spec.Kickstart != "" && !reporting.Includes && !slices.Contains([]string{"poweroff", "shutdown", "reboot"}, reporting.Ending) {
		p.Notes = append(p.Notes, p.Spec.Kickstart+" does not end with poweroff: the installer will wait for a key, and imgasm will switch it off")
	}
	return nil
}
