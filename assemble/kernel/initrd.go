// This file appends files to an initial RAM file system: Linux unpacks any
// number of cpio archives that follow one another, compressed or not
// (Documentation/driver-api/early-userspace/buffer-format.rst).

package kernel

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/imgasm/imgasm/internal/tree"
)

// WithFiles is initrd followed by an archive of files, owned by root, all
// dated t. A file that initrd has too is replaced. With "ks.cfg" among files,
// inst.ks=file:/ks.cfg finds the kickstart without any volume.
//
// The archive is made at once and held in memory: files should be small.
// initrd is read when the result is.
func WithFiles(initrd tree.File, files []tree.File, t time.Time) (tree.File, error) {
	root, err := tree.Build(files)
	if err != nil {
		return tree.File{}, err
	}
	var out bytes.Buffer
	c := &archive{w: &out, n: initrd.SizeBytes, date: max(0, min(t.Unix(), math.MaxUint32))}
	// The kernel takes a header for one only at a multiple of 4.
	c.pad()
	c.folder(root)
	c.add(0, 0, "TRAILER!!!", tree.File{})
	if c.err != nil {
		return tree.File{}, c.err
	}
	whole := initrd
	whole.SizeBytes += int64(out.Len())
	whole.Open = func() (io.ReadCloser, error) {
		f, err := initrd.Open()
		if err != nil {
			return nil, err
		}
		return &joined{f, bytes.NewReader(out.Bytes())}, nil
	}
	return whole, nil
}

// joined reads an initrd and then what follows it.
type joined struct {
	io.ReadCloser // the initrd
	rest          *bytes.Reader
}

func (a *joined) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	switch {
	case err != io.EOF:
		return n, err
	case n > 0:
		return n, nil
	}
	return a.rest.Read(p)
}

// WriteTo lets the kernel copy the initrd, which is the most of it.
func (a *joined) WriteTo(w io.Writer) (int64, error) {
	n, err := io.Copy(w, a.ReadCloser)
	if err != nil {
		return n, err
	}
	k, err := a.rest.WriteTo(w)
	return n + k, err
}

// archive writes cpio's "newc" format. The first error sticks.
type archive struct {
	w     *bytes.Buffer
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
	c.w.WriteString(head)
	c.n += int64(len(head))
	c.pad()
	c.err = tree.Copy(c.w, f)
	c.n += f.SizeBytes
	c.pad()
}

func (c *archive) pad() {
	for ; c.n%4 != 0; c.n++ {
		c.w.WriteByte(0)
	}
}
