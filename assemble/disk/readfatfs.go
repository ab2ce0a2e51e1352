// This file makes an fs.FS of a FAT file system. Every directory must name the
// one parent that it was found in, so that walks end, whoever wrote it.

package disk

import (
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/nodefs"
)

// FS is the file system as an fs.FS, also fs.StatFS and fs.ReadDirFS. Files are
// io.ReaderAt, whose reads are fast when they go on where the last one ended.
// Case does not matter. Modes are 0755 and 0644, of what is read-only 0555 and
// 0444. Errors wrap ErrDamaged. Like f, it is for one goroutine at a time.
func (f *FAT) FS() fs.FS {
	return nodefs.FS{MaxFile: maxFATFile, Root: func() (nodefs.Node, error) {
		return &fatFile{f: f, e: fatEntry{Dir: true, ModTime: fatDate(1<<5|1, 0)}}, nil // of 1980: it has no date
	}}
}

// maxNames is what names that were looked up may take, in bytes.
const maxNames = 16 << 20

// maxFATFile is the largest file that is read as a whole, in bytes.
const maxFATFile = 256 << 20

func damagedFAT(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// fatFile is a file or directory; the root's cluster is 0, as ".." has it.
type fatFile struct {
	f      *FAT
	parent uint32
	e      fatEntry

	at    int64 // where chain reads
	chain *chainReader
}

// Mode implements nodefs.Node.
func (n *fatFile) Mode() fs.FileMode {
	mode := fs.FileMode(0o644)
	if n.e.Dir {
		mode = fs.ModeDir | 0o755
	}
	if n.e.readOnly {
		mode &^= 0o222
	}
	return mode
}

// Size implements nodefs.Node.
func (n *fatFile) Size() int64 { return n.e.SizeBytes }

// ModTime implements nodefs.Node.
func (n *fatFile) ModTime() time.Time { return n.e.ModTime }

// Sys implements nodefs.Node.
func (n *fatFile) Sys() any { return nil }

// ReadLink implements nodefs.Node.
func (n *fatFile) ReadLink() (string, error) { return "", fs.ErrInvalid }

// Lookup implements nodefs.Node. A name as it is written goes before what only
// differs by case, or is a short name.
func (n *fatFile) Lookup(name string) (nodefs.Node, error) {
	found, err := n.f.names.Lookup(uint64(n.parent)<<32|uint64(n.e.cluster), name, n.List)
	if err == nil {
		return found.Node()
	}
	entries, err := n.list()
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e := e.(*fatName); strings.EqualFold(e.e.Name, name) || strings.EqualFold(e.e.short, name) {
			return e.Node()
		}
	}
	return nil, fs.ErrNotExist
}

// List implements nodefs.Node.
func (n *fatFile) List() nodefs.Lister { return &fatLister{n: n} }

type fatLister struct{ n *fatFile }

// Next implements nodefs.Lister: all entries at once.
func (l *fatLister) Next() ([]nodefs.Entry, error) {
	if l.n == nil {
		return nil, io.EOF
	}
	entries, err := l.n.list()
	l.n = nil
	return entries, err
}

func (n *fatFile) list() ([]nodefs.Entry, error) {
	f := n.f
	d, err := f.directory(n.e.cluster)
	if err != nil {
		return nil, err
	}
	// Some write the root's own cluster where 0 should be.
	if n.e.cluster != 0 && d.parent != int64(n.parent) && (n.parent != 0 || f.Bits != 32 || d.parent != int64(f.first)) {
		return nil, damagedFAT("the directory at cluster %d does not name its parent", n.e.cluster)
	}
	var entries []nodefs.Entry
	var dirs nodefs.Once
	for _, e := range d.entries {
		if !fs.ValidPath(e.Name) || strings.Contains(e.Name, "/") || e.Name == "." {
			return nil, damagedFAT("a file is named %q", e.Name)
		}
		if e.Dir && (e.cluster == 0 || f.Bits == 32 && e.cluster == f.first || !dirs.Add(uint64(e.cluster), e.Name)) {
			return nil, damagedFAT("%q is a second name of a directory, or of two", e.Name)
		}
		entries = append(entries, &fatName{n, e})
	}
	return entries, nil
}

type fatName struct {
	dir *fatFile
	e   fatEntry
}

// Name implements nodefs.Entry.
func (e *fatName) Name() string { return e.e.Name }

// Type implements nodefs.Entry.
func (e *fatName) Type() fs.FileMode {
	if e.e.Dir {
		return fs.ModeDir
	}
	return 0
}

// Node implements nodefs.Entry.
func (e *fatName) Node() (nodefs.Node, error) {
	return &fatFile{f: e.dir.f, parent: e.dir.e.cluster, e: e.e}, nil
}

// ReadPiece implements nodefs.Node: it reads the rest of a cluster.
func (n *fatFile) ReadPiece(p []byte, off int64) (int, error) {
	if n.e.SizeBytes > int64(n.f.clusters)*n.f.cluster {
		return 0, damagedFAT("%d bytes, more than the file system has", n.e.SizeBytes)
	}
	if n.chain == nil || off < n.at {
		n.at, n.chain = 0, &chainReader{f: n.f, cluster: n.e.cluster, left: n.e.SizeBytes}
	}
	if err := n.chain.skip(off - n.at); err != nil {
		return 0, err
	}
	m, err := n.chain.Read(p)
	n.at = off + int64(m)
	return m, err
}

// skip goes on by n bytes, which are left.
func (c *chainReader) skip(n int64) error {
	for c.left -= n; n > 0; {
		if c.within == c.f.cluster {
			next, err := c.f.next(c.cluster)
			if err != nil {
				return err
			}
			if !c.f.valid(next) {
				return damagedFAT("a chain of clusters leads to %#x", next)
			}
			c.cluster, c.within = next, 0
		}
		step := min(n, c.f.cluster-c.within)
		c.within += step
		n -= step
	}
	return nil
}
