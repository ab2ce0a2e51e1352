// What the storage commands refuse.

package kickstart

import (
	"slices"
	"strconv"
	"strings"
)

func checkAutopart(l *linter, s *Statement, a *Args) {
	l.checkPBKDF(s, a)
	if a.Flag("--hibernation") && a.Flag("--noswap") {
		l.conflict(s, a, "--noswap", "--hibernation")
	}
	// The scheme and the file system stay as an earlier autopart said.
	for _, v := range a.order {
		switch v.spec.Name() {
		case "--type":
			l.state.autopartType = strings.ToLower(v.text)
		case "--nolvm":
			l.state.autopartType = "plain"
		case "--fstype":
			l.state.autopartFstype = v.text
		}
	}
	if fs := a.String("--fstype"); fs != "" && !slices.Contains(filesystems, fs) {
		p := l.unknownFilesystem(fs)
		p.meaning = "the installer stops at it"
		l.at(s, a, "--fstype", p)
		return
	}
	if l.state.autopartFstype == "btrfs" {
		l.at(s, a, "--fstype", problem{rule: ruleInvalidValue, text: "autopart has no --fstype=btrfs",
			hint: "use xfs or ext4; for btrfs where there is one, --type=btrfs"})
		return
	}
	if l.state.autopartType != "btrfs" {
		return
	}
	if l.state.autopartFstype != "" {
		l.conflict(s, a, "--type=btrfs", "--fstype")
	}
	l.checkBtrfs(s, a, "--type")
}

// checkClearpart refuses the labels that no platform has: blivet 3.10,
// DiskLabel.get_platform_label_types.
func checkClearpart(l *linter, s *Statement, a *Args) {
	label := a.String("--disklabel")
	labels := []string{"gpt", "msdos"}
	if t := l.options.Target; t == nil || t.Arch == "" {
		labels = append(labels, "dasd", "mac") // IBM Z and old Macs
	}
	if label != "" && !slices.Contains(labels, label) {
		p := problem{rule: ruleModule, text: quoteWord(label) + " is no disk label", meaning: "the installer stops at it", hint: "use gpt or msdos"}
		if label == "mbr" {
			p.hint = "write msdos: so the installer calls the partition table of an MBR"
		}
		l.at(s, a, "--disklabel", p)
	}
}

// checkIscsi holds that all targets are bound to a network interface or none:
// blivet 3.10 has one mode for all.
func checkIscsi(l *linter, s *Statement, a *Args) {
	bound := a.String("--iface") != ""
	if first := l.state.iscsi; first == nil {
		l.state.iscsi = &iscsiMode{bound, entryPlace{l.source.file.Name, s.pos.Line}}
	} else if first.bound != bound {
		l.at(s, a, "--iface", problem{rule: ruleModule, text: "--iface must stand in all iscsi commands or in none, unlike on " + l.place(first.at),
			meaning: "the installer stops at it", hint: "add --iface to all of them, or remove it"})
	}
}

func checkIgnoredisk(l *linter, s *Statement, a *Args) {
	// Both lists stay as an earlier ignoredisk said.
	if a.Has("--drives") {
		l.state.ignored = a.List("--drives")
	}
	if a.Has("--only-use") {
		l.state.onlyUse = a.List("--only-use")
	}
	switch {
	case len(l.state.ignored) > 0 && len(l.state.onlyUse) > 0:
		l.at(s, a, "--only-use", problem{rule: ruleOptionConflict, text: "--drives and --only-use exclude each other, over all ignoredisk commands"})
	case len(l.state.ignored) == 0 && len(l.state.onlyUse) == 0:
		l.at(s, a, "", problem{rule: ruleMissingOption, text: "ignoredisk needs a disk in --drives or --only-use"})
	}
}

func checkPart(l *linter, s *Statement, a *Args) {
	mount := a.argument(0)
	fstype := a.String("--fstype")
	l.checkPBKDF(s, a)
	l.checkMkfs(s, a)
	if a.Flag("--resize") {
		if a.String("--onpart") == "" {
			l.at(s, a, "--resize", problem{rule: ruleMissingOption, text: "--resize needs --onpart"})
		}
		if a.Int("--size") == 0 {
			l.at(s, a, "--resize", problem{rule: ruleMissingOption, text: "--resize needs --size"})
		}
	}
	if fstype == "tmpfs" && (a.Flag("--grow") || a.Int("--maxsize") != 0) {
		l.at(s, a, "--grow", problem{rule: ruleOptionConflict, text: "a tmpfs has neither --grow nor --maxsize"})
	}
	if fstype == "btrfs" {
		l.checkBtrfs(s, a, "--fstype")
	} else if strings.HasPrefix(mount, "btrfs.") {
		l.checkBtrfs(s, a, "")
	}
	if mount != "swap" && !isPath(mount) {
		l.duplicate(s, "partition", mount)
	}
}

