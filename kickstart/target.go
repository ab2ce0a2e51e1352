// Rules about the machine that is about to be installed.

package kickstart

import (
	"regexp"
	"slices"
	"strings"
)

var (
	ruleNeedsNetwork = newRule(Warning, "needs-network", "a command needs the network that the guest does not have")
	ruleNoPackages   = newRule(Warning, "no-packages-on-iso", "the packages are not on the installation medium")
	ruleSourceArch   = newRule(Warning, "source-architecture", "a repository for another architecture")
	ruleIgnoredDisk  = newRule(Error, "ignored-disk", "a command names a disk that ignoredisk leaves out")
	ruleWrongDisk    = newRule(Warning, "wrong-disk", "a disk that the machine does not have")
	ruleWrongConsole = newRule(Warning, "wrong-console", "a serial console that the architecture does not have")
)

func init() {
	for _, r := range []*Rule{ruleNeedsNetwork, ruleNoPackages, ruleSourceArch, ruleWrongDisk, ruleWrongConsole, ruleHaltWaits, ruleInteractive} {
		r.NeedsTarget = true
	}
}

// sourceOnTarget holds a URL against the guest's network, medium and
// architecture.
func (l *linter) sourceOnTarget(s *Statement, a *Args, option, text string) {
	t := l.options.Target
	remote := !strings.HasPrefix(text, "file:") && !strings.HasPrefix(text, "hd:")
	if t.Offline && remote {
		hint := "write cdrom: the packages are on the medium"
		if a.Spec.Name == "repo" {
			hint = "leave it out, or name a repository of the medium: --baseurl=file:///run/install/repo/AppStream"
		}
		l.needsNetwork(s, a, option, hint)
	}
	if t.ISOVariant == "boot" && strings.HasPrefix(text, "file:///run/install/repo") {
		l.failsAtOption(s, a, option, problem{rule: ruleNoPackages, text: "the boot ISO carries no packages",
			hint: "use the minimal or dvd ISO, or a repository on a server"})
	}
	for _, other := range []string{"x86_64", "x86_64_v2", "aarch64", "ppc64le", "s390x"} {
		if t.Arch == "" || other == t.Arch || !strings.Contains(text, "/"+other+"/") {
			continue
		}
		p := problem{rule: ruleSourceArch, text: "the repository is for " + other + ", the guest is " + t.Arch}
		switch {
		case other == "x86_64" && t.Arch == "x86_64_v2":
			p.meaning = "its packages need a CPU of level x86-64-v3, unless they are noarch"
			p.hint = "use the repository in /x86_64_v2/, if there is one"
			l.adviseAt(s, a, option, p)
		case other == "x86_64_v2" && t.Arch == "x86_64": // works, on any CPU that the guest may have
		default:
			l.failsAtOption(s, a, option, p)
		}
	}
}

// mediumOnTarget is for the sources that have no URL.
func (l *linter) mediumOnTarget(s *Statement, a *Args) {
	t := l.options.Target
	switch {
	case a.Spec.Name == "cdrom" && t.ISOVariant == "boot":
		l.failsAtOption(s, a, "", problem{rule: ruleNoPackages, text: "the boot ISO carries no packages",
			hint: "use the minimal or dvd ISO, or url --url=…"})
	case a.Spec.Name == "nfs" && t.Offline:
		l.needsNetwork(s, a, "", "write cdrom: the packages are on the medium")
	}
}

// containerOnTarget is for the sources that are container images.
func containerOnTarget(l *linter, s *Statement, a *Args) {
	if t := l.options.Target; t == nil || !t.Offline {
		return
	}
	const hint = "install packages from the medium: cdrom"
	switch transport := a.String("--transport"); {
	case a.Spec.Name == "ostreecontainer" && (transport == "" || transport == "registry"):
		l.needsNetwork(s, a, "--url", hint)
	case a.Spec.Name == "bootc" && strings.HasPrefix(a.String("--source-imgref"), "registry:"):
		l.needsNetwork(s, a, "--source-imgref", hint)
	}
}

// needsNetwork is a command for which a guest without a network is no place.
func (l *linter) needsNetwork(s *Statement, a *Args, option, hint string) {
	l.failsAtOption(s, a, option, problem{rule: ruleNeedsNetwork, text: s.Name() + " needs the network, and the guest has none", hint: hint})
}

// includeOnTarget holds a file to include against the guest's network.
func (l *linter) includeOnTarget(w Word, command string) {
	t := l.options.Target
	if t == nil || !t.Offline {
		return
	}
	scheme, _, _ := strings.Cut(w.Value, ":")
	if slices.Contains([]string{"http", "https", "ftp", "nfs"}, scheme) {
		l.fails(problem{rule: ruleNeedsNetwork, pos: w.Pos, end: w.End, text: command + " of a URL needs the network, and the guest has none",
			hint: "write the lines of that file in its place"})
	}
}

