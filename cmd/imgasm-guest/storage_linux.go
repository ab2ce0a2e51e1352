// Partitions and file systems of the target.

package main

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/rehearsal/failures"
	"github.com/imgasm/imgasm/cmd/imgasm-guest/layout"
	"github.com/imgasm/imgasm/internal/derive"
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
	i.con.Anaconda("Creating disklabel on " + dev)
	if err := i.run(i.partitionScript(), "sfdisk", "--wipe=always", "--wipe-partitions=always", dev); err != nil {
		return err
	}
	for k, p := range i.plan.Partitions {
		part := partitionDevice(i.plan.Disk.Name, k+1)
		i.con.Anaconda(fmt.Sprintf("Creating %s on %s", p.FS, part))
		if err := i.format(part, p); err != nil {
			return err
		}
	}
	return i.mountTarget()
}

// run runs one of the distribution's tools on a text. What it says goes to the
// log of programs, and into the error.
func (i *installer) run(input, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	i.log.Info("program", "Running... %s %s", name, strings.Join(args, " "))
	for line := range strings.Lines(string(out)) {
		i.log.Line("INFO", "program", "program: "+strings.TrimSpace(line))
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// partitionScript is what sfdisk(8) reads, in sectors of 512 bytes.
func (i *installer) partitionScript() string {
	var b strings.Builder
	fmt.Fprintf(&b, "label: gpt\nlabel-id: %s\n", i.guid("disk"))
	for k, p := range i.plan.Partitions {
		fmt.Fprintf(&b, "start=%d, size=%d, type=%s, uuid=%s, name=%q\n", p.StartBytes/512, p.SizeBytes/512,
			i.partitionType(p), i.guid(fmt.Sprint("partition ", k)), partitionName(p))
	}
	return b.String()
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

func (i *installer) guid(name string) string { return derive.GUID(i.seed(), name) }

// format makes a file system with the distribution's tool, in the way in which
// Anaconda's storage library calls it, and notes its identifier.
func (i *installer) format(part string, p layout.Partition) error {
	var args []string
	switch p.FS {
	case layout.BIOSBoot:
		return nil
	case layout.EFI, "vfat":
		args = []string{"mkfs.vfat", part}
	case layout.Swap:
		args = []string{"mkswap", part}
	case layout.XFS:
		args = []string{"mkfs.xfs", "-f", part}
	default:
		args = []string{"mkfs." + p.FS, "-F", part}
	}
	if p.Label != "" {
		name := map[string]string{"mkfs.vfat": "-n"}[args[0]]
		args = append(args, cmp.Or(name, "-L"), p.Label)
	}
	if err := i.run("", args[0], args[1:]...); err != nil {
		return err
	}
	if p.Mount != "" {
		_, _, i.roots[p.Mount] = identify(part)
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
		at := filepath.Join(sysimage, m)
		if err := os.MkdirAll(at, 0o755); err != nil {
			return err
		}
		options := ""
		if m == "/boot/efi" {
			options = "umask=0077,shortname=winnt"
		}
		fs, _, _ := identify(parts[m])
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
