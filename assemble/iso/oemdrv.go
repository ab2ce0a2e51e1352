// This file makes the OEMDRV volume: the small disk by which Anaconda finds
// its kickstart.

package iso

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/tree"
)

// OEMDRVLabel is the volume label that Anaconda's initramfs waits for. The
// comparison there is exact, capitals included.
const OEMDRVLabel = "OEMDRV"

// KickstartName is the only file that Anaconda takes from an OEMDRV volume.
const KickstartName = "ks.cfg"

// ErrOEMDRV is what a set of files is refused with that would not do what an
// OEMDRV volume is for.
var ErrOEMDRV = fault.Class(fault.Input, "not fit for an OEMDRV volume")

// volumeUnit is what an OEMDRV volume's size is a multiple of: partitions are
// aligned to it, and some hosts refuse disks of a few kilobytes.
const volumeUnit = 1 << 20

// plainName matches the names that fit ECMA-119's level 1 and that Linux shows
// exactly so, in lower case: "ks.cfg", "post_1.sh".
var plainName = regexp.MustCompile(`^[a-z0-9_]{1,8}(\.[a-z0-9_]{1,3})?$`)

// WriteOEMDRV writes an ISO 9660 volume with the label OEMDRV. files must hold
// "ks.cfg" and may hold anything else that the kickstart wants to read, except
// what Anaconda would take for a driver disk. Every date is t, in UTC; equal
// input gives equal bytes on every host. The size is a multiple of 1 MiB.
//
// Linux shows every name as given. Names that plain ISO 9660 can hold need no
// extension; for others the volume gets Rock Ridge names.
func WriteOEMDRV(w io.Writer, files []File, t time.Time) error {
	l, err := oemdrvLayout(files, t)
	if err != nil {
		return err
	}
	return l.write(w, OEMDRVLabel)
}

// OEMDRV is the volume that WriteOEMDRV writes, as a file to be put on another
// medium: it is made while it is read.
func OEMDRV(files []File, t time.Time) (File, error) {
	l, err := oemdrvLayout(files, t)
	if err != nil {
		return File{}, err
	}
	return File{Path: "oemdrv.iso", SizeBytes: l.end * sectorSize, Open: func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		end := func(err error) { w.CloseWithError(err) }
		go guard.Func(func() { end(l.write(w, OEMDRVLabel)) }, end)()
		return r, nil
	}}, nil
}

func oemdrvLayout(files []File, t time.Time) (*layout, error) {
	root, err := tree.Build(files)
	if err != nil {
		return nil, err
	}
	if err := CheckOEMDRV(files); err != nil {
		return nil, err
	}
	l, err := newLayout(root, t, !Plain(root))
	if err != nil {
		return nil, err
	}
	unit := int64(volumeUnit / sectorSize)
	l.end = (l.end + unit - 1) / unit * unit
	return l, nil
}

// CheckOEMDRV says whether files can go onto an OEMDRV volume and do what is
// meant. The error wraps ErrOEMDRV.
func CheckOEMDRV(files []File) error {
	seen := map[string]string{}
	var kickstart bool
	for _, f := range files {
		refuse := func(format string, args ...any) error {
			return fmt.Errorf("%s: %s: %w", f.Path, fmt.Sprintf(format, args...), ErrOEMDRV)
		}
		lower := strings.ToLower(f.Path)
		if other, ok := seen[lower]; ok {
			return refuse("differs from %s only in capitals, and ISO 9660 does not tell these apart", other)
		}
		seen[lower] = f.Path
		first, _, inFolder := strings.Cut(lower, "/")
		switch {
		case f.Path == KickstartName:
			if f.Mode.IsDir() {
				return refuse("is a folder; Anaconda wants a file")
			}
			if f.SizeBytes == 0 {
				return refuse("is empty, and Anaconda would ask for everything; imgasm kickstart render writes one to begin with")
			}
			kickstart = true
		case lower == KickstartName:
			return refuse("Anaconda looks for %q in lower case", KickstartName)
		case first == "rhdd3":
			return refuse("Anaconda takes a volume with this file for a driver disk and installs what it finds on it")
		case first == "rpms" && (inFolder || f.Mode.IsDir()):
			return refuse("Anaconda searches this folder for driver packages; name it otherwise, such as packages/")
		case !inFolder && strings.HasSuffix(lower, ".iso"):
			return refuse("Anaconda mounts top-level *.iso files as driver disks; put it into a folder")
		}
	}
	if !kickstart {
		return fmt.Errorf("no %s among the files: Anaconda reads nothing else: %w", KickstartName, ErrOEMDRV)
	}
	return nil
}

// Plain says whether every name stays what it is without Rock Ridge.
func Plain(n *Node) bool {
	for _, c := range n.Children {
		if !plainName.MatchString(c.Name) {
			return false
		}
		if c.IsDir() && (strings.Contains(c.Name, ".") || !Plain(c)) {
			return false
		}
	}
	return true
}
