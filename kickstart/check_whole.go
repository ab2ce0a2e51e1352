// Rules about the file as a whole: references, and what an installation
// without questions needs.

package kickstart

import (
	"slices"
	"strconv"
	"strings"
)

var (
	ruleUndefined   = newRule(Warning, "undefined-reference", "a RAID member, physical volume, volume group or pool that nothing defines")
	ruleUnusedPart  = newRule(Warning, "unused-member", "a RAID member or physical volume that nothing uses")
	ruleNoRoot      = completeness("no-root", "no file system for /")
	ruleNoESP       = completeness("no-esp", "no EFI system partition for a UEFI machine")
	ruleNoBiosboot  = completeness("no-biosboot", "no biosboot partition for a BIOS machine with GPT")
	ruleDiskTooFull = newRule(Warning, "disk-too-small", "the partitions are larger than the disk")
	ruleNoLanguage  = completeness("no-language", "no language")
	ruleNoTimezone  = completeness("no-timezone", "no time zone")
	ruleNoLogin     = completeness("no-login", "no root password and no administrator")
	ruleNoSource    = completeness("no-source", "no source of packages")
	ruleNoStorage   = completeness("no-storage", "nothing says how to lay out the disks")
	ruleNoPackagesS = completeness("no-packages", "no %packages section")
	ruleNoEnd       = completeness("no-end", "nothing says what to do at the end")
)

func completeness(name, summary string) *Rule {
	r := newRule(Warning, name, summary)
	r.Completeness = true
	return r
}

// layoutCommands are those of which one must lay out the disks.
var layoutCommands = []string{"autopart", "part", "raid", "volgroup", "logvol", "btrfs", "mount", "reqpart"}

// checkWhole looks at the file as a whole.
func (l *linter) checkWhole(f *File) {
	if l.state.unread {
		return // what lint did not see may define anything
	}
	s := &l.state.facts.storage
	readable := !l.mayHave(layoutCommands...) && !l.state.swallowed // else a definition may be among the lines that cannot be read
	if readable {
		l.checkReferences(s)
	}
	if !l.mayHave("ignoredisk") {
		l.checkIgnoredDisks()
	}
	if !l.mayHave("user") && !l.state.swallowed {
		l.checkKeyOwners()
	}
	if t := l.options.Target; t != nil && t.DiskSizeBytes > 0 && s.sizeMiB > t.DiskSizeBytes>>20 {
		l.failsAt(s.first, problem{rule: ruleDiskTooFull,
			text: "the partitions need " + strconv.FormatInt(s.sizeMiB, 10) + " MiB, the disk has " + strconv.FormatInt(t.DiskSizeBytes>>20, 10),
			hint: "make the disk larger, or the partitions smaller"})
	}
	if l.options.Fragment || l.state.swallowed || l.state.facts.first["rescue"].source != nil {
		return
	}
	if readable {
		l.checkLayout(s)
	}
	if !l.state.broken[""] {
		l.checkAnswers()
	}
}

func (l *linter) checkReferences(s *storageFacts) {
	used := map[string]bool{}
	for _, r := range s.members {
		used[r.name], used[s.arrays[r.name]] = true, true
		named := strings.HasPrefix(r.name, "raid.") || strings.HasPrefix(r.name, "pv.")
		if _, ok := s.defined[r.name]; named && !ok && !l.options.Fragment {
			l.failsAt(r.at, problem{rule: ruleUndefined, text: "nothing defines " + r.name, hint: "add part " + r.name + " --size=MIB"})
		}
	}
	if l.options.Fragment {
		return
	}
	for _, r := range s.volumes {
		if !s.groups[r.name] {
			l.failsAt(r.at, problem{rule: ruleUndefined, text: "nothing defines the volume group " + quoteWord(r.name), hint: "add volgroup " + r.name + " pv.01"})
		}
	}
	for _, r := range s.thin {
		if !s.pools[r.name] {
			l.failsAt(r.at, problem{rule: ruleUndefined, text: "nothing defines the thin pool " + quoteWord(r.name), hint: "add logvol none --thinpool for it"})
		}
	}
	for _, p := range s.parts {
		if !used[p.name] && !strings.HasPrefix(p.name, "btrfs.") {
			l.addAt(p.at, Warning, problem{rule: ruleUnusedPart, text: "nothing uses " + p.name})
		}
	}
}

