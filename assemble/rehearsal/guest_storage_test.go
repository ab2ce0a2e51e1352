package rehearsal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// plan shows how the guest partitions disks ("vda" of so many GiB), one
// partition a line: mount point, file system, start and size in MiB.
func plan(t *testing.T, ks, disks, firmware string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ks.cfg")
	if err := os.WriteFile(path, []byte(ks), 0o600); err != nil {
		t.Fatal(err)
	}
	return inGuest(t, fmt.Sprintf(`have='%s'
load_late() { :; }
find_disks() { disks=(); for d in $have; do disks+=("${d%%=*}"); bytes_of[${d%%=*}]=$((${d#*=} << 30)); done; }
say() { echo "$1"; }
read_kickstart %s
plan_partitions %s
echo "$disk"; at=1
for k in "${order[@]}"; do echo "${mounts[k]} ${kinds[k]} $at+${sizes[k]}"; ((at += sizes[k])); done`, disks, path, firmware))
}

func TestGuestPartitions(t *testing.T) {
	for name, c := range map[string]struct{ ks, want, disks, firmware string }{
		"default": {ks: "ignoredisk --only-use=vda\nclearpart --all\npart /boot/efi --fstype=efi --size=200 --ondisk=vda\npart /boot --fstype=xfs --size=1024\npart / --fstype=xfs --size=3072 --grow\n",
			want: "vda\n/boot/efi efi 1+200\n/boot xfs 201+1024\n/ xfs 1225+9014\n"},
		"autopart":        {ks: "autopart --type=plain\n", want: "vda\n/boot/efi efi 1+600\n/boot xfs 601+1024\n/ xfs 1625+8614\n"},
		"autopart, BIOS":  {ks: "autopart --type=plain\n", firmware: "''", want: "vda\n biosboot 1+1\n/boot xfs 2+1024\n/ xfs 1026+9213\n"},
		"autopart, LVM":   {ks: "autopart --noboot\n", want: "rehearsal: autopart makes plain partitions here, not logical volumes\nvda\n/boot/efi efi 1+600\n/ xfs 601+9638\n"},
		"autopart noboot": {ks: "autopart --noboot --type=plain\n", want: "vda\n/boot/efi efi 1+600\n/ xfs 601+9638\n"},
		"reqpart":         {ks: "reqpart --add-boot\npart / --size=2000\npart swap --size=512\n", want: "vda\n/boot/efi efi 1+600\n/boot xfs 601+1024\n/ xfs 1625+2000\n swap 3625+512\n"},
		"three grow, two with a limit": {ks: "part / --size=100 --grow\npart /boot/efi --size=100\npart /home --size=100 --grow --maxsize=600\npart /srv --size=400 --grow --maxsize=300\n",
			want: "vda\n/boot/efi efi 1+100\n/home xfs 101+600\n/srv xfs 701+400\n/ xfs 1101+9138\n"},
		"a second disk": {ks: "part /boot/efi --size=100 --ondisk=vdb\npart / --size=100 --grow --ondisk=vdb\n", disks: "vda=1 vdb=2",
			want: "vdb\n/boot/efi efi 1+100\n/ xfs 101+1946\n"},
		"boot drive":   {ks: "bootloader --boot-drive=sdb\nautopart --type=plain --noboot\n", disks: "sda=9 sdb=2", want: "sdb\n/boot/efi efi 1+600\n/ xfs 601+1446\n"},
		"ignored disk": {ks: "ignoredisk --drives=vda\nautopart --type=plain --noboot\n", disks: "vda=9 vdb=2", want: "vdb\n/boot/efi efi 1+600\n/ xfs 601+1446\n"},
		"glob":         {ks: "ignoredisk --only-use=vd?\nautopart --type=plain --noboot\n", disks: "sda=9 vdb=2", want: "vdb\n/boot/efi efi 1+600\n/ xfs 601+1446\n"},
		"swap by type": {ks: "part /boot/efi --size=64\npart swap --recommended\npart / --fstype=ext4 --size=1000 --label=root\n", want: "vda\n/boot/efi efi 1+64\n swap 65+1024\n/ ext4 1089+1000\n"},

		"no disk":         {ks: "autopart\n", disks: " ", want: "error: No usable disks."},
		"all ignored":     {ks: "ignoredisk --drives=vda\nautopart\n", want: "error: No usable disks selected."},
		"unknown disk":    {ks: "zerombr\nclearpart --all --drives=sda\n", want: `kickstart line 2: Disk "sda" given in clearpart command does not exist.`},
		"unknown only":    {ks: "ignoredisk --only-use=nvme0n1\n", want: `kickstart line 1: Disk "nvme0n1" given in ignoredisk command does not exist.`},
		"nothing":         {ks: "zerombr\n", want: "error: You have not defined a root partition"},
		"no ESP":          {ks: "part / --size=1000\n", want: "error: For a UEFI installation, you must include an EFI System Partition"},
		"too large":       {ks: "part /boot/efi --size=64\npart / --size=20000\n", want: "error: Unable to allocate requested partition scheme. (9826 MiB more are needed on vda.)"},
		"twice":           {ks: "part /boot/efi --size=64\npart / --size=100\npart / --size=100\n", want: `error: the mount point "/" is asked for twice`},
		"lvm":             {ks: "part pv.1 --size=1000\nvolgroup vg pv.1\n", want: "error: the rehearsal makes plain partitions on one disk and knows no pv.1 (line 1 of"},
		"logical volume":  {ks: "logvol / --vgname=vg --name=root --size=1000\n", want: "error: the rehearsal makes plain partitions on one disk and knows no logvol"},
		"encrypted":       {ks: "autopart --encrypted\n", want: "error: the rehearsal makes plain partitions on one disk and knows no encryption"},
		"encrypted part":  {ks: "part / --size=100 --encrypted\n", want: "error: the rehearsal makes plain partitions on one disk and knows no encryption"},
		"existing":        {ks: "part / --onpart=vda1\n", want: "error: the rehearsal makes plain partitions on one disk and knows no existing partitions"},
		"no tool":         {ks: "part / --fstype=btrfs --size=100\n", want: "error: the rehearsal makes plain partitions on one disk and knows no file system btrfs"},
		"no mount point":  {ks: "part --size=100\n", want: "kickstart line 1: Mount point required"},
		"no size":         {ks: "part /\n", want: "kickstart line 1: Partition requires a size"},
		"odd mount point": {ks: "part here --size=100\n", want: "error: the rehearsal makes plain partitions on one disk and knows no mount point here"},
	} {
		t.Run(name, func(t *testing.T) {
			disks, firmware := c.disks, c.firmware
			if disks == "" {
				disks = "vda=10"
			}
			if firmware == "" {
				firmware = "uefi"
			}
			if got := plan(t, c.ks, disks, firmware); got != c.want && !strings.HasPrefix(c.want, "error") && !strings.HasPrefix(c.want, "kickstart") || !strings.HasPrefix(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}
