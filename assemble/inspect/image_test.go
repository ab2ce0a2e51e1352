package inspect_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/assemble/sbom"
	"github.com/imgasm/imgasm/internal/hosttool"
)

const (
	rootUUID = "11111111-2222-3333-4444-555555555555"
	bootUUID = "66666666-7777-8888-9999-aaaaaaaaaaaa"
	swapUUID = "bbbbbbbb-cccc-dddd-eeee-ffffffffffff"
	kernel   = "6.12.0-1.el10.x86_64"
	key      = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBpoHrnOHCMlK3Y0ktjOIkjnKDvYRpZ3Gz6xLQmwTQQp me@home"
)

// rootFiles are those of the system that writeSystem makes.
var rootFiles = map[string]string{
	"etc/fstab": `# a comment
UUID=` + rootUUID + ` / ext4 defaults 0 0
UUID=` + bootUUID + ` /boot xfs defaults 0 0
LABEL=EFI /boot/efi vfat umask=0077 0 2
PARTUUID=01234567-89ab-4cde-8f01-23456789ab04 none swap defaults 0 0
/dev/vda9 /data ext4 defaults 0 0
UUID=99999999-0000-0000-0000-000000000000 /old xfs defaults,nofail 0 0
/dev/vda2 /also ext4 defaults 0 0
/dev/mapper/vg-home /home xfs defaults 0 0
tmpfs /tmp tmpfs defaults 0 0
nonsense
`,
	"etc/hostname":                           "web\n",
	"usr/lib/os-release":                     "NAME=\"AlmaLinux\"\nID=almalinux\nVERSION_ID='10.0'\n# x=y\nPRETTY_NAME=\"AlmaLinux 10.0 (Purple Lion)\"\n",
	"etc/passwd":                             "root:x:0:0:root:/root:/bin/bash\nbin:x:1:1:bin:/bin:/usr/sbin/nologin\nadmin:x:1000:1000::/home/admin:/bin/bash\nopen:x:1001:1001::/home/open:/bin/sh\nold:hash:1002:1002::/home/old:/bin/sh\nnone:x:1003:1003::/:/bin/sh\nbroken\n",
	"etc/shadow":                             "root:$6$salt$secrethash:19000:0:99999:7:::\nbin:*:19000::::::\nadmin:!!:19000::::::\nopen::19000::::::\n",
	"etc/group":                              "wheel:x:10:admin,open\nadmin:x:1000:\n",
	"home/admin/.ssh/authorized_keys":        "# mine\n" + key + "\nnot a key\n",
	"home/admin/.bash_history":               "ls\n",
	"etc/machine-id":                         "0123456789abcdef0123456789abcdef\n",
	"etc/ssh/ssh_host_rsa_key":               "private\n",
	"etc/ssh/ssh_host_rsa_key.pub":           "public\n",
	"root/anaconda-ks.cfg":                   "text\n",
	"var/log/anaconda/anaconda.log":          "x\n",
	"var/lib/cloud/instances/i-1/sem":        "x\n",
	"var/lib/systemd/random-seed":            "x",
	"lib/modules/" + kernel + "/modules.dep": "x\n",
	"lib/modules/6.1/modules.dep":            "x\n", // no image of it: 6.13 is another
	"lib/modules/6.13/modules.dep":           "x\n",
	"lib/modules/6.14/modules.dep":           "x\n",
	"var/lib/dpkg/status": `Package: bash
Status: install ok installed
Installed-Size: 7000
Architecture: amd64
Version: 5.2-1
Description: a shell
 Package: not this one

Package: removed
Status: deinstall ok config-files
Version: 1

Package: adduser
Status: install ok installed
Architecture: all
Version: 3.1
`,
}

// pe is the beginning of an EFI executable for x86-64.
func pe() string {
	b := make([]byte, 512)
	copy(b, "MZ")
	binary.LittleEndian.PutUint32(b[60:], 128)
	copy(b[128:], "PE\x00\x00\x64\x86")
	return string(b)
}

