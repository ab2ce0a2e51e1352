// Package render writes kickstart files: the default one for AlmaLinux 10, from
// settings, and the sections by which an installation tells the host how it
// goes, which are added to a file of the user. It reads no files, no environment
// and no clock: the same settings give the same bytes.
package render

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// Options are the settings of the default AlmaLinux kickstart. The zero
// value installs AlmaLinux 10 for x86_64 with UEFI on /dev/vda from the public
// mirror; it only lacks somebody who can log in.
type Options struct {
	Arch string // "x86_64", "x86_64_v2" or "aarch64"; empty: "x86_64"
	Boot string // "uefi" or "bios" (x86 only); empty: "uefi"
	Disk string // the disk to install on, as the guest calls it; empty: "vda"
	// Console is the serial console's device in the guest ("ttyS0",
	// "ttyAMA0"), where the installed system speaks and shows a login prompt.
	// Empty: no serial console.
	Console string
	Source  Source

	Hostname string // empty: the installer's default, "localhost"
	Lang     string // empty: "en_US.UTF-8"
	Keyboard string // console keymap; empty: "us"
	Timezone string // as in zoneinfo; empty: "UTC"

	// RootPassword is clear text, hashed by HashPassword, or such a hash.
	// Empty: root's password is locked.
	RootPassword string
	// RootSSHKeys are lines as in authorized_keys. They work for a locked root too.
	RootSSHKeys []string
	Users       []User
	// Seed is what password salts are derived from; see HashPassword.
	Seed []byte

	// Proxy is the address of one by which the installer and the new system's dnf
	// reach servers; see CheckProxy. CA is a PEM file of certificates which both trust.
	Proxy string
	CA    []byte

	// Packages are lines of %packages: "name", "-name", "@group", "@^environment".
	Packages   []string
	GuestAgent bool // install qemu-guest-agent
	CloudInit  bool // install cloud-init and cloud-utils-growpart
	// KernelArgs are arguments of the installed system's kernel, one each,
	// behind those that the default sets.
	KernelArgs []string
	// Scripts run in the installed system, in order, at the end of the
	// installation. A script that fails ends the installation.
	Scripts []Script
}

// Source is where the packages come from. The zero value is AlmaLinux 10 on
// the project's mirror.
type Source struct {
	// CDROM takes the packages from the installer's own medium (dvd, minimal).
	CDROM bool
	// Minimal says that the medium carries the minimal environment only, so
	// that nothing may be asked for by default that is not in it.
	Minimal bool
	// URL is the repository with the base system; Repos are more of them.
	URL   string
	Repos []Repo
}

// Repo is a further package repository of the installation.
type Repo struct{ Name, URL string }

// User is an account to create.
type User struct {
	Name     string
	Password string // as RootPassword; empty: locked
	Sudo     bool   // may do everything by sudo, without password
	SSHKeys  []string
}

// Script is a script of the kickstart: for %post, if nothing else is said.
type Script struct {
	Name string // appears in a comment; usually the file's name
	// Text is the script. A first line such as "#!/usr/bin/python3" names the
	// interpreter; without one it is /bin/sh. CR LF becomes LF.
	Text string
	Pre  bool // run in the installer, before it fetches anything (%pre)
}

// "10", "10.1"
var almaLinuxVersion = regexp.MustCompile(`^10(\.[0-9]{1,2})?$`)

// AlmaLinuxSource is the project's mirror for version ("10", "10.1", "kitten")
// and architecture ("x86_64", "x86_64_v2", "aarch64"). Errors: ErrOption for
// another version, whose installer reads another dialect than Render writes.
func AlmaLinuxSource(version, arch string) (Source, error) {
	version = strings.TrimPrefix(strings.ToLower(version), "v")
	base := "https://repo.almalinux.org/almalinux/" + version
	switch {
	case version == "kitten" || version == "10-kitten":
		base = "https://kitten.repo.almalinux.org/10-kitten"
	case !almaLinuxVersion.MatchString(version):
		return Source{}, refuse("version", version, "the kickstart is for AlmaLinux 10: choose 10, 10.N or kitten")
	}
	return SourceAt(base, arch), nil
}

// SourceAt is a release at an address, laid out as on AlmaLinux's mirrors.
func SourceAt(base, arch string) Source {
	return Source{
		URL:   base + "/BaseOS/" + arch + "/os/",
		Repos: []Repo{{Name: "AppStream", URL: base + "/AppStream/" + arch + "/os/"}},
	}
}

// withDefaults fills what is empty.
func (o Options) withDefaults() Options {
	o.Arch = cmp.Or(o.Arch, "x86_64")
	o.Boot = cmp.Or(o.Boot, "uefi")
	o.Disk = cmp.Or(o.Disk, "vda")
	o.Lang = cmp.Or(o.Lang, "en_US.UTF-8")
	o.Keyboard = cmp.Or(o.Keyboard, "us")
	o.Timezone = cmp.Or(o.Timezone, "UTC")
	if !o.Source.CDROM && o.Source.URL == "" {
		alma, _ := AlmaLinuxSource("10", o.Arch) // a version that it knows
		o.Source.URL = alma.URL
		if len(o.Source.Repos) == 0 {
			o.Source.Repos = alma.Repos
		}
	}
	return o
}

