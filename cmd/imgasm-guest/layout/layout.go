// Package layout turns the storage commands of a kickstart into partitions of
// one disk, with Anaconda's own error texts where Anaconda would stop.
//
// The rehearsal makes plain partitions on one disk. LVM, RAID, encryption and
// file systems that it has no tool for it refuses by name.
package layout

import (
	"fmt"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/kickstart"
)

// Disk is a disk of the guest that can be installed to.
type Disk struct {
	Name      string // as in /dev: "vda"
	SizeBytes int64
}

// File systems of a Partition that have a meaning of their own, and the one
// that AlmaLinux makes by default.
const (
	EFI      = "efi"
	Swap     = "swap"
	BIOSBoot = "biosboot"
	XFS      = "xfs"
)

// leastMiB are the file systems that can be mounted and the smallest size that
// their mkfs takes.
var leastMiB = map[string]int64{XFS: 300, "ext4": 16, "ext3": 16, "ext2": 16, "vfat": 16}

// Partition is one partition, placed.
type Partition struct {
	Mount      string // "/", "/boot/efi"; empty for swap and biosboot
	FS         string // what is made: EFI, Swap, BIOSBoot, or a file system's name
	Label      string
	StartBytes int64 // multiple of Align
	SizeBytes  int64 // multiple of Align
}

// Plan says what to do with the disk.
type Plan struct {
	Disk       Disk
	Partitions []Partition // in order on the disk
	Notes      []string    // where the rehearsal does something else than was asked, as sentences
}

// Align is what partitions begin and end at: 1 MiB.
const Align = 1 << 20

// Error is an installation that Anaconda, or the rehearsal, refuses. Line is
// the kickstart's, 0 if no single one is to blame.
type Error struct {
	Line int
	Text string
	// Parse says that Anaconda reports it as an error of the kickstart file.
	Parse bool
}

func (e *Error) Error() string { return e.Text }

// request is a partition as asked for, sizes in MiB.
type request struct {
	line              int
	mount, fs         string
	label             string
	size, max         int64
	grow, recommended bool
}

// Make plans the installation of the disks by the kickstart's commands. uefi
// says by what firmware the guest was started.
func Make(commands []*kickstart.Command, disks []Disk, uefi bool) (*Plan, error) {
	disk, err := chooseDisk(commands, disks)
	if err != nil {
		return nil, err
	}
	p := &Plan{Disk: *disk}
	requests, err := collect(commands, p, uefi)
	if err != nil {
		return nil, err
	}
	if err := check(requests, uefi); err != nil {
		return nil, err
	}
	return p, p.place(requests)
}

// args decodes a command; what is wrong with it was found before.
func args(c *kickstart.Command) *kickstart.Args {
	a, _ := kickstart.Decode(c, kickstart.AlmaLinux10)
	return a
}

// chooseDisk takes the first disk that the kickstart does not exclude.
func chooseDisk(commands []*kickstart.Command, disks []Disk) (*Disk, error) {
	if len(disks) == 0 {
		return nil, &Error{Text: "No usable disks."}
	}
	exists := func(name string) bool {
		return slices.ContainsFunc(disks, func(d Disk) bool { return d.Name == strings.TrimPrefix(name, "/dev/") })
	}
	var only, ignored []string
	boot := ""
	for _, c := range commands {
		missing := func(name string) error {
			return &Error{Line: c.Pos().Line, Parse: true,
				Text: fmt.Sprintf("Disk %q given in %s command does not exist.", name, c.Name())}
		}
		a := args(c)
		var names []string
		switch c.Name() {
		case "ignoredisk":
			only = append(only, a.List("--only-use")...)
			ignored = append(ignored, a.List("--drives")...)
			names = a.List("--only-use")
		case "clearpart":
			names = a.List("--drives")
		case "part", "partition":
			if d, ok := a.String("--ondisk"); ok {
				names, boot = []string{d}, d
			}
		case "bootloader":
			if d, ok := a.String("--boot-drive"); ok {
				names, boot = []string{d}, d
			}
		}
		for _, n := range names {
			// Globs are allowed where disks are selected; whether they match is seen below.
			if !strings.ContainsAny(n, "*?[") && !exists(n) {
				return nil, missing(n)
			}
		}
	}
	var left []Disk
	for _, d := range disks {
		if (len(only) == 0 || matches(only, d.Name)) && !matches(ignored, d.Name) {
			left = append(left, d)
		}
	}
	if len(left) == 0 {
		return nil, &Error{Text: "No usable disks selected."}
	}
	for i, d := range left {
		if d.Name == strings.TrimPrefix(boot, "/dev/") {
			return &left[i], nil
		}
	}
	return &left[0], nil
}

