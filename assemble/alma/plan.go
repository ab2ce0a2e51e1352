// The plan: a Spec resolved on a host. Everything is decided, nothing is done.

package alma

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/boot"
	"github.com/imgasm/imgasm/assemble/guest"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/assemble/verify"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/derive"
	"github.com/imgasm/imgasm/kickstart"
	"github.com/imgasm/imgasm/qemu"
)

// Plan is everything that a build will do and with what.
type Plan struct {
	Spec    Spec // with its defaults filled in
	Outputs *assemble.Outputs
	Host    host.Host

	Installer Installer
	Kickstart Kickstart
	guest.Runner

	// Arguments are the installer's kernel arguments.
	Arguments []string
	// Machine runs the installation, TestMachine its verification; paths of files
	// that the build makes lie in the working folder.
	Machine, TestMachine qemu.Config
	// Timeout of the installation.
	Timeout time.Duration
	// Seed is the SHA-256 of what was asked for; identifiers come from it.
	Seed [sha256.Size]byte
	// Time is the date of everything in the media.
	Time  time.Time
	Dated bool // Time is SOURCE_DATE_EPOCH
	Steps []assemble.StepPlan
	// Notes are things worth knowing that do not stop the build.
	Notes []string
	// Cautions are things that must not be overlooked.
	Cautions []assemble.Caution

	arch       arch.Arch
	provisions provisions
	hidden     *assemble.Secrets // what is taken out of everything that is said; nil: nothing
}

// Kickstart is the kickstart that the guest will read.
type Kickstart struct {
	Name  string // the user's file, or "(embedded)"
	User  []byte // as the user wrote it, or as rendered
	Asked []byte // User, with the scripts of Spec.Provision
	Guest []byte // with our reporting sections
	// End is the command that ends the installation: "poweroff", "reboot", …; "" if none does.
	End string
	// Login is who can log in over ssh; known for the embedded kickstart only.
	Login verify.Login
	// Logins say who may log in and with what, SSHUser which of them one would try over ssh, and
	// SSHKey that this needs a key; as above.
	Logins    []string
	SSHUser   string
	SSHKey    bool
	Networked bool // something in it, or a kernel argument, may want the network
	HasPre    bool // has %pre sections, which may change what the installer reads
}

// id derives an identifier from the seed: see derive.UUID.
func (p *Plan) id(name string) string { return derive.UUID(hex.EncodeToString(p.Seed[:]), name) }

// nonce is the word by which the guest's progress lines prove that they answer this build.
func (p *Plan) nonce() string {
	h := sha256.Sum256(append(p.Seed[:], "nonce"...))
	return hex.EncodeToString(h[:8])
}

// seed hashes what was asked for: wishes of the Spec, the kickstart, and the
// installer's identity.
//
// The salts of the embedded kickstart's passwords come from it, so that whatever
// has a part in the seed has one in the kickstart's hash, which a lock demands.
// Therefore only this has a part: what the image is, by values that are the same
// on every host. Left out are
//   - how this host makes it: its accelerator, processors, memory, QEMU, firmware
//     files, network, time limits, and the places of files (what is in a kickstart
//     or a script of the user stands in the kickstart, which is hashed itself);
//   - what follows an installation: the output's name, logs, records, locks;
//   - which ISO to get and from where: what came of it is the installer's identity;
//   - arguments for the installer's kernel and how its console is read: a lock
//     compares the former by themselves;
//   - passwords: salts and identifiers are public, and must not be what a guess
//     can be held against without the cost of a password's hash.
func seed(s Spec, ks []byte, i Installer) [sha256.Size]byte {
	wish := s.Settings
	wish.RootPassword, wish.Password = "", ""
	text, err := json.Marshal(struct {
		Arch, Boot, Format string
		DiskSize           int64
		Settings           Settings
		Kickstart          []byte
		Label              string
		Size               int64
	}{s.Arch, s.Boot, strings.Join(s.Formats, ","), s.DiskSize, wish, ks, i.Label, i.Size})
	if err != nil {
		panic(err) // a struct of strings and numbers
	}
	return sha256.Sum256(text)
}

// The console modes of a Spec.
const (
	consoleDirect = "direct"
	consoleTmux   = "tmux"
)

