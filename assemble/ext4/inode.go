// Inodes: the book, "Index Nodes".

package ext4

import (
	"bytes"
	"fmt"
	"io/fs"
	"time"

	"github.com/imgasm/imgasm/internal/nodefs"
)

// inode is one, read and checked.
type inode struct {
	fs       *FS
	ino      uint32
	parent   uint32 // of a directory: the one that it was found in
	mode     fs.FileMode
	uid, gid uint32
	links    uint32
	flags    uint32
	size     int64
	mtime    time.Time
	seed     uint32 // of checksums of what belongs to it
	data     mapping
	inline   [][]byte // with flagInline: i_block, and what an attribute holds
}

// Flags (i_flags).
const (
	flagCompressed = 0x4
	flagEncrypted  = 0x800
	flagIndex      = 0x1000
	flagExtents    = 0x80000
	flagInline     = 0x10000000
)

const (
	coreSize  = 128
	blockSize = 60 // i_block
)

// inode reads inode number ino.
func (f *FS) inode(ino uint32) (*inode, error) {
	in, err := f.loadInode(ino)
	if err != nil {
		return nil, fmt.Errorf("inode %d: %w", ino, err)
	}
	return in, nil
}

func (f *FS) loadInode(ino uint32) (*inode, error) {
	sb := &f.sb
	if ino != rootInode && ino < sb.first || ino > sb.inodes {
		return nil, corrupt("there is none of that number")
	}
	table, err := f.inodeTable(uint64((ino - 1) / sb.perGroup))
	if err != nil {
		return nil, err
	}
	within := uint64((ino-1)%sb.perGroup) * uint64(sb.inodeSize)
	at, err := sb.address(table+within>>sb.blockLog, 1)
	if err != nil {
		return nil, err
	}
	buf := make([]byte, sb.inodeSize)
	if err := readFull(f.r, buf, at+int64(within&(1<<sb.blockLog-1))); err != nil {
		return nil, err
	}
	return f.parseInode(buf, ino)
}

func (f *FS) parseInode(buf []byte, ino uint32) (*inode, error) {
	extra := 0 // bytes in use behind the core
	if len(buf) > coreSize {
		if extra = int(le.Uint16(buf[128:])); extra > len(buf)-coreSize {
			return nil, corrupt("%d extra bytes in %d", extra, len(buf)-coreSize)
		}
	}
	in := &inode{fs: f, ino: ino}
	if f.sb.checksums() {
		in.seed = sum(sum(f.sb.seed, le.AppendUint32(nil, ino)), buf[100:104]) // i_generation
		if !in.sumMatches(buf, extra) {
			return nil, corrupt("checksum")
		}
	}
	mode := le.Uint16(buf)
	in.mode = nodefs.UnixMode(mode)
	in.uid = uint32(le.Uint16(buf[2:])) | uint32(le.Uint16(buf[120:]))<<16
	in.gid = uint32(le.Uint16(buf[24:])) | uint32(le.Uint16(buf[122:]))<<16
	in.links, in.flags = uint32(le.Uint16(buf[26:])), le.Uint32(buf[32:])
	switch {
	case mode>>12 == 0 || in.mode.Type() == fs.ModeIrregular:
		return nil, corrupt("mode 0%o", mode)
	case in.links == 0:
		return nil, corrupt("it has no name: it is free, or was about to be")
	}
	in.size = int64(le.Uint32(buf[4:]))
	if in.mode.IsRegular() || in.mode.IsDir() && f.sb.incompat&featureLargedir != 0 {
		in.size |= int64(le.Uint32(buf[108:])) << 32
	}
	if in.size < 0 {
		return nil, corrupt("size %d", uint64(in.size))
	}
	more := uint32(0) // i_mtime_extra: two bits above the seconds, then nanoseconds
	if extra >= 12 {
		more = le.Uint32(buf[136:])
	}
	in.mtime = time.Unix(int64(int32(le.Uint32(buf[16:])))+int64(more&3)<<32, int64(more>>2)).UTC()
	in.data = mapping{in: in, root: bytes.Clone(buf[40 : 40+blockSize])}
	if in.flags&flagInline != 0 {
		more, err := inlineAttribute(buf, extra)
		if err != nil {
			return nil, err
		}
		in.inline = [][]byte{in.data.root, bytes.Clone(more)}
	}
	return in, nil
}

