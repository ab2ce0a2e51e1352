// Block devices and the labels of the volumes on them.

package main

import (
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/imgasm/imgasm/cmd/imgasm-guest/layout"
)

// A device is a block device, with what its first blocks say.
type device struct {
	name     string // as in /dev
	size     int64
	readOnly bool
	optical  bool
	whole    bool   // a disk, not a partition
	disk     string // of a partition: the disk that it is on
	fs       string
	label    string
	uuid     string
}

func (d device) path() string { return "/dev/" + d.name }

// devices lists the block devices in the order of their names.
func devices() []device {
	dirs, _ := filepath.Glob("/sys/class/block/*")
	var all []device
	for _, dir := range dirs {
		name := filepath.Base(dir)
		if strings.HasPrefix(name, "loop") || strings.HasPrefix(name, "ram") {
			continue
		}
		d := device{
			name: name, size: readInt(dir+"/size") * 512, readOnly: readInt(dir+"/ro") != 0,
			optical: strings.HasPrefix(name, "sr"), whole: !exists(dir + "/partition"),
		}
		if d.size == 0 {
			continue
		}
		if !d.whole {
			// A link to …/block/sda/sda3.
			if at, err := filepath.EvalSymlinks(dir); err == nil {
				d.disk = filepath.Base(filepath.Dir(at))
			}
		}
		d.fs, d.label, d.uuid = identify(d.path())
		all = append(all, d)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].name < all[j].name })
	return all
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func readInt(path string) int64 {
	data, _ := os.ReadFile(path)
	n, _ := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	return n
}

func identify(path string) (fs, label, uuid string) {
	f, err := os.Open(path)
	if err != nil {
		return "", "", ""
	}
	defer f.Close()
	head := make([]byte, 36<<10)
	n, _ := f.ReadAt(head, 0)
	return superblock(head[:n])
}

// findVolume returns the first device with the label, nil if there is none.
func findVolume(label string) *device {
	for _, d := range devices() {
		if d.label == label {
			return &d
		}
	}
	return nil
}

// findMedium does the same for stage 2, and as Anaconda's modules in dracut do
// passes over a partition of a disk that is itself an ISO 9660 volume.
func findMedium(label string) *device {
	all := devices()
	images := map[string]bool{}
	for _, d := range all {
		images[d.name] = d.whole && d.fs == "iso9660"
	}
	for _, d := range all {
		if d.label == label && !images[d.disk] {
			return &d
		}
	}
	return nil
}

// mountVolume mounts a device read-only or not at a folder, which is made.
func mountVolume(d *device, at string, readOnly bool) error {
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	flags := uintptr(0)
	if readOnly {
		flags = unix.MS_RDONLY
	}
	if err := unix.Mount(d.path(), at, d.fs, flags, ""); err != nil {
		return &os.PathError{Op: "mount " + d.path() + " on", Path: at, Err: err}
	}
	return nil
}

// targets are the disks that can be installed to: whole, writable, and not a
// medium of the installation.
func targets(all []device) []layout.Disk {
	var disks []layout.Disk
	for _, d := range all {
		if d.whole && !d.readOnly && !d.optical && d.fs != "iso9660" && d.label != "OEMDRV" {
			disks = append(disks, layout.Disk{Name: d.name, SizeBytes: d.size})
		}
	}
	return disks
}

// rootDevice finds what root=UUID=…, root=LABEL=… or root=/dev/… names.
func rootDevice(root string) *device {
	for _, d := range devices() {
		switch {
		case root == "UUID="+d.uuid && d.uuid != "", root == "LABEL="+d.label && d.label != "", root == d.path():
			return &d
		}
	}
	return nil
}
