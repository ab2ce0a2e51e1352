package nixdisk

// Where the system mounts what, by its own etc/fstab: the disk must be called as
// it says.

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/internal/derive"
)

// volume is how a file system and its partition are called.
type volume struct {
	label, uuid        string // of the file system
	partName, partUUID string // of the partition
}

// "LABEL=nixos", "/dev/disk/by-partuuid/…": a tag, and what a device is called
// by it where udev does not escape it.
var deviceSpec = regexp.MustCompile(`^(?:(LABEL|UUID|PARTLABEL|PARTUUID)=|/dev/disk/by-(label|uuid|partlabel|partuuid)/)([0-9A-Za-z_.+-]+)$`)

var (
	fatSerial = regexp.MustCompile(`^[0-9A-F]{4}-[0-9A-F]{4}$`)
	uuidForm  = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	fatLabel  = regexp.MustCompile(`^[0-9A-Z_-]{1,11}$`) // FAT has no small letters
	extLabel  = regexp.MustCompile(`^.{1,16}$`)
	partLabel = regexp.MustCompile(`^.{1,36}$`)
)

// espPoints are where an EFI system partition is mounted if no script says it.
var espPoints = []string{"/boot", "/efi", "/boot/efi"}

func (s *System) readFstab(f *files) error {
	table, err := f.read(s.Toplevel + "/etc/fstab")
	if err != nil {
		return fmt.Errorf("its etc/fstab: %w", err)
	}
	return s.takeFstab(inspect.ParseFstab(string(table)))
}

// takeFstab calls the disk's volumes as the entries do, and refuses entries that
// need another disk.
func (s *System) takeFstab(entries []inspect.FstabEntry) error {
	at := func(points ...string) int {
		return slices.IndexFunc(entries, func(e inspect.FstabEntry) bool { return slices.Contains(points, e.Point) })
	}
	root, esp := at("/"), at(s.loader.mountPoint)
	if s.loader.mountPoint == "" {
		esp = at(espPoints...)
	}
	const (
		rootDo = `fileSystems."/" = { device = "/dev/disk/by-label/nixos"; fsType = "ext4"; };`
		espDo  = `fileSystems."/boot" = { device = "/dev/disk/by-label/ESP"; fsType = "vfat"; };`
	)
	switch {
	case root < 0:
		return refuse(rootDo, "its fstab mounts nothing at /")
	case entries[root].Type != "ext4" && entries[root].Type != "auto":
		return refuse(rootDo, "its root is %s, and only ext4 is written", entries[root].Type)
	case esp < 0:
		return refuse(espDo, "its fstab mounts no EFI system partition at %s", cmp.Or(s.loader.mountPoint, strings.Join(espPoints, ", ")))
	case entries[esp].Type != "vfat" && entries[esp].Type != "auto":
		return refuse(espDo, "its EFI system partition, %s, is %s, and only vfat is written", entries[esp].Point, entries[esp].Type)
	}
	var ok bool
	if s.root, ok = call(entries[root].Spec, extLabel, uuidForm); !ok {
		return refuse(rootDo, "its root is to be %s, which this disk cannot be called", entries[root].Spec)
	}
	if s.esp, ok = call(entries[esp].Spec, fatLabel, fatSerial); !ok {
		return refuse(espDo, "its EFI system partition is to be %s, which one on this disk cannot be called", entries[esp].Spec)
	}
	s.complete(entries[esp].Point)
	if r, e := s.root, s.esp; r.label == e.label || r.partName == e.partName || r.partUUID == e.partUUID {
		return refuse(rootDo, "its root, %s, and its EFI system partition, %s, would have the same name", entries[root].Spec, entries[esp].Spec)
	}
	for i, e := range entries {
		if i != root && i != esp && needsDisk(e) {
			return refuse("no mount of "+e.Spec+", or with the option nofail", "line %d of its fstab mounts %s at %s, which is not on this disk", e.Line, e.Spec, e.Point)
		}
	}
	return nil
}

// call is the volume that an fstab names, if one can have that name.
func call(spec string, label, uuid *regexp.Regexp) (v volume, ok bool) {
	m := deviceSpec.FindStringSubmatch(spec)
	if m == nil {
		return v, false
	}
	value := m[3]
	switch strings.ToUpper(m[1] + m[2]) {
	case "LABEL":
		v.label = value
		return v, label.MatchString(value)
	case "UUID":
		v.uuid = value
		return v, uuid.MatchString(value)
	case "PARTLABEL":
		v.partName = value
		return v, partLabel.MatchString(value)
	}
	v.partUUID = strings.ToUpper(value)
	return v, uuidForm.MatchString(value)
}

// complete gives the volumes the names that the fstab leaves open.
func (s *System) complete(espPoint string) {
	seed := s.c.Seed
	s.root = volume{
		cmp.Or(s.root.label, "nixos"), cmp.Or(s.root.uuid, derive.UUID(seed, "nixos root")),
		cmp.Or(s.root.partName, "root"), cmp.Or(s.root.partUUID, derive.GUID(seed, "nixos root partition")),
	}
	s.esp = volume{
		cmp.Or(s.esp.label, "ESP"), s.esp.uuid,
		cmp.Or(s.esp.partName, "ESP"), cmp.Or(s.esp.partUUID, derive.GUID(seed, "nixos EFI system partition")),
	}
	s.RootLabel, s.ESPPoint = s.root.label, espPoint
}

// serial is the serial number of the EFI system partition's file system.
func (s *System) serial() uint32 {
	if s.esp.uuid == "" {
		return derive.VolumeID(s.c.Seed, "nixos EFI system partition")
	}
	n, _ := strconv.ParseUint(strings.Replace(s.esp.uuid, "-", "", 1), 16, 32) // as fatSerial has it
	return uint32(n)
}

// needsDisk tells whether a system does not boot without the device of an entry:
// it waits for each that has no nofail or noauto.
func needsDisk(e inspect.FstabEntry) bool {
	options := strings.Split(e.Options, ",")
	device := strings.HasPrefix(e.Spec, "/dev/") || strings.Contains(e.Spec, "=") || e.Type == "zfs" // of a pool, by its name
	return device && !slices.Contains(options, "nofail") && !slices.Contains(options, "noauto")
}
