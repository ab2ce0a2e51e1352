// The file system as an fs.FS.

package xfs

import (
	"io/fs"
	"time"

	"github.com/imgasm/imgasm/internal/nodefs"
)

func (f *FS) tree() nodefs.FS {
	return nodefs.FS{MaxFile: maxListing, Root: func() (nodefs.Node, error) {
		in, err := f.root()
		if err != nil {
			return nil, err
		}
		return in, nil
	}}
}

// Open opens a file or directory; of what is neither, only Stat works.
func (f *FS) Open(name string) (fs.File, error) { return f.tree().Open(name) }

// Stat describes a file. Its Sys is a *Stat.
func (f *FS) Stat(name string) (fs.FileInfo, error) { return f.tree().Stat(name) }

// Lstat is Stat that describes a symbolic link itself.
func (f *FS) Lstat(name string) (fs.FileInfo, error) { return f.tree().Lstat(name) }

// ReadLink returns what a symbolic link holds, as it is.
func (f *FS) ReadLink(name string) (string, error) { return f.tree().ReadLink(name) }

// ReadDir lists a directory, by name.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) { return f.tree().ReadDir(name) }

// ReadFile reads a file of at most 256 MiB; Open has no such limit.
func (f *FS) ReadFile(name string) ([]byte, error) { return f.tree().ReadFile(name) }

// Stat is what a FileInfo's Sys gives.
type Stat struct {
	Inode    uint64
	UID, GID uint32
	Links    uint32
}

// Mode implements nodefs.Node.
func (in *inode) Mode() fs.FileMode { return in.mode }

// Size implements nodefs.Node.
func (in *inode) Size() int64 { return in.size }

// ModTime implements nodefs.Node.
func (in *inode) ModTime() time.Time { return in.mtime }

// Sys implements nodefs.Node.
func (in *inode) Sys() any { return &Stat{in.ino, in.uid, in.gid, in.links} }

// ReadPiece implements nodefs.Node: it reads what one extent or hole has of p.
// Holes, and blocks that were never written, are zeros.
func (in *inode) ReadPiece(p []byte, off int64) (int, error) {
	if in.realtime {
		return 0, unsupported("its contents are on a realtime device")
	}
	sb := &in.fs.sb
	e, err := in.data.at(uint64(off) >> sb.blockLog)
	if err != nil {
		return 0, err
	}
	within := off & (1<<sb.blockLog - 1)
	// In blocks first: a hole may have 2^63 bytes.
	if blocks := uint64(len(p))>>sb.blockLog + 2; e.Count > blocks {
		e.Count = blocks
	}
	p = p[:min(int64(len(p)), int64(e.Count<<sb.blockLog)-within)]
	if e.Zero {
		clear(p)
		return len(p), nil
	}
	at, err := sb.address(e.Block, e.Count)
	if err != nil {
		return 0, err
	}
	if err := readFull(in.fs.r, p, at+within); err != nil {
		return 0, err
	}
	return len(p), nil
}