// raidLevels maps a level as written to the fewest members it works with.
var raidLevels = map[string]int{"0": 2, "1": 2, "4": 3, "5": 3, "6": 4, "10": 4}

func checkRaid(l *linter, s *Statement, a *Args) {
	l.checkPBKDF(s, a)
	l.checkMkfs(s, a)
	members := a.Positional()[1:]
	existing := a.Flag("--useexisting") || a.Flag("--noformat")
	switch {
	case len(members) == 0 && !existing:
		l.at(s, a, "", problem{rule: ruleMissingArgument, text: "raid needs its members", hint: "name them behind the mount point, as in raid.01 raid.02"})
	case len(members) > 0 && existing:
		l.at(s, a, "", problem{rule: ruleExtraArgument, text: "a RAID that exists takes no members", hint: "remove the members, or --useexisting and --noformat"})
	}
	if !existing && !a.Has("--level") {
		l.at(s, a, "", problem{rule: ruleMissingOption, text: "raid needs --level", hint: "add --level=1 (or another level)"})
	}
	if existing && a.String("--device") == "" {
		l.at(s, a, "--device", problem{rule: ruleMissingValue, text: "--device is empty"})
	}
	if a.String("--fstype") == "btrfs" {
		l.checkBtrfs(s, a, "--fstype")
	}
	for _, w := range a.dropped {
		l.add(Warning, problem{rule: ruleDroppedArgument, pos: w.Pos, end: w.End,
			text: "the installer drops the member " + quoteWord(w.Value),
			hint: "name all members in one place"})
	}
	l.duplicate(s, "RAID device", a.String("--device"))
}

func checkVolgroup(l *linter, s *Statement, a *Args) {
	existing := a.Flag("--useexisting") || a.Flag("--noformat")
	all := a.Positional()
	if len(all) == 0 {
		l.at(s, a, "", problem{rule: ruleMissingArgument, text: "volgroup needs a name"})
		return
	}
	switch volumes := all[1:]; {
	case len(volumes) == 0 && !existing:
		l.at(s, a, "", problem{rule: ruleMissingArgument, text: "volgroup needs its physical volumes", hint: "name them behind the group's name, as in pv.01"})
	case len(volumes) > 0 && existing:
		l.at(s, a, "", problem{rule: ruleExtraArgument, text: "a volume group that exists takes no physical volumes", hint: "remove them, or --useexisting and --noformat"})
	}
	if a.Int("--reserved-space") < 0 {
		l.at(s, a, "--reserved-space", problem{rule: ruleInvalidValue, text: "--reserved-space is negative"})
	}
	if n := a.Int("--reserved-percent"); a.Has("--reserved-percent") && (n <= 0 || n >= 100) {
		l.at(s, a, "--reserved-percent", problem{rule: ruleInvalidValue, text: "--reserved-percent must be from 1 to 99"})
	}
	for _, w := range a.dropped {
		l.add(Warning, problem{rule: ruleDroppedArgument, pos: w.Pos, end: w.End,
			text: "the installer drops the physical volume " + quoteWord(w.Value),
			hint: "name all physical volumes in one place"})
	}
	for _, w := range a.positionals[1:] {
		if strings.HasPrefix(w.Value, "-") {
			l.add(Warning, problem{rule: ruleDroppedArgument, pos: w.Pos, end: w.End,
				text:    "volgroup has no option " + quoteWord(w.Value),
				meaning: "the installer takes it for a physical volume"})
		}
	}
	l.duplicate(s, "volume group", all[0])
}