// Kickstart writes the kickstart file that o describes, in the RHEL 10 dialect.
// The same options give the same bytes.
//
// A value that cannot stand in its place, or that the installer would refuse,
// is ErrOption. Nothing that o holds can end a line, a word or a section
// early: the result is parsed and compared before it is returned.
func Kickstart(o Options) ([]byte, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	w := &writer{}
	w.comment("AlmaLinux 10, rendered by imgasm. Passwords are hashed.")
	w.blank()
	w.command("cmdline")
	w.command("eula", "--agreed")
	w.command("firstboot", "--disable")
	w.blank()
	o.source(w)
	w.blank()
	w.command("lang", o.Lang)
	w.command("keyboard", o.Keyboard)
	w.command("timezone", o.Timezone, "--utc")
	w.blank()
	network := []string{"network", "--bootproto=dhcp", "--device=link", "--activate"}
	if o.Hostname != "" {
		network = append(network, "--hostname="+o.Hostname)
	}
	w.command(network...)
	w.command("firewall", "--enabled", "--service=ssh")
	w.blank()
	if err := o.accounts(w); err != nil {
		return nil, err
	}
	w.blank()
	w.command("selinux", "--enforcing")
	w.command("services", "--enabled=sshd")
	w.command("skipx")
	w.blank()
	o.storage(w)
	w.blank()
	w.command("poweroff")
	w.blank()
	o.packages(w)
	w.blank()
	w.comment("kdump would keep memory from the guest for dumps that nobody reads.")
	w.section([]string{"%addon", "com_redhat_kdump", "--disable"}, "")
	if err := o.scripts(w); err != nil {
		return nil, err
	}
	return w.bytes()
}

func (o *Options) source(w *writer) {
	// by makes a command use the proxy, if it fetches anything by one.
	by := func(address string, words ...string) {
		if o.Proxy != "" && !strings.HasPrefix(address, "file:") && !strings.HasPrefix(address, "nfs:") {
			words = append(words, "--proxy="+o.Proxy)
		}
		w.command(words...)
	}
	if o.Source.CDROM {
		w.command("cdrom")
	} else {
		by(o.Source.URL, "url", "--url="+o.Source.URL)
	}
	for _, r := range o.Source.Repos {
		by(r.URL, "repo", "--name="+r.Name, "--baseurl="+r.URL)
	}
}

// storage lays the disk out as AlmaLinux's own images do: GPT, a separate
// /boot, and the root last, where it can grow.
func (o *Options) storage(w *writer) {
	w.command("zerombr")
	w.command("ignoredisk", "--only-use="+o.Disk)
	w.command("clearpart", "--all", "--initlabel", "--disklabel=gpt", "--drives="+o.Disk)
	var args []string
	if o.Console != "" {
		// The last console is /dev/console: init speaks there.
		args = append(args, "console=tty0", "console="+o.Console+",115200n8")
	}
	args = append(args, o.KernelArgs...)
	loader := []string{"bootloader", "--location=mbr", "--boot-drive=" + o.Disk, "--timeout=1"}
	if len(args) > 0 {
		loader = append(loader, "--append="+strings.Join(args, " "))
	}
	w.command(loader...)
	if o.Boot == "bios" {
		w.command("part", "biosboot", "--fstype=biosboot", "--size=1", "--ondisk="+o.Disk)
	} else {
		w.command("part", "/boot/efi", "--fstype=efi", "--size=200", "--ondisk="+o.Disk)
	}
	w.command("part", "/boot", "--fstype=xfs", "--size=1024", "--ondisk="+o.Disk)
	w.command("part", "/", "--fstype=xfs", "--size=3072", "--grow", "--ondisk="+o.Disk)
}

func (o *Options) packages(w *writer) {
	lines := []string{"@^minimal-environment", "openssh-server", "sudo"}
	if !o.Source.Minimal {
		// An initramfs for any machine, not only for the one that installs.
		lines = append(lines, "dracut-config-generic")
	}
	if o.GuestAgent {
		lines = append(lines, "qemu-guest-agent")
	}
	if o.CloudInit {
		lines = append(lines, "cloud-init", "cloud-utils-growpart")
	}
	for _, p := range o.Packages {
		if !slices.Contains(lines, p) {
			lines = append(lines, p)
		}
	}
	w.section([]string{"%packages", "--exclude-weakdeps"}, strings.Join(lines, "\n")+"\n")
}

func (o *Options) accounts(w *writer) error {
	if o.RootPassword == "" {
		w.command("rootpw", "--lock")
	} else {
		hash, err := HashPassword(o.RootPassword, o.Seed, "root")
		if err != nil {
			return refuse("root password", "", "%w", err)
		}
		w.command("rootpw", "--iscrypted", "--allow-ssh", hash)
	}
	for _, u := range o.Users {
		words := []string{"user", "--name=" + u.Name}
		if u.Sudo {
			words = append(words, "--groups=wheel")
		}
		if u.Password == "" {
			words = append(words, "--lock")
		} else {
			hash, err := HashPassword(u.Password, o.Seed, u.Name)
			if err != nil {
				return refuse("password of user "+u.Name, "", "%w", err)
			}
			words = append(words, "--iscrypted", "--password="+hash)
		}
		w.command(words...)
	}
	for _, key := range o.RootSSHKeys {
		w.command("sshkey", "--username=root", strings.TrimSpace(key))
	}
	for _, u := range o.Users {
		for _, key := range u.SSHKeys {
			w.command("sshkey", "--username="+u.Name, strings.TrimSpace(key))
		}
	}
	return nil
}