// writeSystem makes a disk as an installation leaves it, by the tools that made
// its file systems: a GPT of an ESP, /boot (XFS), the root (ext4), swap and LVM.
func writeSystem(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, text := range rootFiles {
		write("root/"+name, text)
	}
	for _, d := range []string{"boot", "data"} {
		if err := os.Mkdir(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"etc/os-release": "../usr/lib/os-release", "etc/kernel-image": "/boot/vmlinuz-" + kernel, "etc/outside": "../../../etc/hostname"} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}

	path := blank(t, 512<<20)
	run(t, "sfdisk", "fdisk", `label: gpt
label-id: 01234567-89AB-4CDE-8F01-23456789AB00
start=1MiB, size=16MiB, type=uefi, name="EFI System Partition", uuid=01234567-89AB-4CDE-8F01-23456789AB01
size=64MiB, type=linux, name=root, uuid=01234567-89AB-4CDE-8F01-23456789AB02
size=320MiB, type=linux, uuid=01234567-89AB-4CDE-8F01-23456789AB03
size=4MiB, type=swap, uuid=01234567-89AB-4CDE-8F01-23456789AB04
size=4MiB, type=lvm, uuid=01234567-89AB-4CDE-8F01-23456789AB05
`, path)
	part := func(mib int64, tool, debianPackage string, args ...string) {
		t.Helper()
		image := blank(t, mib<<20)
		run(t, tool, debianPackage, "", append(args, image)...)
		if tool == "mkfs.vfat" {
			run(t, "mmd", "mtools", "", "-i", image, "::/EFI", "::/EFI/BOOT", "::/EFI/Linux", "::/EFI/almalinux", "::/loader", "::/loader/entries")
			run(t, "mcopy", "mtools", "", "-i", image, write("esp/loader", pe()), "::/EFI/BOOT/BOOTX64.EFI")
			run(t, "mcopy", "mtools", "", "-i", image, write("esp/uki", pe()), "::/EFI/Linux/0123-6.13+3.efi")
			run(t, "mcopy", "mtools", "", "-i", image, write("esp/4.conf", "title\tTabs\nversion \t6.14\nlinux\t/EFI/Linux/0123-6.13+3.efi\noptions\troot=LABEL=gone"), "::/loader/entries/4.conf")
			run(t, "mcopy", "mtools", "", "-i", image, write("esp/5.conf", "version\t6.14\nefi\t/EFI/Linux/0123-6.13+3.efi\n"), "::/loader/entries/5.conf")
			run(t, "mcopy", "mtools", "", "-i", image, write("esp/text", "no executable"), "::/EFI/almalinux/grub.efi")
			run(t, "mcopy", "mtools", "", "-i", image, write("esp/cfg", "x"), "::/EFI/almalinux/grub.cfg")
		}
		place(t, path, image)
	}
	part(16, "mkfs.vfat", "dosfstools", "-n", "EFI", "-i", "1a2b3c4d")
	part(64, "mke2fs", "e2fsprogs", "-q", "-t", "ext4", "-L", "root", "-U", rootUUID, "-d", root)
	entry := write("entry", "title AlmaLinux\nversion "+kernel+"\nlinux /vmlinuz-"+kernel+"\ninitrd /initramfs-"+kernel+".img $tuned_initrd\noptions root=UUID="+rootUUID+" ro\n")
	stale := write("stale", "title Stale\nlinux /vmlinuz-"+kernel+"\noptions root=UUID=99999999-0000-0000-0000-000000000000\n")
	gone := write("gone", "title Gone\nlinux /vmlinuz-1\n")
	proto := write("proto", "none\n0 0\nd--755 0 0\nvmlinuz-"+kernel+" ---644 0 0 "+entry+"\ninitramfs-"+kernel+".img ---644 0 0 "+entry+
		"\nefi d--755 0 0\n$\ngrub2 d--755 0 0\ngrub.cfg ---644 0 0 "+entry+"\n$\nloader d--755 0 0\nentries d--755 0 0\n1.conf ---644 0 0 "+entry+"\n2.conf ---644 0 0 "+stale+"\n3.conf ---644 0 0 "+gone+"\n$\n$\n$\n")
	part(320, "mkfs.xfs", "xfsprogs", "-q", "-L", "boot", "-m", "uuid="+bootUUID, "-p", proto)
	part(4, "mkswap", "util-linux", "-q", "-L", "swap", "-U", swapUUID)
	lvm := blank(t, 4<<20)
	label := make([]byte, 512)
	copy(label, "LABELONE\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x20\x00\x00\x00LVM2 0012sIqXzYwVuTsRqPoNmLkJiHgFeDcBa98")
	if err := os.WriteFile(lvm, append(make([]byte, 512), label...), 0o600); err != nil {
		t.Fatal(err)
	}
	place(t, path, lvm)
	return path
}