// sumMatches compares the inode's checksum, of which the upper half is behind
// the core if there is room, and whose place counts as zeros.
func (in *inode) sumMatches(buf []byte, extra int) bool {
	buf = bytes.Clone(buf)
	want, mask := uint32(le.Uint16(buf[124:])), uint32(0xffff)
	clear(buf[124:126])
	if extra >= 4 {
		want |= uint32(le.Uint16(buf[130:])) << 16
		mask = ^uint32(0)
		clear(buf[130:132])
	}
	return sum(in.seed, buf)&mask == want
}

// inlineAttribute returns the value of the attribute system.data behind an
// inode's fields, nil if there is none: the book, "Extended Attributes" and
// "Inline Data".
func inlineAttribute(buf []byte, extra int) ([]byte, error) {
	if len(buf) < coreSize+extra+4 || le.Uint32(buf[coreSize+extra:]) != 0xea020000 {
		return nil, nil
	}
	all := buf[coreSize+extra+4:]
	for at := all; len(at) >= 16 && le.Uint32(at) != 0; {
		name := int(at[0])
		if 16+name > len(at) {
			return nil, corrupt("an attribute is cut off")
		}
		if at[1] == 7 && string(at[16:16+name]) == "data" {
			off, size := int(le.Uint16(at[2:])), int64(le.Uint32(at[8:]))
			if le.Uint32(at[4:]) != 0 || off > len(all) || size > int64(len(all)-off) {
				return nil, corrupt("its data are not in it")
			}
			return all[off : off+int(size)], nil
		}
		at = at[min(len(at), (16+name+3)&^3):]
	}
	return nil, nil
}

// Stat is what a FileInfo's Sys gives.
type Stat struct {
	Inode    uint64
	UID, GID uint32
	Links    uint32
}

var _ nodefs.Node = (*inode)(nil)

// Mode implements nodefs.Node.
func (in *inode) Mode() fs.FileMode { return in.mode }

// Size implements nodefs.Node.
func (in *inode) Size() int64 { return in.size }

// ModTime implements nodefs.Node.
func (in *inode) ModTime() time.Time { return in.mtime }

// Sys implements nodefs.Node.
func (in *inode) Sys() any { return &Stat{uint64(in.ino), in.uid, in.gid, in.links} }

// readable refuses contents that are not as they look.
func (in *inode) readable() error {
	switch {
	case in.flags&flagEncrypted != 0:
		return unsupported("inode %d is encrypted", in.ino)
	case in.flags&flagCompressed != 0:
		return unsupported("inode %d is compressed", in.ino)
	}
	return nil
}

// ReadPiece implements nodefs.Node: it reads what one extent or hole has of p.
// Holes, and blocks that were never written, are zeros.
func (in *inode) ReadPiece(p []byte, off int64) (int, error) {
	if err := in.readable(); err != nil {
		return 0, err
	}
	if in.inline != nil {
		all := bytes.Join(in.inline, nil)
		if in.size > int64(len(all)) {
			return 0, corrupt("inode %d: %d bytes in %d", in.ino, in.size, len(all))
		}
		return copy(p, all[off:]), nil
	}
	sb := &in.fs.sb
	e, err := in.data.at(uint64(off) >> sb.blockLog)
	if err != nil {
		return 0, err
	}
	within := off & (1<<sb.blockLog - 1)
	// In blocks first: a hole may have 2^63 bytes.
	e.Count = min(e.Count, uint64(len(p))>>sb.blockLog+2)
	p = p[:min(int64(len(p)), int64(e.Count<<sb.blockLog)-within)]
	if e.Zero {
		clear(p)
		return len(p), nil
	}
	at, err := sb.address(e.Block, e.Count)
	if err != nil {
		return 0, err
	}
	return len(p), readFull(in.fs.r, p, at+within)
}

// maxLink is the longest target in bytes: what Linux takes for a path.
const maxLink = 4096

// ReadLink implements nodefs.Node. Targets of less than 60 bytes are in the
// inode ("Symbolic Links").
func (in *inode) ReadLink() (string, error) {
	if err := in.readable(); err != nil {
		return "", err
	}
	if in.size < 1 || in.size > maxLink {
		return "", corrupt("inode %d: symbolic link of %d bytes", in.ino, in.size)
	}
	target := make([]byte, in.size)
	if in.inline == nil && in.flags&flagExtents == 0 && in.size < blockSize {
		copy(target, in.data.root)
	} else {
		for done := 0; done < len(target); {
			n, err := in.ReadPiece(target[done:], int64(done))
			if err != nil {
				return "", fmt.Errorf("inode %d: %w", in.ino, err)
			}
			done += n
		}
	}
	if bytes.IndexByte(target, 0) >= 0 {
		return "", corrupt("inode %d: symbolic link to %q", in.ino, target)
	}
	return string(target), nil
}