// arguments is the installer's kernel command line. Every argument has a reason:
//   - inst.stage2 by label, and an inst.ks that names the place: a bare lookup of
//     OEMDRV gives up after 5 s and leaves the installer waiting for an answer;
//   - inst.cmdline turns every question into an error;
//   - inst.notmux, in direct mode, prints lines and not a repainted screen;
//   - inst.ksstrict, where it is wished for, makes warnings about the kickstart errors;
//   - the serial console last, because the last one is /dev/console; tty0 is
//     there for the screen dump of a failure;
//   - rd.*: a failed initramfs powers off instead of opening a shell;
//   - no_timer_check, on an emulated x86: see arch.Arch.EmulatedArg;
//   - inst.nosave, for images that many machines start from: neither kickstarts
//     nor logs are left in them;
//   - inst.proxy, where a kickstart of the user's own cannot be given it;
//   - panic=-1 ends a dead kernel where no pvpanic device tells of it.
func arguments(s Spec, a arch.Arch, label string, emulated bool) []string {
	mode := []string{"inst.cmdline"}
	if s.ConsoleMode != consoleTmux {
		mode = append(mode, "inst.notmux")
	}
	if s.KSStrict {
		mode = append(mode, "inst.ksstrict")
	}
	if s.Settings.CloudInit {
		mode = append(mode, "inst.nosave=all")
	}
	retry, timer := "20", []string(nil)
	if emulated {
		retry = "60"
		if a.EmulatedArg != "" {
			timer = []string{a.EmulatedArg}
		}
	}
	return slices.Concat([]string{
		"inst.stage2=hd:LABEL=" + iso.EscapeLabel(label),
		boot.Deliver(s.Deliver).Argument(),
	}, mode, []string{
		"console=tty0", "console=" + a.Console + ",115200n8",
		"rd.shell=0", "rd.emergency=poweroff", "rd.retry=" + retry,
		"panic=-1",
	}, timer, s.ownArguments())
}

// ownArguments are those that hold what the user has written.
func (s Spec) ownArguments() []string {
	if s.Proxy == "" || s.Kickstart == "" {
		return s.KernelArgs
	}
	return append([]string{"inst.proxy=" + s.Proxy}, s.KernelArgs...)
}

// checkKernelArgs refuses arguments that would break out of their place.
func checkKernelArgs(args []string) error {
	for _, a := range args {
		if a == "" || strings.ContainsAny(a, "\n\r\x00'`$") || strings.Count(a, `"`)%2 != 0 {
			return bad("KernelArgs", fmt.Errorf("%q is not a kernel argument", a), "give one argument a flag, such as {KernelArgs} inst.proxy=http://proxy:3128")
		}
	}
	return nil
}

// LintError is a kickstart that the installer would refuse. Its class is ErrLint.
type LintError struct {
	Name     string
	Findings []kickstart.Finding
	Strict   bool // some are errors only because Spec.KSStrict makes them so
}

// maxShown is how many findings an error lists.
const maxShown = 5

func (e *LintError) Error() string {
	text := e.Name + ": the installer would refuse this kickstart"
	for _, f := range e.Findings[:min(len(e.Findings), maxShown)] {
		text += fmt.Sprintf("\n    %s:%d:%d: %s", f.File, f.Line, f.Column, f.Text)
		if f.Hint != "" {
			text += "\n        " + f.Hint
		}
	}
	if more := len(e.Findings) - maxShown; more > 0 {
		text += fmt.Sprintf("\n    and %d more", more)
	}
	return text
}

// hint says what to do.
func (e *LintError) hint() string {
	const tooSmall, larger = "disk-too-small", "give it a larger disk, such as {DiskSize} 20G"
	rule := e.Findings[0].Rule
	switch {
	case e.Name == embeddedName && rule == tooSmall:
		return larger
	case e.Name == embeddedName:
		return e.Findings[0].Hint
	}
	text := "correct " + e.Name + "; imgasm kickstart explain " + rule + " tells more"
	if rule == tooSmall {
		text = larger + ", or " + text
	}
	if e.Strict {
		text += "; without {KSStrict} the installer would only warn of what is deprecated"
	}
	return text
}
