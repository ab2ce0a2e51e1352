// Partitions and file systems of the target.

package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/rehearsal/failures"
	"github.com/imgasm/imgasm/cmd/imgasm-guest/ext4"
	"github.com/imgasm/imgasm/cmd/imgasm-guest/layout"
)

// prepare is the installation environment's set-up.
func (i *installer) prepare() error { return os.MkdirAll(sysimage, 0o755) }

// configureStorage partitions, formats and mounts. Failures are storage errors
// as Anaconda words them.
func (i *installer) configureStorage() error {
	if i.fail == failures.Storage {
		return &cmdlineError{"An error occurred while activating your storage configuration.\n\nUnable to allocate requested partition scheme."}
	}
	if err := i.makeStorage(); err != nil {
		return &cmdlineError{"An error occurred while activating your storage configuration.\n\n" + err.Error()}
	}
	return nil
}

func (i *installer) makeStorage() error {
	dev := "/dev/" + i.plan.Disk.Name
	f, err := os.OpenFile(dev, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	i.con.Anaconda("Creating disklabel on " + dev)
	l := disk.Layout{SizeBytes: i.plan.Disk.SizeBytes, GUID: i.guid("disk")}
	for k, p := range i.plan.Partitions {
		l.Partitions = append(l.Partitions, disk.Partition{
			Name: partitionName(p), Type: i.partitionType(p), GUID: i.guid(fmt.Sprint("partition ", k)),
			StartBytes: p.StartBytes, SizeBytes: p.SizeBytes,
		})
	}
	if err := disk.WriteGPT(f, l); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := unix.IoctlSetInt(int(f.Fd()), unix.BLKRRPART, 0); err != nil {
		return fmt.Errorf("%s: re-reading the partition table: %w", dev, err)
	}
	for k, p := range i.plan.Partitions {
		part := partitionDevice(i.plan.Disk.Name, k+1)
		i.con.Anaconda(fmt.Sprintf("Creating %s on %s", p.FS, part))
		if err := i.format(part, p, k); err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
	}
	return i.mountTarget()
}

// partitionDevice names a partition: digits at the end of the disk's name are
// parted by a "p", as in nvme0n1p1.
func partitionDevice(disk string, n int) string {
	if last := disk[len(disk)-1]; last >= '0' && last <= '9' {
		disk += "p"
	}
	return fmt.Sprintf("/dev/%s%d", disk, n)
}

func partitionName(p layout.Partition) string {
	switch {
	case p.FS == layout.EFI:
		return "EFI System Partition"
	case p.Label != "":
		return p.Label
	}
	return strings.Trim(p.Mount, "/")
}

func (i *installer) partitionType(p layout.Partition) string {
	switch {
	case p.FS == layout.EFI:
		return disk.TypeESP
	case p.FS == layout.BIOSBoot:
		return disk.TypeBIOSBoot
	case p.FS == layout.Swap:
		return disk.TypeSwap
	case p.Mount == "/boot":
		return disk.TypeBoot
	case p.Mount == "/" && i.arch == "aarch64":
		return disk.TypeRootArm64
	case p.Mount == "/":
		return disk.TypeRootX86
	}
	return disk.TypeLinux
}

// seed makes the identifiers of one installation differ from those of another
// kickstart, and the same again for the same one.
func (i *installer) seed() string {
	src, _ := os.ReadFile(ksPath)
	sum := sha256.Sum256(src)
	return fmt.Sprintf("imgasm rehearsal %x", sum)
}

func (i *installer) guid(name string) string { return disk.GUID(i.seed(), name) }

func (i *installer) format(part string, p layout.Partition, number int) error {
	f, err := waitOpen(part)
	if err != nil {
		return err
	}
	defer f.Close()
	switch p.FS {
	case layout.EFI:
		err = disk.WriteFAT32At(f, 0, disk.FAT32{
			SizeBytes: p.SizeBytes, Label: "EFI", VolumeID: disk.VolumeID(i.seed(), "esp"),
			HiddenSectors: uint32(p.StartBytes / 512), Time: time.Now().UTC(),
		}, false)
	case layout.Ext4:
		var params = ext4.Params{SizeBytes: p.SizeBytes, Label: shorten(p.Label, 16), Time: time.Now(), UUID: uuidBytes(i.guid(fmt.Sprint("file system ", number)))}
		params.Zero = func(off, n int64) error { return zeroRange(f, off, n) }
		err = ext4.Format(f, params)
		i.roots[p.Mount] = uuidHex(params.UUID[:])
	case layout.Swap:
		err = writeSwap(f, p.SizeBytes, uuidBytes(i.guid(fmt.Sprint("swap ", number))))
	}
	if err != nil {
		return err
	}
	return f.Sync()
}

// waitOpen opens a partition that the kernel may still be making.
func waitOpen(path string) (*os.File, error) {
	for n := 0; ; n++ {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err == nil || n == 50 {
			return f, err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func shorten(s string, n int) string { return s[:min(len(s), n)] }

// uuidBytes reads a UUID's hexadecimal digits; the result has version and
// variant as written.
func uuidBytes(text string) (b [16]byte) {
	text = strings.ReplaceAll(text, "-", "")
	for k := range b {
		if 2*k+2 <= len(text) {
			fmt.Sscanf(text[2*k:2*k+2], "%02x", &b[k])
		}
	}
	return b
}

// zeroRange makes part of a device read as zeroes without sending them where
// the device can do that.
func zeroRange(f *os.File, off, n int64) error {
	span := [2]uint64{uint64(off), uint64(n)}
	if err := ioctlRange(f, blkZeroOut, &span); err == nil {
		return nil
	}
	zero := make([]byte, 64<<10)
	for n > 0 {
		k, err := f.WriteAt(zero[:min(n, int64(len(zero)))], off)
		if err != nil {
			return err
		}
		off, n = off+int64(k), n-int64(k)
	}
	return nil
}

// mountTarget mounts the file systems, "/" first and then by depth, and the
// kernel's own below them.
func (i *installer) mountTarget() error {
	parts := map[string]string{}
	var mounts []string
	for k, p := range i.plan.Partitions {
		if p.Mount != "" {
			parts[p.Mount] = partitionDevice(i.plan.Disk.Name, k+1)
			mounts = append(mounts, p.Mount)
		}
	}
	sort.Strings(mounts)
	for _, m := range mounts {
		fs, options := "ext4", ""
		if m == "/boot/efi" {
			fs, options = "vfat", "umask=0077,shortname=winnt"
		}
		at := filepath.Join(sysimage, m)
		if err := os.MkdirAll(at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(parts[m], at, fs, 0, options); err != nil {
			return fmt.Errorf("mount %s on %s: %w", parts[m], at, err)
		}
	}
	os.MkdirAll(sysimage+"/tmp", 0o755)
	os.Chmod(sysimage+"/tmp", 0o777|os.ModeSticky)
	for _, m := range []string{"/proc", "/sys", "/dev", "/run"} {
		os.MkdirAll(sysimage+m, 0o755)
		if err := unix.Mount(m, sysimage+m, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("bind %s: %w", m, err)
		}
	}
	return nil
}