// collect reads the partitions that the kickstart asks for.
func collect(commands []*kickstart.Command, p *Plan, uefi bool) ([]request, error) {
	var all []request
	firmware := func(line int) {
		if uefi {
			all = append(all, request{line: line, mount: "/boot/efi", fs: EFI, size: 600})
		} else {
			all = append(all, request{line: line, fs: BIOSBoot, size: 1})
		}
	}
	for _, c := range commands {
		line, a := c.Pos().Line, args(c)
		refuse := func(what string) error {
			return &Error{Line: line, Text: fmt.Sprintf("the rehearsal makes plain partitions on one disk and knows no %s (line %d of the kickstart)", what, line)}
		}
		switch c.Name() {
		case "raid", "volgroup", "logvol", "snapshot", "mount":
			return nil, refuse(c.Name())
		case "reqpart":
			firmware(line)
			if a.Flag("--add-boot") {
				all = append(all, request{line: line, mount: "/boot", fs: XFS, size: 1024})
			}
		case "autopart":
			if a.Flag("--encrypted") {
				return nil, refuse("encryption")
			}
			firmware(line)
			if !a.Flag("--noboot") {
				all = append(all, request{line: line, mount: "/boot", fs: XFS, size: 1024})
			}
			all = append(all, request{line: line, mount: "/", fs: XFS, size: 1024, grow: true})
			if kind, _ := a.String("--type"); kind != "plain" {
				p.Notes = append(p.Notes, "autopart makes plain partitions here, not logical volumes")
			}
		case "part", "partition":
			r, err := readPart(line, a, refuse)
			if err != nil {
				return nil, err
			}
			all = append(all, *r)
		}
	}
	return all, nil
}

func readPart(line int, a *kickstart.Args, refuse func(string) error) (*request, error) {
	pos := a.Positional()
	if len(pos) != 1 {
		return nil, &Error{Line: line, Parse: true, Text: "Mount point required for part"}
	}
	r := &request{line: line, mount: pos[0]}
	size, _ := a.Int("--size")
	maxSize, _ := a.Int("--maxsize")
	r.size, r.max = int64(size), int64(maxSize)
	r.grow, r.recommended = a.Flag("--grow"), a.Flag("--recommended")
	r.label, _ = a.String("--label")
	r.fs, _ = a.String("--fstype")
	switch {
	case a.Flag("--encrypted"):
		return nil, refuse("encryption")
	case a.Flag("--noformat") || has(a, "--onpart"):
		return nil, refuse("existing partitions")
	case strings.HasPrefix(r.mount, "pv.") || strings.HasPrefix(r.mount, "raid.") || strings.HasPrefix(r.mount, "btrfs."):
		return nil, refuse(r.mount)
	}
	switch {
	case r.mount == "swap" || r.fs == Swap:
		r.mount, r.fs = "", Swap
		if r.recommended {
			r.size = 1024
		}
	case r.mount == "biosboot" || r.fs == BIOSBoot:
		r.mount, r.fs = "", BIOSBoot
	case r.mount == "/boot/efi" || r.fs == EFI:
		r.mount, r.fs = "/boot/efi", EFI
	case strings.HasPrefix(r.mount, "/") && r.fs == "":
		r.fs = XFS
	case strings.HasPrefix(r.mount, "/") && leastMiB[r.fs] == 0:
		return nil, refuse("file system " + r.fs)
	case strings.HasPrefix(r.mount, "/"):
	default:
		return nil, refuse("mount point " + r.mount)
	}
	if r.size == 0 && !r.grow && !r.recommended {
		return nil, &Error{Line: line, Parse: true, Text: "Partition requires a size specification"}
	}
	return r, nil
}

func has(a *kickstart.Args, option string) bool {
	_, ok := a.String(option)
	return ok
}

// check is Anaconda's storage checker, as far as it concerns plain partitions.
func check(requests []request, uefi bool) error {
	has := func(match func(request) bool) bool { return slices.ContainsFunc(requests, match) }
	if len(requests) == 0 || !has(func(r request) bool { return r.mount == "/" }) {
		return &Error{Text: "You have not defined a root partition (/), which is required for installation of AlmaLinux to continue."}
	}
	if uefi && !has(func(r request) bool { return r.fs == EFI }) {
		return &Error{Text: "For a UEFI installation, you must include an EFI System Partition on a GPT-formatted disk, mounted at /boot/efi."}
	}
	seen := map[string]bool{}
	for _, r := range requests {
		if r.mount != "" && seen[r.mount] {
			return &Error{Line: r.line, Text: fmt.Sprintf("the mount point %q is asked for twice", r.mount)}
		}
		seen[r.mount] = true
	}
	return nil
}
