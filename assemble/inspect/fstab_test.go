package inspect_test

import (
	"bytes"
	"fmt"
	"testing"
)

// A device names a partition of the image if it is of the root's disk, or else of
// a machine's first; what is not of the type that fstab says is not joined.
func TestFstabDevices(t *testing.T) {
	const rootSpec, esp, last = "UUID=11111111-2222-3333-4444-555555555555", "UUID=1A2B-3C4D /boot/efi vfat", "/dev/vda9 /gone ext4 defaults 0 0"
	for _, c := range []struct {
		root, line, want string
	}{
		{rootSpec, "/dev/vda1 /x vfat", "1 "},
		{rootSpec, "/dev/nvme0n1p1 /x vfat", "1 "},
		{rootSpec, "/dev/nvme0n12 /x ext4", "0 "}, // a whole disk
		{rootSpec, "/dev/vda1 /x ext4", "1 it is vfat, not ext4"},
		{rootSpec, "/dev/vdb1 /x vfat", "0 nothing in the image is /dev/vdb1"},
		{rootSpec, "/dev/nvme1n1p1 /x vfat", "0 nothing in the image is /dev/nvme1n1p1"},
		{"/dev/sdb2", "/dev/sdb1 /x vfat", "1 "},
		{"/dev/sdb2", "/dev/vda1 /x vfat", "0 nothing in the image is /dev/vda1"},
		{"/dev/mmcblk1p2", "/dev/mmcblk1p1 /x vfat", "1 "},
	} {
		image := bytes.Clone(base().image)
		for old, text := range map[string]string{rootSpec: c.root, last: c.line} {
			image = bytes.Replace(image, []byte(old+" "), fmt.Appendf(nil, "%-*s ", len(old), text), 1)
			image = bytes.Replace(image, []byte(old+"\n"), fmt.Appendf(nil, "%-*s\n", len(old), text), 1)
		}
		_, tree := smallTree(t, image)
		if len(tree.Fstab) != 3 || tree.Fstab[0].Partition != 2 {
			t.Errorf("%s: %+v", c.root, tree.Fstab)
			continue
		}
		if e := tree.Fstab[2]; fmt.Sprint(e.Partition, " ", e.Problem) != c.want {
			t.Errorf("root %s, %s: %d %s, want %s", c.root, c.line, e.Partition, e.Problem, c.want)
		}
	}
	_, tree := smallTree(t, bytes.Replace(base().image, []byte(esp), []byte("UUID=1A2B-3C4D /boot/efi ext4"), 1))
	if len(tree.Mounts) != 1 || tree.Fstab[1].Problem != "it is vfat, not ext4" {
		t.Errorf("%+v is joined: %+v", tree.Mounts, tree.Fstab[1])
	}
}