// diskOption checks the disks that an option names.
func (l *linter) diskOption(s *Statement, a *Args, option string, names []string) {
	for _, name := range names {
		if disk := diskOf(strings.TrimPrefix(name, "/dev/")); disk != "" && a.Spec.Name != "ignoredisk" {
			w := s.Words[0]
			w.Pos, w.End = optionPlace(s, a, option)
			l.state.facts.disks = append(l.state.facts.disks, diskUse{disk, a.Spec.Name, place{l.source, w, s.Name()}})
		}
	}
	t := l.options.Target
	if t == nil || t.DiskName == "" {
		return
	}
	for _, name := range names {
		name = strings.TrimPrefix(name, "/dev/")
		disk := diskOf(name)
		if disk == "" || disk == t.DiskName {
			continue
		}
		bus := ""
		if t.DiskBus != "" {
			bus = " (" + t.DiskBus + ")"
		}
		l.failsAtOption(s, a, option, problem{rule: ruleWrongDisk, text: "the machine has no disk " + disk,
			meaning: "its disk is " + t.DiskName + bus,
			hint:    "write " + strings.Replace(name, disk, t.DiskName, 1)})
	}
}

// diskUse is a disk that a command names.
type diskUse struct {
	disk, command string
	at            place
}

// checkIgnoredDisks holds the disks that commands name against those that ignoredisk
// leaves, where both are kernel names.
func (l *linter) checkIgnoredDisks() {
	plain := func(names []string) (disks []string, all bool) {
		all = true
		for _, name := range names {
			disk := strings.TrimPrefix(name, "/dev/")
			if all = all && diskOf(disk) == disk; disk != "" {
				disks = append(disks, disk)
			}
		}
		return disks, all
	}
	only, allPlain := plain(l.state.onlyUse)
	ignored, _ := plain(l.state.ignored)
	for _, use := range l.state.facts.disks {
		if !slices.Contains(ignored, use.disk) && (len(only) == 0 || !allPlain || slices.Contains(only, use.disk)) {
			continue
		}
		severity, meaning := Error, "the installer does not find it"
		if use.command == "clearpart" {
			severity, meaning = Warning, "nothing on it is cleared"
		}
		hint := "name one of the disks that are used"
		if len(only) == 1 {
			hint = "write " + only[0] + ", or add " + use.disk + " to ignoredisk --only-use"
		}
		l.addAt(use.at, severity, problem{rule: ruleIgnoredDisk, text: "ignoredisk leaves the disk " + use.disk + " out", meaning: meaning, hint: hint})
	}
}

// kernelDisk is a device name of the kernel's, such as "vda1" or "nvme0n1p2", and
// the disk in it.
var kernelDisk = regexp.MustCompile(`^(?:((?:[shv]d|xvd)[a-z]+)[0-9]*|((?:nvme[0-9]+n|mmcblk)[0-9]+)(?:p[0-9]+)?)$`)

// diskOf is the disk of a kernel device name: "vda" of "vda1". It is "" for names
// of another kind (LABEL=…, disk/by-id/…, patterns), which nobody but the installer
// can resolve.
func diskOf(name string) string {
	return kernelDisk.ReplaceAllString(kernelDisk.FindString(name), "$1$2")
}

func adviseDisks(l *linter, s *Statement, a *Args) {
	if a.Spec.Name == "clearpart" {
		l.state.facts.storage.msdos = a.String("--disklabel") == "msdos"
	}
	for _, option := range []string{"--drives", "--only-use", "--list"} {
		l.diskOption(s, a, option, a.List(option))
	}
}

// consoles are the serial consoles of the machines that QEMU emulates.
var consoles = map[string]string{"x86_64": "ttyS", "x86_64_v2": "ttyS", "aarch64": "ttyAMA"}

var (
	ruleBootPartition = newRule(Error, "bootloader-partition", "GRUB 2 does not go into a partition")
	ruleNoBootloader  = newRule(Warning, "no-bootloader", "the installed system has no boot loader")
)

func adviseBootloader(l *linter, s *Statement, a *Args) {
	t := l.options.Target
	// The installer leaves out of --driveorder what is not there (anaconda rhel-10
	// pyanaconda/modules/storage/bootloader/execution.py).
	l.diskOption(s, a, "--boot-drive", []string{a.String("--boot-drive")})
	if t == nil {
		return
	}
	if a.String("--location") == "none" || a.Flag("--disabled") {
		l.adviseAt(s, a, "", problem{rule: ruleNoBootloader, text: "the image will have no boot loader"})
	}
	want := consoles[t.Arch]
	if want == "" {
		return
	}
	for _, arg := range strings.Fields(a.String("--append")) {
		device, ok := strings.CutPrefix(arg, "console=")
		if !ok {
			continue
		}
		for arch, prefix := range consoles {
			if prefix != want && strings.HasPrefix(device, prefix) {
				l.adviseAt(s, a, "--append", problem{rule: ruleWrongConsole,
					text: device + " is a console of " + strings.TrimSuffix(arch, "_v2") + ", the guest is " + t.Arch,
					hint: "write console=" + want + "0"})
				break
			}
		}
	}
}
