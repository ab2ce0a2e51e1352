package layout

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/internal/derive"
	"github.com/imgasm/imgasm/kickstart"
)

const gib = int64(1) << 30

// plan shows a plan as text, one partition a line: mount, file system, start and size in MiB.
func plan(t *testing.T, ks string, disks []Disk, uefi bool) (string, *Plan, error) {
	t.Helper()
	f, err := kickstart.Parse("ks.cfg", []byte(ks))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Make(f.Commands(), disks, uefi)
	if err != nil {
		return "", nil, err
	}
	var b strings.Builder
	fmt.Fprintln(&b, p.Disk.Name)
	for _, q := range p.Partitions {
		fmt.Fprintf(&b, "%s %s %d+%d\n", q.Mount, q.FS, q.StartBytes/Align, q.SizeBytes/Align)
	}
	return b.String(), p, nil
}

var oneDisk = []Disk{{"vda", 10 * gib}}

func TestMake(t *testing.T) {
	for name, c := range map[string]struct {
		ks, want string
		disks    []Disk
		bios     bool
	}{
		"default": {ks: "ignoredisk --only-use=vda\nclearpart --all\npart /boot/efi --fstype=efi --size=200 --ondisk=vda\npart /boot --fstype=xfs --size=1024\npart / --fstype=xfs --size=3072 --grow\n",
			want: "vda\n/boot/efi efi 1+200\n/boot xfs 201+1024\n/ xfs 1225+9014\n"},
		"autopart":        {ks: "autopart --type=plain\n", want: "vda\n/boot/efi efi 1+600\n/boot xfs 601+1024\n/ xfs 1625+8614\n"},
		"autopart, BIOS":  {ks: "autopart\n", bios: true, want: "vda\n biosboot 1+1\n/boot xfs 2+1024\n/ xfs 1026+9213\n"},
		"autopart noboot": {ks: "autopart --noboot --type=plain\n", want: "vda\n/boot/efi efi 1+600\n/ xfs 601+9638\n"},
		"reqpart":         {ks: "reqpart --add-boot\npart / --size=2000\npart swap --size=512\n", want: "vda\n/boot/efi efi 1+600\n/boot xfs 601+1024\n/ xfs 1625+2000\n swap 3625+512\n"},
		"two grow, one with a limit": {ks: "part /boot/efi --size=100\npart /home --size=100 --grow --maxsize=600\npart / --size=100 --grow\n",
			want: "vda\n/boot/efi efi 1+100\n/home xfs 101+600\n/ xfs 701+9538\n"},
		"a second disk": {ks: "part /boot/efi --size=100 --ondisk=vdb\npart / --size=100 --grow --ondisk=vdb\n", disks: []Disk{{"vda", gib}, {"vdb", 2 * gib}},
			want: "vdb\n/boot/efi efi 1+100\n/ xfs 101+1946\n"},
		"boot drive":   {ks: "bootloader --boot-drive=sdb\nautopart --type=plain --noboot\n", disks: []Disk{{"sda", 9 * gib}, {"sdb", 2 * gib}}, want: "sdb\n/boot/efi efi 1+600\n/ xfs 601+1446\n"},
		"ignored disk": {ks: "ignoredisk --drives=vda\nautopart --type=plain --noboot\n", disks: []Disk{{"vda", 9 * gib}, {"vdb", 2 * gib}}, want: "vdb\n/boot/efi efi 1+600\n/ xfs 601+1446\n"},
		"glob":         {ks: "ignoredisk --only-use=vd?\nautopart --type=plain --noboot\n", disks: []Disk{{"sda", 9 * gib}, {"vdb", 2 * gib}}, want: "vdb\n/boot/efi efi 1+600\n/ xfs 601+1446\n"},
		"swap by type": {ks: "part /boot/efi --size=64\npart swap --recommended\npart / --fstype=ext4 --size=1000 --label=root\n", want: "vda\n/boot/efi efi 1+64\n swap 65+1024\n/ ext4 1089+1000\n"},
	} {
		t.Run(name, func(t *testing.T) {
			disks := c.disks
			if disks == nil {
				disks = oneDisk
			}
			got, p, err := plan(t, c.ks, disks, !c.bios)
			if err != nil || got != c.want {
				t.Fatalf("%v\ngot\n%swant\n%s", err, got, c.want)
			}
			// What is planned must be what the partition table accepts.
			l := disk.Layout{SizeBytes: p.Disk.SizeBytes, GUID: derive.GUID("test", "disk")}
			for k, q := range p.Partitions {
				l.Partitions = append(l.Partitions, disk.Partition{Name: "p", Type: disk.TypeLinux, GUID: derive.GUID("test", fmt.Sprint(k)), StartBytes: q.StartBytes, SizeBytes: q.SizeBytes})
			}
			if err := l.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestMakeSaysWhatItDoesOtherwise(t *testing.T) {
	_, p, err := plan(t, "autopart\n", oneDisk, true)
	if err != nil || len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "autopart makes plain partitions here") {
		t.Errorf("%v %v", p, err)
	}
}

func TestMakeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		ks, want string
		disks    []Disk
		line     int
		parse    bool
	}{
		"no disk":         {ks: "autopart\n", disks: []Disk{}, want: "No usable disks."},
		"all ignored":     {ks: "ignoredisk --drives=vda\nautopart\n", want: "No usable disks selected."},
		"unknown disk":    {ks: "zerombr\nclearpart --all --drives=sda\n", want: `Disk "sda" given in clearpart command does not exist.`, line: 2, parse: true},
		"unknown only":    {ks: "ignoredisk --only-use=nvme0n1\n", want: `Disk "nvme0n1" given in ignoredisk command does not exist.`, line: 1, parse: true},
		"nothing":         {ks: "zerombr\n", want: "You have not defined a root partition"},
		"no ESP":          {ks: "part / --size=1000\n", want: "you must include an EFI System Partition"},
		"too large":       {ks: "part /boot/efi --size=64\npart / --size=20000\n", want: "Unable to allocate requested partition scheme."},
		"tiny disk":       {ks: "autopart\n", disks: []Disk{{"vda", 1 << 20}}, want: "Unable to allocate requested partition scheme."},
		"twice":           {ks: "part /boot/efi --size=64\npart / --size=100\npart / --size=100\n", want: "asked for twice", line: 3},
		"lvm":             {ks: "part pv.1 --size=1000\nvolgroup vg pv.1\n", want: "pv.1", line: 1},
		"logical volume":  {ks: "logvol / --vgname=vg --name=root --size=1000\n", want: "logvol", line: 1},
		"encrypted":       {ks: "autopart --encrypted\n", want: "encryption", line: 1},
		"encrypted part":  {ks: "part / --size=100 --encrypted\n", want: "encryption", line: 1},
		"existing":        {ks: "part / --onpart=vda1\n", want: "existing partitions", line: 1},
		"no tool":         {ks: "part / --fstype=btrfs --size=100\n", want: "file system btrfs", line: 1},
		"no mount point":  {ks: "part --size=100\n", want: "Mount point required", line: 1, parse: true},
		"no size":         {ks: "part /\n", want: "requires a size", line: 1, parse: true},
		"odd mount point": {ks: "part here --size=100\n", want: "mount point here", line: 1},
	} {
		t.Run(name, func(t *testing.T) {
			disks := c.disks
			if disks == nil {
				disks = oneDisk
			}
			got, _, err := plan(t, c.ks, disks, true)
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(e.Text, c.want) || e.Line != c.line || e.Parse != c.parse {
				t.Errorf("%+v\n%s", err, got)
			}
		})
	}
}

func FuzzMake(f *testing.F) {
	f.Add("autopart\n", int64(10), true)
	f.Add("part /boot/efi --size=64\npart / --size=-1 --grow --maxsize=9\n", int64(3), true)
	f.Add("part swap --size=99999999\npart / --grow\npart /x --grow --maxsize=1\n", int64(1), false)
	f.Fuzz(func(t *testing.T, ks string, mib int64, uefi bool) {
		file, err := kickstart.Parse("ks.cfg", []byte(ks))
		if err != nil || mib < 0 || mib > 1<<30 {
			return
		}
		p, err := Make(file.Commands(), []Disk{{"vda", mib * Align}}, uefi)
		if err != nil {
			return
		}
		at := int64(Align)
		for _, q := range p.Partitions {
			if q.StartBytes < at || q.SizeBytes <= 0 {
				t.Fatalf("%+v begins before %d or is empty", q, at)
			}
			at = q.StartBytes + q.SizeBytes
		}
		if at > (mib-1)*Align {
			t.Fatalf("ends at %d of %d", at, mib*Align)
		}
	})
}
