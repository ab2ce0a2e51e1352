// Writing of initial RAM file systems: a gzip'd cpio archive in the "newc"
// format (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).

package rehearsal

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
)

// File types of cpio modes, as stat(2) has them.
const (
	cpioDir  = 0o040000
	cpioFile = 0o100000
	cpioLink = 0o120000
	cpioChar = 0o020000
)

// A cpioEntry is one file of an archive.
type cpioEntry struct {
	Name         string // path without leading slash
	Mode         uint32 // type and permissions: cpioFile|0o755
	Data         []byte // content; of a symbolic link, its target
	Major, Minor uint32 // device number of a cpioChar
}

// writeInitrd writes entries in their order, gzip'd at a level that
// compress/gzip knows. The same entries give the same bytes: owners and times
// are zero, inode numbers count up.
func writeInitrd(w io.Writer, level int, entries []cpioEntry) error {
	z, err := gzip.NewWriterLevel(w, level)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(z, 1<<16)
	c := cpioWriter{w: b}
	for i, e := range entries {
		if err := c.add(uint32(i+1), e); err != nil {
			return fmt.Errorf("initial RAM file system: %s: %w", e.Name, err)
		}
	}
	if err := c.add(0, cpioEntry{Name: "TRAILER!!!"}); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return err
	}
	return z.Close()
}

type cpioWriter struct {
	w io.Writer
	n int64
}

func (c *cpioWriter) write(p []byte) error {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return err
}

// pad fills up to a multiple of 4 bytes.
func (c *cpioWriter) pad() error {
	return c.write(make([]byte, (4-c.n%4)%4))
}

func (c *cpioWriter) add(ino uint32, e cpioEntry) error {
	if int64(len(e.Data)) > 0xffffffff {
		return fmt.Errorf("%d bytes do not fit the format", len(e.Data))
	}
	links := uint32(1)
	if e.Mode&cpioDir == cpioDir {
		links = 2
	}
	head := "070701"
	// inode, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor,
	// rdevmajor, rdevminor, namesize with its NUL, check
	for _, v := range []uint32{ino, e.Mode, 0, 0, links, 0, uint32(len(e.Data)), 0, 0, e.Major, e.Minor, uint32(len(e.Name) + 1), 0} {
		head += fmt.Sprintf("%08X", v)
	}
	if err := c.write([]byte(head + e.Name + "\x00")); err != nil {
		return err
	}
	if err := c.pad(); err != nil {
		return err
	}
	if err := c.write(e.Data); err != nil {
		return err
	}
	return c.pad()
}
