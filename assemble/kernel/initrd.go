// This file appends files to an initial RAM file system: Linux unpacks any
// number of cpio archives that follow one another, compressed or not
// (Documentation/driver-api/early-userspace/buffer-format.rst).

package kernel

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/imgasm/imgasm/internal/tree"
)

// AppendToInitrd writes initrd and then an archive of files, owned by root,
// all dated t. A file that initrd has too is replaced. With "ks.cfg" among
// files, inst.ks=file:/ks.cfg finds the kickstart without any volume.
func AppendToInitrd(w io.Writer, initrd tree.File, files []tree.File, t time.Time) error {
	root, err := tree.Build(files)
	if err != nil {
		return err
	}
	if err := tree.Copy(w, initrd); err != nil {
		return err
	}
	c := &archive{w: bufio.NewWriterSize(w, 256<<10), n: initrd.SizeBytes, date: max(0, min(t.Unix(), math.MaxUint32))}
	// The kernel takes a header for one only at a multiple of 4.
	c.pad()
	c.folder(root)
	c.add(0, 0, "TRAILER!!!", tree.File{})
	if c.err != nil {
		return c.err
	}
	return c.w.Flush()
}

// archive writes cpio's "newc" format. The first error sticks.
type archive struct {
	w     *bufio.Writer
	n     int64 // bytes since the start of the initrd
	date  int64
	inode uint32
	err   error
}

func (c *archive) folder(d *tree.Node) {
	for _, n := range d.Children {
		mode := uint32(n.Mode.Perm())
		if !n.IsDir() {
			c.inode++
			c.add(c.inode, mode|0o100000, n.Path, n.File)
			continue
		}
		c.inode++
		c.add(c.inode, mode|0o040000, n.Path, tree.File{})
		c.folder(n)
	}
}

// add writes one entry: a header of 13 numbers in hexadecimal, the name, the
// contents, each padded to a multiple of 4.
func (c *archive) add(inode, mode uint32, name string, f tree.File) {
	if c.err != nil {
		return
	}
	if f.SizeBytes > math.MaxUint32 {
		c.err = fmt.Errorf("%s: %d bytes: an initial RAM file system holds files below 4 GiB", name, f.SizeBytes)
		return
	}
	links := 1
	if mode&0o040000 != 0 {
		links = 2
	}
	head := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		inode, mode, 0, 0, links, c.date, f.SizeBytes, 0, 0, 0, 0, len(name)+1, 0, name)
	k, err := c.w.WriteString(head)
	c.n += int64(k)
	c.err = err
	c.pad()
	if c.err == nil {
		c.err = tree.Copy(c.w, f)
		c.n += f.SizeBytes
	}
	c.pad()
}

func (c *archive) pad() {
	for c.err == nil && c.n%4 != 0 {
		c.err = c.w.WriteByte(0)
		c.n++
	}
}
