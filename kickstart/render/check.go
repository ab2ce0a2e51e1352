// What Render refuses, and why.

package render

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/imgasm/imgasm/internal/fault"
)

var (
	// "x86_64_v2"
	archName = regexp.MustCompile(`^[a-z0-9_]+$`)
	// "vda", "nvme0n1", "disk/by-id/virtio-root"
	diskName = regexp.MustCompile(`^[a-z0-9][A-Za-z0-9/_.:-]*$`)
	// "ttyAMA0"
	consoleName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)
	// "en_US.UTF-8", "C.UTF-8", "sr_RS.UTF-8@latin"
	langName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.@-]*$`)
	// "us", "de-nodeadkeys"
	keymapName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)
	// "Europe/Berlin", "Etc/GMT+1"
	timezoneName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`)
	// One label of a host name; RFC 1123, section 2.1.
	hostLabel = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
	// What useradd of EL 10 takes, without the trailing "$" of machine accounts.
	accountName = regexp.MustCompile(`^[a-z_][a-z0-9_.-]{0,31}$`)
	// "AppStream"
	repoName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]*$`)
	// "vim-enhanced", "-plymouth", "perl-*", "@^minimal-environment", "@core --nodefaults"
	packageLine = regexp.MustCompile(`^-?(@\^?)?[A-Za-z0-9*?\[_][A-Za-z0-9._+:*?\[\]!/~^-]*( --(nodefaults|optional))?$`)
	// "net.ifnames=0", "systemd.unit=multi-user.target", "mem=2G@1G"
	kernelArg = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.,:;=/@%+*~^\[\]{}()<>!&|?-]*$`)
)

// maxHostname is the longest host name that Linux keeps, in bytes (HOST_NAME_MAX).
const maxHostname = 64

func (o *Options) check() error {
	return errors.Join(o.checkMachine(), o.checkSource(), o.checkLocale(), o.checkAccounts(), o.checkContents())
}

// ErrOption says that a setting cannot be used. The text names it, and what is allowed.
var ErrOption = fault.Class(fault.Input, "a setting that cannot be used")

// fields are the fields of options, by the words that options begin with.
var fields = map[string]string{
	"host name": "Hostname", "language": "Lang", "keyboard": "Keyboard", "time zone": "Timezone", "proxy": "Proxy", "certificates": "CA",
	"ssh key": "SSHKeys", "user": "User", "root password": "RootPassword", "password": "Password", "package": "Packages", "repository": "Repos",
	"version": "Version", "source": "Source", "architecture": "Arch", "disk": "Disk", "console": "Console", "boot mode": "Firmware", "copy": "Copy",
}

// refuse is ErrOption for an option, such as "host name", and its value; "" for a
// secret. The format says what is allowed.
func refuse(option, value, format string, args ...any) error {
	text := option + " "
	e := &fault.Error{Class: ErrOption}
	for words, field := range fields {
		if option == words {
			e.Field, text = field, ""
		} else if strings.HasPrefix(option, words+" ") {
			e.Field = field
		}
	}
	if e.Field == "" {
		text = "kickstart: " + text
	}
	if value != "" {
		text += fmt.Sprintf("%q: ", value)
	}
	e.Err = fmt.Errorf("%s%w", text, fmt.Errorf(format, args...))
	return e
}

func match(pattern *regexp.Regexp, option, value, example string) error {
	if pattern.MatchString(value) {
		return nil
	}
	if value == "" {
		return refuse(option, "", "is empty: write it as in %q", example)
	}
	return refuse(option, value, "write it as in %q", example)
}

func (o *Options) checkMachine() error {
	var errs []error
	errs = append(errs, match(archName, "architecture", o.Arch, "aarch64"), match(diskName, "disk", o.Disk, "vda"))
	if o.Console != "" {
		errs = append(errs, match(consoleName, "console", o.Console, "ttyS0"))
	}
	switch {
	case o.Boot != "uefi" && o.Boot != "bios":
		errs = append(errs, refuse("boot mode", o.Boot, "choose uefi or bios"))
	case o.Boot == "bios" && !strings.HasPrefix(o.Arch, "x86_64"):
		errs = append(errs, refuse("boot mode", o.Boot, "%s boots by UEFI only", o.Arch))
	}
	return errors.Join(errs...)
}

