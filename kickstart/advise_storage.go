// Advice about partitions, RAID and LVM, one command at a time.

package kickstart

import (
	"slices"
	"strconv"
	"strings"
)

var (
	ruleNoSize            = newRule(Warning, "no-size", "a partition without size")
	ruleBadSize           = newRule(Warning, "bad-size", "sizes that do not fit together")
	ruleUnknownFilesystem = newRule(Warning, "unknown-filesystem", "a file system that the installer does not know")
	ruleRaidMembers       = newRule(Warning, "raid-members", "too few members for the RAID level")
	ruleMountAutopart     = newRule(Warning, "mount-with-autopart", "mount beside commands that partition")
	ruleEspFilesystem     = newRule(Warning, "esp-filesystem", "an EFI system partition with another file system")
)

// storageFacts are what the storage commands of a file define and use.
type storageFacts struct {
	used     bool            // any command that lays out disks
	auto     bool            // autopart
	required bool            // reqpart: the platform's own partitions are made
	mounts   map[string]bool // mount points, "swap" and "biosboot" too
	defined  map[string]int  // index in parts of each name
	parts    []reference     // partitions and volumes to make others of, in order
	members  []reference     // of RAIDs and volume groups
	groups   map[string]bool
	volumes  []reference // volume groups that logical volumes name
	pools    map[string]bool
	thin     []reference       // pools that thin volumes name
	arrays   map[string]string // mount points of RAIDs by their device: a volume group may name either
	sizeMiB  int64             // of what is made on the disk
	first    place
	msdos    bool
}

// reference is a name that should be defined somewhere in the file.
type reference struct {
	name string
	at   place
}

func (l *linter) storage(s *Statement) *storageFacts {
	f := &l.state.facts.storage
	if f.mounts == nil {
		f.mounts, f.defined = map[string]bool{}, map[string]int{}
		f.groups, f.pools, f.arrays = map[string]bool{}, map[string]bool{}, map[string]string{}
	}
	if !f.used {
		f.used, f.first = true, place{l.source, s.Words[0], s.Name()}
	}
	return f
}

// define notes where a name is defined; the last place counts.
func (f *storageFacts) define(name string, at place) {
	if i, again := f.defined[name]; again {
		f.parts[i].at = at
		return
	}
	f.defined[name] = len(f.parts)
	f.parts = append(f.parts, reference{name, at})
}

func adviseAutopart(l *linter, s *Statement, a *Args) {
	l.storage(s).auto = true
	if line, seen := l.state.seen["mount"]; seen {
		l.failsAtOption(s, a, "", problem{rule: ruleMountAutopart, text: "autopart and mount (line " + strconv.Itoa(line) + ") exclude each other"})
	}
}

func adviseReqpart(l *linter, s *Statement, a *Args) { l.storage(s).required = true }

// isPath reports whether a mount point is one in the file tree.
func isPath(mount string) bool { return strings.HasPrefix(mount, "/") }

// filesystems are those that the installer makes or reuses: the types, and the
// names, of blivet 3.10's formats.
var filesystems = []string{"ext2", "ext3", "ext4", "xfs", "swap", "vfat", "efi", "biosboot", "prepboot", "appleboot",
	"lvmpv", "mdmember", "btrfs", "tmpfs", "ntfs", "hfs", "hfs+", "macefi", "gfs2", "exfat", "f2fs", "jfs", "reiserfs", "iso9660", "udf", "luks",
	"PPC PReP Boot", "EFI System Partition", "BIOS Boot", "LUKS"}

func (l *linter) filesystem(s *Statement, a *Args) {
	if fs := a.String("--fstype"); fs != "" && !slices.Contains(filesystems, fs) {
		l.failsAtOption(s, a, "--fstype", l.unknownFilesystem(fs))
	}
}

func (l *linter) unknownFilesystem(fs string) problem {
	return problem{rule: ruleUnknownFilesystem, text: "the installer does not know the file system " + quoteWord(fs), hint: didYouMean(fs, filesystems)}
}

// sizes checks --size, --maxsize and --grow of a partition or volume.
func (l *linter) sizes(s *Statement, a *Args) {
	size, maxSize, hasMax := a.Int("--size"), a.Int("--maxsize"), a.Has("--maxsize")
	switch {
	case size < 0:
		l.failsAtOption(s, a, "--size", problem{rule: ruleBadSize, text: "the size is negative"})
	case hasMax && a.Has("--size") && maxSize < size:
		l.adviseAt(s, a, "--maxsize", problem{rule: ruleBadSize, text: "--maxsize=" + strconv.Itoa(maxSize) + " is less than --size=" + strconv.Itoa(size)})
	case hasMax && !a.Flag("--grow"):
		l.adviseAt(s, a, "--maxsize", problem{rule: ruleBadSize, text: "--maxsize has no effect without --grow"})
	}
}

