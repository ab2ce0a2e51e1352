// Inodes: the book, "On-disk Inode".

package xfs

import (
	"fmt"
	"io/fs"
	"time"

	"github.com/imgasm/imgasm/internal/nodefs"
)

// inode is one, read and checked.
type inode struct {
	fs       *FS
	ino      uint64
	parent   uint64 // of a directory: the one that it was found in
	mode     fs.FileMode
	uid, gid uint32
	links    uint32
	size     int64
	mtime    time.Time
	realtime bool // contents are on a device that is not this one
	data     fork
}

const (
	coreSize = 176 // the inode core of version 3; the data fork follows

	flagRealtime  = 0x1 // di_flags
	flag2Bigtime  = 0x8 // di_flags2
	flag2Counters = 0x10
)

var inodeHeader = header{sum: 100, uuid: 160, owner: 152}

// inode reads inode number ino, which has the allocation group, the block
// within and the inode within that (the book, "Inode Numbers").
func (f *FS) inode(ino uint64) (*inode, error) {
	at, err := f.sb.address(ino>>f.sb.inodesLog, 1)
	if err != nil {
		return nil, fmt.Errorf("inode %d: %w", ino, err)
	}
	at += int64(ino&(1<<f.sb.inodesLog-1)) << f.sb.inodeLog
	buf, err := f.read(at, 1<<f.sb.inodeLog)
	if err != nil {
		return nil, fmt.Errorf("inode %d: %w", ino, err)
	}
	if string(buf[:2]) != "IN" || buf[4] != 3 {
		return nil, corrupt("inode %d: there is none of version 3 at byte %d", ino, at)
	}
	if err := inodeHeader.check(&f.sb, buf, at, ino); err != nil {
		return nil, fmt.Errorf("inode %d: %w", ino, err)
	}
	return f.parseInode(buf, ino)
}

func (f *FS) parseInode(buf []byte, ino uint64) (*inode, error) {
	mode := be.Uint16(buf[2:])
	flags, flags2 := be.Uint16(buf[90:]), be.Uint64(buf[120:])
	in := &inode{
		fs: f, ino: ino, mode: nodefs.UnixMode(mode),
		uid: be.Uint32(buf[8:]), gid: be.Uint32(buf[12:]), links: be.Uint32(buf[16:]),
		size: int64(be.Uint64(buf[56:])), mtime: timestamp(be.Uint64(buf[40:]), flags2&flag2Bigtime != 0),
		realtime: flags&flagRealtime != 0,
	}
	if mode>>12 == 0 || in.mode.Type() == fs.ModeIrregular {
		return nil, corrupt("inode %d: mode 0%o", ino, mode)
	}
	if in.size < 0 {
		return nil, corrupt("inode %d: size %d", ino, uint64(in.size))
	}
	end := len(buf)
	if off := int(buf[82]) * 8; off != 0 { // the attribute fork begins there
		end = coreSize + off
	}
	if end > len(buf) {
		return nil, corrupt("inode %d: data fork of %d bytes", ino, end-coreSize)
	}
	in.data = fork{fs: f, owner: ino, format: buf[5], raw: buf[coreSize:end], count: uint64(be.Uint32(buf[76:]))}
	if flags2&flag2Counters != 0 {
		// nrext64 is a flag of each inode: the data fork's counter has 64 bits
		// elsewhere, and the old place is the attribute fork's.
		in.data.count = be.Uint64(buf[24:])
	}
	return in, nil
}

// timestamp: seconds and nanoseconds of 32 bits each, or with bigtime
// nanoseconds since 1901-12-13, which is -2^31 s.
func timestamp(t uint64, big bool) time.Time {
	if big {
		return time.Unix(int64(t/1e9)-1<<31, int64(t%1e9)).UTC()
	}
	return time.Unix(int64(int32(t>>32)), int64(uint32(t))).UTC()
}
