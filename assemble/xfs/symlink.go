// Symbolic links: the book, "Symbolic Links".

package xfs

import (
	"fmt"
	"slices"
)

var linkHeader = header{sum: 12, address: 40, uuid: 16, owner: 32}

const (
	linkHeaderSize = 56
	maxLink        = 1024 // XFS_SYMLINK_MAXLEN
)

// ReadLink returns a symbolic link's target: in the inode, or in up to two
// extents that have a header each.
func (in *inode) ReadLink() (string, error) {
	size := int(min(in.size, maxLink+1))
	if size < 1 || size > maxLink {
		return "", corrupt("inode %d: symbolic link of %d bytes", in.ino, in.size)
	}
	if in.data.format == formatLocal {
		if size > len(in.data.raw) {
			return "", corrupt("inode %d: symbolic link of %d bytes in %d", in.ino, size, len(in.data.raw))
		}
		return linkTarget(in.ino, in.data.raw[:size])
	}
	sb := &in.fs.sb
	var target []byte
	for off := uint64(0); len(target) < size; {
		e, err := in.data.at(off)
		if err != nil {
			return "", err
		}
		off += e.Count
		if e.Zero || e.Count<<sb.blockLog > 1<<16 {
			return "", corrupt("inode %d: symbolic link in %d blocks", in.ino, e.Count)
		}
		at, err := sb.address(e.Block, e.Count)
		if err != nil {
			return "", err
		}
		buf, err := in.fs.read(at, int(e.Count<<sb.blockLog))
		if err != nil {
			return "", fmt.Errorf("inode %d: %w", in.ino, err)
		}
		if err := linkHeader.check(sb, buf, at, in.ino); err != nil {
			return "", err
		}
		n := int64(be.Uint32(buf[8:]))
		if string(buf[:4]) != "XSLM" || int64(be.Uint32(buf[4:])) != int64(len(target)) ||
			n == 0 || n > int64(len(buf)-linkHeaderSize) || n > int64(size-len(target)) {
			return "", corrupt("inode %d: symbolic link's block at byte %d", in.ino, at)
		}
		target = append(target, buf[linkHeaderSize:linkHeaderSize+n]...)
	}
	return linkTarget(in.ino, target)
}

func linkTarget(ino uint64, target []byte) (string, error) {
	if slices.Contains(target, 0) {
		return "", corrupt("inode %d: symbolic link to %q", ino, target)
	}
	return string(target), nil
}