func (l *linter) mounts(f *storageFacts, s *Statement, mount string) {
	f.mounts[mount] = true
	if isPath(mount) {
		l.duplicate(s, "mount point", mount)
	}
}

func advisePart(l *linter, s *Statement, a *Args) {
	f := l.storage(s)
	mount := a.argument(0)
	here := place{l.source, s.Words[0], s.Name()}
	l.mounts(f, s, mount)
	for _, prefix := range []string{"raid.", "pv.", "btrfs."} {
		if strings.HasPrefix(mount, prefix) {
			f.define(mount, here)
		}
	}
	l.filesystem(s, a)
	l.sizes(s, a)
	existing := a.Has("--onpart") || a.Has("--onbiosdisk")
	tmpfs := a.String("--fstype") == "tmpfs"
	if !a.Has("--size") && !existing && !a.Flag("--grow") && !a.Flag("--recommended") && !a.Flag("--hibernation") && !tmpfs {
		l.adviseAt(s, a, "", problem{rule: ruleNoSize, text: s.Name() + " " + quoteWord(mount) + " has no size",
			hint: "add --size=MIB, or --grow"})
	}
	if size := a.Int("--size"); size > 0 && !existing && !tmpfs {
		f.sizeMiB += int64(size)
	}
	if fs := a.String("--fstype"); mount == "/boot/efi" && fs != "" && fs != "efi" && fs != "vfat" && !a.Flag("--noformat") {
		l.failsAtOption(s, a, "--fstype", problem{rule: ruleEspFilesystem, text: "the EFI system partition has --fstype=" + fs,
			meaning: "the firmware reads FAT only", hint: "use --fstype=efi"})
	}
	l.diskOption(s, a, "--ondisk", []string{a.String("--ondisk")})
	l.diskOption(s, a, "--onpart", []string{a.String("--onpart")})
}

func adviseRaid(l *linter, s *Statement, a *Args) {
	f := l.storage(s)
	mount := a.argument(0)
	here := place{l.source, s.Words[0], s.Name()}
	l.mounts(f, s, mount)
	if strings.HasPrefix(mount, "pv.") || strings.HasPrefix(mount, "btrfs.") {
		f.define(mount, here)
		f.arrays[a.String("--device")] = mount
	}
	l.filesystem(s, a)
	members := a.positionals[1:]
	for _, w := range members {
		f.members = append(f.members, reference{w.Value, place{l.source, w, s.Name()}})
	}
	level := strings.TrimPrefix(strings.ToLower(a.String("--level")), "raid")
	if need := raidLevels[level] + a.Int("--spares"); len(members) > 0 && len(members) < need {
		l.failsAtOption(s, a, "--level", problem{rule: ruleRaidMembers,
			text: "RAID " + level + " needs " + strconv.Itoa(need) + " members with its spares, not " + strconv.Itoa(len(members))})
	}
}

func adviseVolgroup(l *linter, s *Statement, a *Args) {
	f := l.storage(s)
	f.groups[a.argument(0)] = true
	for _, w := range a.positionals[1:] {
		f.members = append(f.members, reference{w.Value, place{l.source, w, s.Name()}})
	}
}

func adviseLogvol(l *linter, s *Statement, a *Args) {
	f := l.storage(s)
	mount := a.argument(0)
	here := place{l.source, s.Words[0], s.Name()}
	if mount != "none" {
		l.mounts(f, s, mount)
	}
	if strings.HasPrefix(mount, "btrfs.") {
		f.define(mount, here)
	}
	l.filesystem(s, a)
	l.sizes(s, a)
	group := a.String("--vgname")
	if !a.Flag("--useexisting") && !a.Flag("--noformat") {
		f.volumes = append(f.volumes, reference{group, here})
		if a.Flag("--thin") {
			f.thin = append(f.thin, reference{group + "/" + a.String("--poolname"), here})
		}
	}
	if a.Flag("--thinpool") {
		f.pools[group+"/"+a.String("--name")] = true
	}
	for _, pv := range a.List("--cachepvs") {
		f.members = append(f.members, reference{pv, here})
	}
}

func adviseMount(l *linter, s *Statement, a *Args) {
	f := l.storage(s)
	f.mounts[a.argument(1)] = true
	l.diskOption(s, a, "", []string{a.argument(0)})
}
