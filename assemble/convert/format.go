// The table of formats.

package convert

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/fault"
)

// Format is what a disk can be written as.
type Format struct {
	Name    string   // "qcow2"
	Text    string   // what it is, in a few words
	Endings []string // of files, the usual one first: ".qcow2"
	// Targets are the products for which it is the right one: "lima".
	Targets []string
	// Compressions are those from which one can choose, the default first; none
	// where there is no choice. A format that has them has clusters too.
	Compressions []qcow2.Compression
	// Multiple is what the size of a disk is rounded up to, in bytes. Where that
	// is more than a sector, no disk is empty.
	Multiple int64
	MaxBytes int64 // of a disk; 0: what the file system holds
	// Machine says that it describes a machine, and not only its disk.
	Machine bool

	write func(ctx context.Context, dst *part, src qcow2.Source, o Options) error
}

const (
	sector = 512
	mib    = 1 << 20
	gib    = 1 << 30
)

// Formats lists all formats.
func Formats() []Format {
	return []Format{
		{Name: "qcow2", Text: "QEMU's, of which a virtual machine runs", Endings: []string{".qcow2"}, Targets: []string{"lima"},
			Compressions: qcow2.Compressions(), Multiple: sector, write: writeQcow2},
		{Name: "raw", Text: "the disk's bytes, sparse", Endings: []string{".raw", ".img"}, Multiple: 1, write: writeRaw},
		{Name: "raw.zst", Text: "the disk's bytes, compressed by zstd", Endings: []string{".raw.zst", ".img.zst"}, Multiple: 1, write: writeZstd},
		{Name: "raw.gz", Text: "the disk's bytes, compressed by gzip", Endings: []string{".raw.gz", ".img.gz"}, Multiple: 1, write: writeGzip},
		{Name: "vmdk", Text: "VMware's streamOptimized", Endings: []string{".vmdk"}, Multiple: grainSize, MaxBytes: maxVMDK, write: writeVMDK},
		{Name: "ova", Text: "a machine for VMware and VirtualBox", Endings: []string{".ova"}, Targets: []string{"vmware"}, Multiple: mib, MaxBytes: maxVMDK, Machine: true, write: writeOVA},
		{Name: "vhd", Text: "fixed VHD, as Azure demands it", Endings: []string{".vhd"}, Targets: []string{"azure"}, Multiple: mib, MaxBytes: maxVHD, write: writeVHD},
		{Name: "gce", Text: "tar.gz of disk.raw, as Google Compute Engine imports it", Endings: []string{".tar.gz"}, Targets: []string{"gce"}, Multiple: gib, write: writeGCE},
		{Name: "containerdisk", Text: "KubeVirt's container with a qcow2, as an oci-archive", Endings: []string{".ociarchive", ".oci.tar"}, Targets: []string{"kubevirt"},
			Compressions: qcow2.Compressions(), Multiple: sector, Machine: true, write: writeContainerDisk},
		{Name: "vagrant", Text: "a Vagrant box for libvirt", Endings: []string{".box"}, Targets: []string{"vagrant"},
			Compressions: qcow2.Compressions(), Multiple: sector, Machine: true, write: writeBox},
	}
}

// FormatOf finds a format by its name. The error is ErrFormat.
func FormatOf(name string) (Format, error) {
	var names []string
	for _, f := range Formats() {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Format{}, &fault.Error{Class: ErrFormat, Field: "Format", Err: fmt.Errorf("%q is none of %s", name, strings.Join(names, ", "))}
}

// FormatFor finds the format that a target wants: "azure". It has those
// compressions only that the target reads. The error is ErrFormat.
func FormatFor(target string) (Format, error) {
	for _, f := range Formats() {
		if slices.Contains(f.Targets, target) {
			if target == "lima" { // go-qcow2reader, which Lima gives no decoder of zstd
				f.Compressions = []qcow2.Compression{qcow2.Zlib, qcow2.Uncompressed}
			}
			return f, nil
		}
	}
	return Format{}, &fault.Error{Class: ErrFormat, Field: "For", Err: fmt.Errorf("%q is none of %s", target, strings.Join(Targets(), ", "))}
}

// Targets lists the targets that FormatFor knows.
func Targets() (all []string) {
	for _, f := range Formats() {
		all = append(all, f.Targets...)
	}
	return all
}

// FormatOfFile finds the format that a file's name ends as. The error is
// ErrFormat, and lists the endings.
func FormatOfFile(path string) (Format, error) {
	ending, all := Ending(path), []string{}
	for _, f := range Formats() {
		if ending != "" && slices.Contains(f.Endings, ending) {
			return f, nil
		}
		all = append(all, f.Endings...)
	}
	return Format{}, &fault.Error{
		Class: ErrFormat, Err: fmt.Errorf("%s: no format's name ends like that; there are %s", path, strings.Join(all, ", ")),
		Do: "give it another ending, or say {Format}",
	}
}

// CheckName refuses a path whose name says another format. The error is ErrFormat.
func (f Format) CheckName(path string) error {
	named, err := FormatOfFile(path)
	if err != nil || named.Name == f.Name {
		return nil // it says nothing
	}
	return &fault.Error{
		Class: ErrFormat, Err: fmt.Errorf("%s is a name of the format %s, and %s is asked for", path, named.Name, f.Name),
		Do: "name it " + strings.TrimSuffix(path, Ending(path)) + f.Endings[0],
	}
}

// Ending is how a file's name ends if it is one of a format: ".raw.gz"; else "".
func Ending(path string) (longest string) {
	name := strings.ToLower(filepath.Base(path))
	for _, f := range Formats() {
		for _, e := range f.Endings {
			if strings.HasSuffix(name, e) && len(e) > len(longest) && len(e) < len(name) {
				longest = e
			}
		}
	}
	return longest
}

// Rounded is the size of what a disk of n bytes becomes in this format.
func (f Format) Rounded(n int64) int64 {
	if n == 0 && f.Multiple > sector {
		n = 1
	}
	if n > math.MaxInt64-f.Multiple {
		return n
	}
	return (n + f.Multiple - 1) / f.Multiple * f.Multiple
}

func join(all []qcow2.Compression) string {
	var names []string
	for _, c := range all {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}