// checkLayout asks for the partitions without which nothing boots.
func (l *linter) checkLayout(s *storageFacts) {
	if !s.used || s.auto {
		return
	}
	if s.required && len(s.mounts) == 0 && len(s.groups) == 0 {
		l.failsAt(s.first, problem{rule: ruleNoRoot, text: "reqpart alone makes no file system for /", hint: "add part / --size=4096 --grow"})
		return
	}
	if !s.mounts["/"] && l.state.seen["btrfs"] == 0 { // whose subvolumes are mounted too
		l.failsAt(s.first, problem{rule: ruleNoRoot, text: "no command makes a file system for /", hint: "add part / --size=4096 --grow"})
	}
	t := l.options.Target
	if t == nil || s.required {
		return
	}
	if t.Boot == "uefi" && !s.mounts["/boot/efi"] {
		l.failsAt(s.first, problem{rule: ruleNoESP, text: "a UEFI machine needs an EFI system partition",
			hint: "add part /boot/efi --fstype=efi --size=200, or reqpart"})
	}
	mounted := l.state.seen["mount"] != 0 // partitions that are there, of which a biosboot has no mount point
	if t.Boot == "bios" && !s.mounts["biosboot"] && !s.msdos && !mounted {
		l.failsAt(s.first, problem{rule: ruleNoBiosboot, text: "a BIOS machine needs a biosboot partition on a GPT disk",
			meaning: "the installer ends with \"Kickstart insufficient\"",
			hint:    "add part biosboot --fstype=biosboot --size=1, or reqpart, or clearpart --disklabel=msdos"})
	}
}

// checkAnswers asks for what the installer would ask somebody.
func (l *linter) checkAnswers() {
	f := &l.state.facts
	has := func(commands ...string) bool {
		return slices.ContainsFunc(commands, func(name string) bool { return l.state.seen[name] != 0 || l.state.broken[name] })
	}
	start := place{l.source, Word{Pos: Pos{Line: 1, Column: 1}, End: Pos{Line: 1, Column: 1}}, ""}
	ask := func(rule *Rule, stops bool, text, hint string) {
		p := problem{rule: rule, text: text, hint: hint}
		severity := Warning
		if t := l.options.Target; t != nil && stops {
			severity = Error
			p.meaning = "the installation would stop and ask, and nobody answers"
		}
		l.addAt(start, severity, p)
	}
	image := has("liveimg", "ostreesetup", "ostreecontainer", "bootc")
	if !has("lang") {
		ask(ruleNoLanguage, false, "no lang: the installer may ask for the language", "add lang en_US.UTF-8")
	}
	if !has("timezone") {
		ask(ruleNoTimezone, false, "no timezone: the installer may ask for it", "add timezone UTC --utc")
	}
	if !has("rootpw") && !f.admin && !l.state.broken["user"] {
		ask(ruleNoLogin, true, "no rootpw, and no user in the group wheel: the installer asks for one", "add rootpw --lock and user --name=admin --groups=wheel, or rootpw --iscrypted HASH")
	}
	if !has("url", "cdrom", "nfs", "harddrive", "hmc") && !image {
		t := l.options.Target
		// Without a network there is nothing that the installer could find.
		nowhere := t != nil && t.Offline && t.ISOVariant == "boot"
		ask(ruleNoSource, nowhere, "no source of packages: the installer looks for one by itself, or asks", "add url --url=…, or cdrom")
	}
	if !has(layoutCommands...) {
		ask(ruleNoStorage, true, "no command lays out the disks: the installer asks", "add clearpart --all --initlabel and autopart")
	}
	if l.state.packages.seen && !l.state.broken["%packages"] {
		l.checkProfilePackages(start)
	}
	if !l.state.packages.seen && !image && !l.state.broken["%packages"] {
		ask(ruleNoPackagesS, true, "no %packages: the installer asks for the software", "add %packages, @^minimal-environment and %end")
	}
	if f.last["end"].source == nil && !has("reboot", "poweroff", "halt", "shutdown") {
		ask(ruleNoEnd, true, "no poweroff or reboot: the installer waits for a key at the end", "add poweroff")
	}
}