// place copies a volume to the first partition of its size or more that is empty.
func place(t testing.TB, disk, volume string) {
	t.Helper()
	f, err := os.OpenFile(disk, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	st, err := os.Stat(volume)
	if err != nil {
		t.Fatal(err)
	}
	m, err := inspect.Open(f, 512<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range m.Volumes {
		if v.Kind != "" || v.SizeBytes < st.Size() {
			continue
		}
		run(t, "dd", "coreutils", "", "if="+volume, "of="+disk, "bs=1M", "conv=notrunc,sparse", fmt.Sprintf("seek=%d", v.StartBytes>>20))
		return
	}
	t.Fatal("no room")
}

func openSystem(t testing.TB) (*inspect.Image, *inspect.Tree) { return openDisk(t, writeSystem(t)) }

func openDisk(t testing.TB, path string) (*inspect.Image, *inspect.Tree) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	in, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	m, err := inspect.Open(f, in.Size())
	if err != nil {
		t.Fatal(err)
	}
	tree, err := m.Tree()
	if err != nil {
		t.Fatal(err)
	}
	return m, tree
}

// TestVolumes compares with what sgdisk says, and what was asked of sfdisk and the
// mkfs programs.
func TestVolumes(t *testing.T) {
	path := writeSystem(t)
	m, _ := openDisk(t, path)
	for _, v := range m.Volumes {
		out, err := exec.Command(hosttool.Find(t, "sgdisk", "gdisk"), "-i", strconv.Itoa(v.Number), path).Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, fact := range []string{
			"GUID code: " + v.PartType, "unique GUID: " + v.PartUUID, "Partition name: '" + v.PartName + "'",
			fmt.Sprintf("First sector: %d ", v.StartBytes/512), fmt.Sprintf("Partition size: %d sectors", v.SizeBytes/512),
		} {
			if !strings.Contains(string(out), fact) {
				t.Errorf("%s: sgdisk says %s", fact, out)
			}
		}
	}
	if m.Table != "GPT" || m.DiskGUID != "01234567-89AB-4CDE-8F01-23456789AB00" || strings.Join(m.Boots, "; ") != `UEFI x86_64: \EFI\BOOT\BOOTX64.EFI (FAT16)` {
		t.Errorf("%s %s %q", m.Table, m.DiskGUID, m.Boots)
	}
	var got []string
	for _, v := range m.Volumes {
		got = append(got, fmt.Sprintf("%d %d+%d %s %q %s: %s %q %s %d %s", v.Number, v.StartBytes>>20, v.SizeBytes>>20, v.PartTypeName(), v.PartName, v.PartUUID[34:], v.Kind, v.Label, v.UUID, v.FSBytes>>20, v.Unread))
	}
	want := []string{
		`1 1+16 EFI system "EFI System Partition" 01: vfat "EFI" 1A2B-3C4D 16 `,
		`2 17+64 Linux "root" 02: ext4 "root" ` + rootUUID + ` 64 `,
		`3 81+320 Linux "" 03: xfs "boot" ` + bootUUID + ` 320 `,
		`4 401+4 Linux swap "" 04: swap "swap" ` + swapUUID + ` 0 `,
		`5 405+4 Linux LVM "" 05: LVM2_member "" 2sIqXz-YwVu-TsRq-PoNm-LkJi-HgFe-DcBa98 0 `,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTree(t *testing.T) {
	_, tree := openSystem(t)
	var mounts []string
	for _, m := range tree.Mounts {
		mounts = append(mounts, fmt.Sprintf("/%s %d", m.Point, m.Volume.Number))
	}
	if got := strings.Join(mounts, ", "); got != "/ 2, /boot 3, /boot/efi 1" {
		t.Errorf("mounts: %s", got)
	}
	for name, want := range map[string]string{
		"etc/os-release": rootFiles["usr/lib/os-release"], "etc/outside": "web\n", "boot/efi/EFI/BOOT/BOOTX64.EFI": pe(), "boot/efi/EFI/almalinux/grub.cfg": "x",
	} {
		if got, err := tree.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	// A link of the root leads to another file system.
	if in, err := tree.Stat("etc/kernel-image"); err != nil || in.Size() == 0 {
		t.Errorf("%v, %v", in, err)
	}
	if _, err := tree.Stat("boot/efi/../../etc/none"); !errors.Is(err, fs.ErrInvalid) {
		t.Error(err)
	}
	if err := fstest.TestFS(tree, "boot/efi/EFI/BOOT/BOOTX64.EFI", "boot/loader/entries/1.conf", "etc/fstab"); err != nil {
		t.Error(err)
	}
}

// TestPartition: each file system by itself.
func TestPartition(t *testing.T) {
	m, _ := openSystem(t)
	for number, name := range map[int]string{1: "EFI/BOOT/BOOTX64.EFI", 2: "boot", 3: "loader/entries/1.conf"} {
		tree, err := m.Partition(number)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tree.Stat(name); err != nil {
			t.Errorf("%d: %v", number, err)
		}
		if _, err := tree.Stat("boot/efi/EFI"); err == nil {
			t.Errorf("%d: something is mounted in it", number)
		}
	}
	for number, want := range map[int]string{5: "partition 5 is LVM2_member", 6: "there is no partition 6"} {
		if _, err := m.Partition(number); !errors.Is(err, inspect.ErrNoFiles) || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v", number, err)
		}
	}
}

// A disk whose root file system cannot be read may hold any system: its /boot, or
// its ESP, does not say that there is none.
func TestSystemTree(t *testing.T) {
	path := writeSystem(t)
	m, _ := openDisk(t, path)
	if tree, err := m.SystemTree(); err != nil || tree.Mounts[0].Volume.Number != 2 {
		t.Errorf("%+v, %v", tree, err)
	}
	luks := append([]byte("LUKS\xba\xbe\x00\x02"), make([]byte, 1<<20)...)
	run(t, "dd", "coreutils", string(luks), "of="+path, "bs=1M", "conv=notrunc", "iflag=fullblock", fmt.Sprintf("seek=%d", m.Volumes[1].StartBytes>>20))
	m, _ = openDisk(t, path)
	if _, err := m.SystemTree(); !errors.Is(err, inspect.ErrNoFiles) || !strings.Contains(err.Error(), "partition 2 is crypto_LUKS") {
		t.Error(err)
	}
	var bill sbom.Document
	if m.Describe(&bill); !strings.Contains(bill.Unknown, "crypto_LUKS") {
		t.Errorf("%q", bill.Unknown)
	}
}

func TestLook(t *testing.T) {
	m, tree := openSystem(t)
	s := m.Look(tree)
	check := func(what string, got any, want string) {
		t.Helper()
		if text := strings.TrimSpace(fmt.Sprintf("%+v", got)); text != strings.TrimSpace(want) {
			t.Errorf("%s:\ngot  %s\nwant %s", what, text, want)
		}
	}
	check("os", s.OS["PRETTY_NAME"]+s.OS["ID"]+s.OS["VERSION_ID"]+s.Hostname, "AlmaLinux 10.0 (Purple Lion)almalinux10.0web")
	check("kernels", s.Kernels, "[{Version:6.1 Image: Initrd: Modules:true} {Version:"+kernel+" Image:/boot/vmlinuz-"+kernel+" Initrd:/boot/initramfs-"+kernel+`.img Modules:true} {Version:6.13 Image:\EFI\Linux\0123-6.13+3.efi Initrd:\EFI\Linux\0123-6.13+3.efi Modules:true} {Version:6.14 Image:/EFI/Linux/0123-6.13+3.efi Initrd: Modules:true}]`)
	var entries []string
	for _, e := range s.BootEntries {
		entries = append(entries, e.Title+": "+e.Problem)
	}
	check("entries", strings.Join(entries, "; "), "AlmaLinux: ; Stale: nothing in the image is root=UUID=99999999-0000-0000-0000-000000000000; Gone: /vmlinuz-1 does not exist; Tabs: nothing in the image is root=LABEL=gone; : ")
	check("config", s.BootConfig, "[/boot/grub2/grub.cfg /boot/efi/EFI/almalinux/grub.cfg]")
	check("loaders", s.Loaders, `[{Partition:1 Path:\EFI\BOOT\BOOTX64.EFI Arch:x86_64 Bytes:512} {Partition:1 Path:\EFI\Linux\0123-6.13+3.efi Arch:x86_64 Bytes:512} {Partition:1 Path:\EFI\almalinux\grub.efi Arch: Bytes:13}]`)
	var fstab []string
	for _, e := range s.Fstab {
		fstab = append(fstab, fmt.Sprintf("%d %s %d %s", e.Line, e.Point, e.Partition, e.Problem))
	}
	check("fstab", strings.Join(fstab, "\n"), `2 / 2 
3 /boot 3 
4 /boot/efi 1 
5 none 4 
6 /data 0 nothing in the image is /dev/vda9
7 /old 0 
8 /also 2 
9 /home 0 
10 /tmp 0 
11  0 it has fewer than three fields`)
	var users []string
	for _, u := range s.Users {
		users = append(users, fmt.Sprintf("%s %s %v %v %v", u.Name, u.Password, u.CanLogin(), u.Keys, u.Groups))
	}
	check("users", strings.Join(users, "\n"), `root set true [] []
bin locked false [] []
admin locked true [SHA256:`+fingerprint(t)+` me@home (ssh-ed25519)] [wheel]
open none needed true [] [wheel]
old set true [] []
none unknown false [] []`)
	if text := fmt.Sprintf("%+v", s); strings.Contains(text, "secrethash") {
		t.Error("a hash is told")
	}
	var left []string
	for _, l := range s.Left {
		left = append(left, l.Path)
	}
	check("left", left, "[/etc/machine-id /etc/ssh/ssh_host_rsa_key /root/anaconda-ks.cfg /var/log/anaconda /var/lib/cloud/instances/i-1 /var/lib/systemd/random-seed /home/admin/.bash_history]")
	check("packages", s.Packages, "[{Name:adduser Version:3.1 Arch:all Bytes:0} {Name:bash Version:5.2-1 Arch:amd64 Bytes:7168000}]")
	check("unread", s.Unread, "[]")
}

// fingerprint is what ssh-keygen says of the key.
func fingerprint(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key.pub")
	if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(hosttool.Find(t, "ssh-keygen", "openssh-client"), "-lf", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(out), "SHA256:")
	sum, _, _ := strings.Cut(rest, " ")
	return sum
}

// TestKinds compares with blkid what volumes hold.
func TestKinds(t *testing.T) {
	for _, c := range []struct {
		mib          int64
		tool, debian string
		args         []string
	}{
		{8, "mke2fs", "e2fsprogs", []string{"-q", "-t", "ext2", "-L", "a label"}},
		{16, "mke2fs", "e2fsprogs", []string{"-q", "-t", "ext3"}},
		{64, "mke2fs", "e2fsprogs", []string{"-q", "-t", "ext4"}},
		{320, "mkfs.xfs", "xfsprogs", []string{"-q", "-L", "label"}},
		{320, "mkfs.xfs", "xfsprogs", []string{"-q", "-m", "crc=0", "-L", "old"}},
		{8, "mkfs.vfat", "dosfstools", []string{"-n", "LABEL"}},
		{64, "mkfs.vfat", "dosfstools", []string{"-F", "32"}},
		{8, "mkswap", "util-linux", []string{"-q", "-L", "pages"}},
		{8, "mkswap", "util-linux", []string{"-q", "-p", "16384"}},
		{8, "mkswap", "util-linux", []string{"-q", "-p", "65536"}},
		{128, "mkfs.btrfs", "btrfs-progs", []string{"-q", "-L", "btr"}},
		{32, "cryptsetup", "cryptsetup-bin", []string{"luksFormat", "-q", "--type", "luks2", "--label", "enc", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"}},
	} {
		t.Run(c.tool+" "+strings.Join(c.args, " "), func(t *testing.T) {
			image := blank(t, c.mib<<20)
			run(t, c.tool, c.debian, "secret", append(c.args, image)...)
			out, err := exec.Command(hosttool.Find(t, "blkid", "util-linux"), "-p", "-o", "export", image).Output()
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{}
			for line := range strings.Lines(string(out)) {
				k, v, _ := strings.Cut(strings.TrimSpace(line), "=")
				want[k] = strings.ReplaceAll(v, `\ `, " ")
			}
			f, err := os.Open(image)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			m, err := inspect.Open(f, c.mib<<20)
			if err != nil || len(m.Volumes) != 1 {
				t.Fatalf("%+v, %v", m, err)
			}
			v := m.Volumes[0]
			if v.Kind != want["TYPE"] || v.Label != want["LABEL"] || v.UUID != want["UUID"] {
				t.Errorf("%s %q %s; blkid says %s", v.Kind, v.Label, v.UUID, out)
			}
		})
	}
}

// TestDpkg compares with dpkg-query what is installed on this host, if it has dpkg.
func TestDpkg(t *testing.T) {
	query := hosttool.Find(t, "dpkg-query", "dpkg")
	status, err := os.ReadFile("/var/lib/dpkg/status")
	if err != nil {
		t.Skipf("no packages to list: %v", err)
	}
	out, err := exec.Command(query, "-W", "-f", "${db:Status-Status} ${Package} ${Version} ${Architecture} ${Installed-Size}\n").Output()
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); f[0] == "installed" {
			want = append(want, strings.Join(append(f[1:4], append(f[4:], "0")[0]), " ")) // some have no size
		}
	}
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "var/lib/dpkg"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), status, 0o644); err != nil {
		t.Fatal(err)
	}
	image := blank(t, 128<<20)
	run(t, "mke2fs", "e2fsprogs", "", "-q", "-t", "ext4", "-d", root, image)
	m, tree := openDisk(t, image)
	for _, p := range m.Look(tree).Packages {
		got = append(got, fmt.Sprintf("%s %s %s %d", p.Name, p.Version, p.Arch, p.Bytes>>10))
	}
	slices.Sort(want)
	slices.Sort(got)
	if len(got) == 0 || !slices.Equal(got, want) {
		t.Errorf("%d packages are read, dpkg-query lists %d", len(got), len(want))
	}
}

// TestBounds: a system with more of something than systems have takes no more
// memory for it, and it is told.
func TestBounds(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("etc/passwd", strings.Repeat("u:x:1:1::/home/u:/bin/sh\n", 20_000))
	write("etc/group", strings.Repeat("x", 2<<20))
	write("etc/fstab", strings.Repeat("/dev/vda1 /x ext4\n", 5000))
	write("home/u/.ssh/authorized_keys", strings.Repeat(key+"\n", 100))
	for i := range 1001 {
		write(fmt.Sprint("boot/vmlinuz-", i), "x")
		write(fmt.Sprintf("boot/efi/EFI/%d/grub.cfg", i), "x")
		write(fmt.Sprintf("boot/loader/entries/%d.conf", i), "x")
	}
	if err := os.Mkdir(filepath.Join(root, "etc/shadow"), 0o700); err != nil {
		t.Fatal(err)
	}
	image := blank(t, 32<<20)
	run(t, "mke2fs", "e2fsprogs", "", "-q", "-t", "ext4", "-d", root, image)
	m, tree := openDisk(t, image)
	s := m.Look(tree)
	if len(s.Users) > 102 || len(s.Fstab) != 1000 {
		t.Errorf("%d users, %d entries of fstab", len(s.Users), len(s.Fstab))
	}
	if len(s.Kernels) != 1000 || len(s.BootConfig) != 1000 || len(s.BootEntries) != 1000 {
		t.Errorf("%d kernels, %d configurations, %d boot entries", len(s.Kernels), len(s.BootConfig), len(s.BootEntries))
	}
	got := strings.Join(s.Unread, "; ")
	for _, want := range []string{"etc/shadow: is no regular file", "etc/group: 2097152 bytes are more", "etc/passwd: more users or keys", "kernels: only the first 1000", "boot/efi/EFI: only the first 1000", "boot entries: only the first 1000"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not told: %s", want, got)
		}
	}
}

