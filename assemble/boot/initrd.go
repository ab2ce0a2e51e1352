// This file appends files to an initial RAM file system: Linux unpacks any
// number of cpio archives that follow one another, compressed or not
// (Documentation/driver-api/early-userspace/buffer-format.rst).

package boot

import (
	"bytes"
	"io"
	"time"

	"github.com/imgasm/imgasm/internal/tree"
)

// WithFiles is initrd followed by an archive of files, owned by root, all
// dated t. A file that initrd has too is replaced. With "ks.cfg" among files,
// inst.ks=file:/ks.cfg finds the kickstart without any volume.
//
// The archive is made at once and held in memory: files should be small.
// initrd is read when the result is.
func WithFiles(initrd File, files []File, t time.Time) (File, error) {
	root, err := tree.Build(files)
	if err != nil {
		return File{}, err
	}
	var out bytes.Buffer
	a := NewArchive(&out, initrd.SizeBytes, t)
	add(a, root)
	if err := a.End(); err != nil {
		return File{}, err
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

// add writes a folder's files and folders, folders before what is in them.
func add(a *Archive, folder *tree.Node) {
	for _, n := range folder.Children {
		if n.IsDir() {
			a.Add(Entry{Name: n.Path, Mode: TypeDir | uint32(n.Mode.Perm())})
			add(a, n)
			continue
		}
		a.Add(Entry{Name: n.Path, Mode: TypeFile | uint32(n.Mode.Perm()), Contents: n.File})
	}
}
