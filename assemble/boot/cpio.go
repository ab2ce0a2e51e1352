// This file writes cpio archives in the "newc" format, which initial RAM file
// systems are made of (Documentation/driver-api/early-userspace/buffer-format.rst).

package boot

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/imgasm/imgasm/internal/tree"
)

// File types of an Entry's mode, as stat(2) has them.
const (
	TypeDir  = 0o040000
	TypeFile = 0o100000
	TypeLink = 0o120000
	TypeChar = 0o020000
)

// File is a file of a medium: its path there, its size, and how its contents
// are opened. iso.Bytes makes one.
type File = tree.File

// Entry is one file of an archive.
type Entry struct {
	Name string // path without leading slash
	Mode uint32 // type and permissions: TypeFile|0o755
	// Contents are those of a file, or a symbolic link's target; its Path does
	// not matter. At most 4 GiB less one byte.
	Contents     File
	Major, Minor uint32 // device number of a TypeChar
}

// Archive writes entries in the order in which they are added, owned by root.
// The same entries give the same bytes: inode numbers count up. The first
// error sticks, and End returns it.
type Archive struct {
	w     io.Writer
	at    int64
	date  int64
	inode uint32
	err   error
}

// NewArchive writes to w, what stands at byte at of an initial RAM file system
// (other archives may precede it), and dates everything t; what is before 1970 becomes that.
func NewArchive(w io.Writer, at int64, t time.Time) *Archive {
	a := &Archive{w: w, at: at, date: max(0, min(t.Unix(), math.MaxUint32))}
	// The kernel takes a header for one only at a multiple of 4.
	a.pad()
	return a
}

// Add writes an entry: a header of 13 numbers in hexadecimal, the name, the
// contents, each padded to a multiple of 4.
func (a *Archive) Add(e Entry) {
	a.inode++
	a.add(a.inode, e)
}

func (a *Archive) add(inode uint32, e Entry) {
	size := e.Contents.SizeBytes
	if size > math.MaxUint32 && a.err == nil {
		a.err = fmt.Errorf("%s: %d bytes: an initial RAM file system holds files below 4 GiB", e.Name, size)
	}
	links := uint32(1)
	if e.Mode&0o170000 == TypeDir {
		links = 2
	}
	head := "070701"
	// inode, mode, owner, group, links, time, size, device, device of a
	// device file, length of the name with its NUL, checksum
	for _, v := range []uint32{inode, e.Mode, 0, 0, links, uint32(a.date), uint32(size), 0, 0, e.Major, e.Minor, uint32(len(e.Name) + 1), 0} {
		head += fmt.Sprintf("%08x", v)
	}
	a.write(head + e.Name + "\x00")
	a.pad()
	if a.err == nil {
		a.err = tree.Copy(a.w, e.Contents)
		a.at += size
	}
	a.pad()
}

// End writes the archive's end.
func (a *Archive) End() error {
	a.add(0, Entry{Name: "TRAILER!!!"})
	return a.err
}

func (a *Archive) write(s string) {
	if a.err == nil {
		_, a.err = io.WriteString(a.w, s)
		a.at += int64(len(s))
	}
}

func (a *Archive) pad() { a.write("\x00\x00\x00"[:(4-a.at%4)%4]) }