// TestLoaderBound is TestBounds for an EFI system partition.
func TestLoaderBound(t *testing.T) {
	efi := filepath.Join(t.TempDir(), "EFI")
	if err := os.Mkdir(efi, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 1001 {
		if err := os.WriteFile(filepath.Join(efi, fmt.Sprint(i, ".efi")), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	image := blank(t, 8<<20)
	run(t, "mkfs.vfat", "dosfstools", "", image)
	run(t, "mcopy", "mtools", "", "-s", "-i", image, efi, "::/")
	m, tree := openDisk(t, image)
	if s := m.Look(tree); len(s.Loaders) != 1000 || !slices.Equal(s.Unread, []string{"loaders of partition 0: only the first 1000 are looked at"}) {
		t.Errorf("%d loaders, %q", len(s.Loaders), s.Unread)
	}
}

// TestName: a system has the best name of those that its os-release has.
func TestName(t *testing.T) {
	for _, c := range []struct {
		os   map[string]string
		want string
	}{
		{nil, ""},
		{map[string]string{"ID": "x"}, "x"},
		{map[string]string{"ID": "x", "NAME": "X", "VERSION_ID": "1"}, "X 1"},
		{map[string]string{"ID": "x", "PRETTY_NAME": "X One"}, "X One"},
	} {
		if got := (&inspect.System{OS: c.os}).Name(); got != c.want {
			t.Errorf("%v: %q", c.os, got)
		}
	}
}

// TestNothing: what holds no files is told.
func TestNothing(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty": {nil, "the disk holds nothing"},
		"zeros": {make([]byte, 1<<20), "the disk holds nothing"},
		"LUKS":  {append([]byte("LUKS\xba\xbe\x00\x02"), make([]byte, 1<<20)...), "it is crypto_LUKS"},
	} {
		m, err := inspect.Open(bytes.NewReader(c.data), int64(len(c.data)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := m.Tree(); !errors.Is(err, inspect.ErrNoFiles) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := inspect.Open(brokenDisk{}, 1<<20); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

var errBroken = errors.New("broken disk")

type brokenDisk struct{}

func (brokenDisk) ReadAt([]byte, int64) (int, error) { return 0, errBroken }

var _ io.ReaderAt = brokenDisk{}