func (o *Options) checkSource() error {
	var errs []error
	if o.Source.CDROM && o.Source.URL != "" {
		errs = append(errs, refuse("source", o.Source.URL, "choose either the installer's medium or a URL"))
	}
	location := func(option, text string) {
		u, err := url.Parse(text)
		switch {
		case oneLine(text) != nil || strings.ContainsAny(text, " #"):
			errs = append(errs, refuse(option, text, "has a character that must be written as %%XX"))
		case err != nil:
			errs = append(errs, refuse(option, text, "is no URL"))
		case !slices.Contains([]string{"http", "https", "ftp", "file", "nfs"}, u.Scheme):
			errs = append(errs, refuse(option, text, "write a URL that begins with https://, http://, ftp://, nfs:// or file://"))
		}
	}
	if !o.Source.CDROM {
		location("source", o.Source.URL)
	}
	seen := map[string]bool{}
	for _, r := range o.Source.Repos {
		errs = append(errs, match(repoName, "repository", r.Name, "AppStream"))
		location("repository "+r.Name, r.URL)
		if seen[r.Name] {
			errs = append(errs, refuse("repository", r.Name, "is given twice"))
		}
		seen[r.Name] = true
	}
	return errors.Join(errs...)
}

func (o *Options) checkLocale() error {
	var errs []error
	if o.Hostname != "" {
		errs = append(errs, checkHostname(o.Hostname))
	}
	errs = append(errs,
		match(langName, "language", o.Lang, "en_US.UTF-8"),
		match(keymapName, "keyboard", o.Keyboard, "de-nodeadkeys"),
		match(timezoneName, "time zone", o.Timezone, "Europe/Berlin"))
	return errors.Join(errs...)
}

func checkHostname(name string) error {
	if len(name) > maxHostname {
		return refuse("host name", name, "has %d characters, more than %d", len(name), maxHostname)
	}
	for _, label := range strings.Split(name, ".") {
		if !hostLabel.MatchString(label) {
			return refuse("host name", name, "write letters, digits and hyphens, in parts joined by dots")
		}
	}
	return nil
}

func (o *Options) checkAccounts() error {
	var errs []error
	login := o.RootPassword != "" || len(o.RootSSHKeys) > 0 || o.CloudInit
	errs = append(errs, checkKeys("root", o.RootSSHKeys))
	seen := map[string]bool{}
	for _, u := range o.Users {
		login = login || u.Password != "" || len(u.SSHKeys) > 0
		errs = append(errs, match(accountName, "user", u.Name, "admin"), checkKeys(u.Name, others(u.SSHKeys, o.RootSSHKeys)))
		switch {
		case u.Name == "root":
			errs = append(errs, refuse("user", u.Name, "is there anyway: set the root password or root's ssh keys"))
		case seen[u.Name]:
			errs = append(errs, refuse("user", u.Name, "is given twice"))
		}
		seen[u.Name] = true
	}
	if !login {
		errs = append(errs, refuse("login:", "", "nobody could log in; give a root password, a user with a password, or an ssh key"))
	}
	return errors.Join(errs...)
}

// others are the keys that are not root's too: those are refused once.
func others(keys, roots []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return slices.Contains(roots, key) })
}

// checkKeys refuses what sshd would pass over in silence.
func checkKeys(account string, keys []string) error {
	var errs []error
	for _, key := range keys {
		option := "ssh key of " + account
		line := strings.TrimSpace(key)
		switch _, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(line)); {
		case strings.Contains(line, "PRIVATE KEY"):
			errs = append(errs, refuse(option, "", "is a private key: give the file that ends in .pub"))
		case oneLine(line) != nil || len(rest) > 0:
			errs = append(errs, refuse(option, "", "has more than one line: give each key by itself"))
		case err != nil, strings.HasPrefix(line, "-"):
			errs = append(errs, refuse(option, line, "is no public key: a line of an authorized_keys file, which begins as in \"ssh-ed25519 AAAA\""))
		}
	}
	return errors.Join(errs...)
}

func (o *Options) checkContents() error {
	var errs []error
	for _, p := range o.Packages {
		errs = append(errs, match(packageLine, "package", p, "vim-enhanced"))
	}
	for _, a := range o.KernelArgs {
		if !kernelArg.MatchString(a) {
			// /etc/default/grub is read by a shell, and the installer writes
			// the arguments into it as they are.
			errs = append(errs, refuse("kernel argument", a, "write one argument without blanks, quotes, \"$\", \"`\", \"#\" and \"\\\", as in \"net.ifnames=0\""))
		}
	}
	return errors.Join(append(errs, checkScripts(o.Scripts))...)
}