func checkLogvol(l *linter, s *Statement, a *Args) {
	l.checkPBKDF(s, a)
	l.checkMkfs(s, a)
	existing := a.Flag("--useexisting") || a.Flag("--noformat")
	size, percent := a.Int("--size"), a.Int("--percent")
	fail := func(option string, rule *Rule, text string) {
		l.at(s, a, option, problem{rule: rule, text: text})
	}
	if a.Flag("--resize") {
		if !existing {
			fail("--resize", ruleMissingOption, "--resize needs --useexisting")
		}
		if size == 0 {
			fail("--resize", ruleMissingOption, "--resize needs --size")
		}
	}
	if a.Flag("--thin") && a.Flag("--thinpool") {
		l.conflict(s, a, "--thin", "--thinpool")
	}
	if a.Flag("--thin") && a.String("--poolname") == "" {
		fail("--thin", ruleMissingOption, "--thin needs --poolname")
	}
	if (a.Int("--chunksize") != 0 || a.Int("--metadatasize") != 0) && !a.Flag("--thinpool") {
		option := "--chunksize"
		if !a.Has(option) {
			option = "--metadatasize"
		}
		fail(option, ruleOptionConflict, option+" is for thin pools only")
	}
	if !existing && percent == 0 && size == 0 && !a.Flag("--recommended") && !a.Flag("--hibernation") {
		l.at(s, a, "", problem{rule: ruleMissingOption, text: "logvol needs a size",
			hint: "add --size, --percent, --recommended, --hibernation, or --useexisting for one that exists"})
	}
	if percent < 0 || percent > 100 {
		fail("--percent", ruleInvalidValue, "--percent must be from 0 to 100, not "+strconv.Itoa(percent))
	}
	if size != 0 && percent != 0 {
		l.conflict(s, a, "--size", "--percent")
	}
	l.checkCache(s, a, existing)
	if a.String("--fstype") == "btrfs" {
		l.checkBtrfs(s, a, "--fstype")
	}
	l.duplicate(s, "logical volume", a.String("--vgname")+"/"+a.String("--name"))
}

func (l *linter) checkCache(s *Statement, a *Args, existing bool) {
	mode := a.String("--cachemode")
	if a.Int("--cachesize") == 0 && mode == "" && len(a.List("--cachepvs")) == 0 {
		return
	}
	option := "--cachesize"
	for _, o := range []string{"--cachemode", "--cachepvs", "--cachesize"} {
		if a.Has(o) {
			option = o
		}
	}
	fail := func(rule *Rule, text string) { l.at(s, a, option, problem{rule: rule, text: text}) }
	switch {
	case existing:
		fail(ruleOptionConflict, "a logical volume that exists cannot get a cache")
	case a.Flag("--thin"):
		fail(ruleOptionConflict, "a thin volume cannot have a cache")
	case len(a.List("--cachepvs")) == 0:
		fail(ruleMissingOption, "a cache needs --cachepvs")
	case a.Int("--cachesize") == 0:
		fail(ruleMissingOption, "a cache needs --cachesize")
	case mode != "" && mode != "writeback" && mode != "writethrough":
		l.at(s, a, "--cachemode", problem{rule: ruleInvalidValue, text: strconv.Quote(mode) + " is not a value of --cachemode", hint: "use writeback or writethrough"})
	}
}

func checkMount(l *linter, s *Statement, a *Args) {
	mount := a.argument(1)
	if strings.ToLower(mount) != "none" && !strings.HasPrefix(mount, "/") {
		w := a.positionals[1]
		l.add(Error, problem{rule: ruleInvalidValue, pos: w.Pos, end: w.End,
			text: quoteWord(mount) + " is not a mount point", hint: "write a path that begins with a slash, or none"})
	}
	if a.String("--mkfsoptions") != "" {
		// "--reformat=" counts as formatting, as the reference has it.
		if !a.Has("--reformat") {
			l.at(s, a, "--mkfsoptions", problem{rule: ruleMissingOption, text: "--mkfsoptions needs --reformat"})
		}
	}
	if strings.ToLower(mount) != "none" {
		l.duplicate(s, "mount point", mount)
	}
}

func checkSnapshot(l *linter, s *Statement, a *Args) {
	name := a.String("--name")
	if at, again := l.state.snapshots[name]; again {
		l.at(s, a, "--name", problem{rule: ruleDuplicate, text: "a snapshot " + quoteWord(name) + " is defined on line " + strconv.Itoa(at) + " already"})
	} else {
		l.state.snapshots[name] = s.pos.Line
	}
	group, volume, slash := strings.Cut(a.argument(0), "/")
	if !slash || group == "" || volume == "" || strings.Contains(volume, "/") {
		w := a.positionals[0]
		l.add(Error, problem{rule: ruleInvalidValue, pos: w.Pos, end: w.End,
			text: quoteWord(w.Value) + " is not a logical volume", hint: "write it as GROUP/VOLUME"})
	}
}

func checkZfcp(l *linter, s *Statement, a *Args) {
	devnum, port, lun := a.String("--devnum") != "", a.String("--wwpn") != "", a.String("--fcplun") != ""
	if !devnum || port != lun {
		l.at(s, a, "", problem{rule: ruleMissingOption, text: "zfcp needs --devnum alone, or --devnum, --wwpn and --fcplun"})
	}
	l.duplicate(s, "zFCP device", a.String("--devnum")+" "+a.String("--wwpn")+" "+a.String("--fcplun"))
}
