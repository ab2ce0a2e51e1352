// This file reads /etc/fstab, and looks for what it names: fstab(5).

package inspect

import (
	"errors"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// FstabEntry is a line of /etc/fstab.
type FstabEntry struct {
	Line    int    `json:"line"` // 1-based
	Spec    string `json:"spec"` // "UUID=…", "/dev/vda2"
	Point   string `json:"point"`
	Type    string `json:"type"`
	Options string `json:"options,omitempty"`
	// Partition is the number of the one that it names; 0 is the whole disk, or
	// nothing.
	Partition int `json:"partition,omitempty"`
	// Problem is what is wrong with it; "" if nothing is.
	Problem string `json:"problem,omitempty"`

	volume *Volume
}

// maxMounts is how many entries are read: far more than a system has.
const maxMounts = 1000

// virtual are types of file systems that no disk holds.
var virtual = map[string]bool{
	"tmpfs": true, "proc": true, "sysfs": true, "devpts": true, "devtmpfs": true, "debugfs": true, "tracefs": true, "hugetlbfs": true,
	"cgroup": true, "cgroup2": true, "efivarfs": true, "overlay": true, "nfs": true, "nfs4": true, "cifs": true, "9p": true, "virtiofs": true, "fuse.sshfs": true,
}

func (m *Image) readFstab(root fs.FS) []FstabEntry {
	table, err := text(root, "etc/fstab", maxText)
	if errors.Is(err, fs.ErrNotExist) {
		table, err = text(root, nixosEtc+"/fstab", maxText)
	}
	if err != nil {
		return nil // a container's root has none, and Look tells of what cannot be read
	}
	all := ParseFstab(table)
	disk := rootDisk(all)
	for i := range all {
		if all[i].Problem == "" {
			m.check(&all[i], disk)
		}
	}
	return all
}

// ParseFstab reads the lines of an fstab, up to 1000 entries of it. What has too
// few fields to be one has a Problem.
func ParseFstab(table string) (all []FstabEntry) {
	for i, line := range strings.Split(table, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(all) == maxMounts {
			break
		}
		e := FstabEntry{Line: i + 1}
		if len(words) < 3 {
			e.Spec, e.Problem = words[0], "it has fewer than three fields"
			all = append(all, e)
			continue
		}
		e.Spec, e.Point, e.Type = unescaped(words[0]), unescaped(words[1]), words[2]
		if len(words) > 3 {
			e.Options = words[3]
		}
		all = append(all, e)
	}
	return all
}

// rootDisk is the disk that the entry of the root names, as "/dev/vda"; "" if it
// names none.
func rootDisk(entries []FstabEntry) string {
	for _, e := range entries {
		if part := partition.FindStringSubmatch(e.Spec); part != nil && e.Point == "/" {
			return part[1] + part[2]
		}
	}
	return ""
}

// octal is a character that fstab cannot have as it is: "\040" is a space.
var octal = regexp.MustCompile(`\\[0-7]{3}`)

func unescaped(s string) string {
	return octal.ReplaceAllStringFunc(strings.Trim(s, `"`), func(o string) string {
		n, _ := strconv.ParseUint(o[1:], 8, 16)
		return string([]byte{byte(n)})
	})
}

// check looks for what an entry names, on the disk that rootDisk has found.
func (m *Image) check(e *FstabEntry, disk string) {
	if virtual[e.Type] || strings.Contains(","+e.Options+",", ",bind,") {
		return
	}
	v, known := m.find(e.Spec, disk)
	switch {
	case !known && (strings.HasPrefix(e.Spec, "/dev/mapper/") || strings.Contains(e.Options, "nofail")):
		return // it is LUKS, or of another disk
	case v == nil && strings.Contains(e.Options, "nofail"):
		return
	case v == nil && known:
		e.Problem = "nothing in the image is " + e.Spec
		return
	case v == nil:
		return
	}
	e.Partition = v.Number
	fits := e.Type == v.Kind || e.Type == "auto" || v.Kind == "" || strings.HasPrefix(e.Type, "ext") && strings.HasPrefix(v.Kind, "ext") || e.Type == "msdos" && v.Kind == "vfat"
	if !fits {
		e.Problem = "it is " + v.Kind + ", not " + e.Type
		return
	}
	e.volume = v
}

// partition is a partition's device, its disk and number: "/dev/vda2", "/dev/nvme0n1p2".
var partition = regexp.MustCompile(`^(?:(/dev/(?:[hsv]d[a-z]|xvd[a-z]))|(/dev/(?:nvme\d+n\d+|mmcblk\d+))p)(\d+)$`)

// firstDisks are the names that a machine's only disk has.
var firstDisks = []string{"/dev/hda", "/dev/sda", "/dev/vda", "/dev/xvda", "/dev/nvme0n1", "/dev/mmcblk0"}

// find returns the volume that fstab or a kernel's root= means, and whether the
// words are such as name one. disk is the name that the system has for the image;
// "" is any of firstDisks. A partition of another disk is not in the image.
func (m *Image) find(spec, disk string) (*Volume, bool) {
	tag, value, _ := strings.Cut(spec, "=")
	value = strings.Trim(value, `"'`)
	for prefix, as := range map[string]string{"/dev/disk/by-uuid/": "UUID", "/dev/disk/by-label/": "LABEL", "/dev/disk/by-partuuid/": "PARTUUID", "/dev/disk/by-partlabel/": "PARTLABEL"} {
		if rest, ok := strings.CutPrefix(spec, prefix); ok {
			tag, value = as, rest
		}
	}
	var is func(v *Volume) bool
	switch tag {
	case "UUID":
		is = func(v *Volume) bool { return strings.EqualFold(v.UUID, value) }
	case "LABEL":
		is = func(v *Volume) bool { return v.Label == value }
	case "PARTUUID":
		is = func(v *Volume) bool { return strings.EqualFold(v.PartUUID, value) }
	case "PARTLABEL":
		is = func(v *Volume) bool { return v.PartName == value }
	default:
		for i := range m.Volumes {
			if v := &m.Volumes[i]; v.isDevice(spec) {
				return v, true
			}
		}
		part := partition.FindStringSubmatch(spec)
		if part == nil {
			return nil, false
		}
		on := part[1] + part[2]
		ours := on == disk || disk == "" && slices.Contains(firstDisks, on)
		is = func(v *Volume) bool { return ours && strconv.Itoa(v.Number) == part[3] }
	}
	for i := range m.Volumes {
		if v := &m.Volumes[i]; is(v) && (value != "" || tag == spec) {
			return v, true
		}
	}
	return nil, true
}
