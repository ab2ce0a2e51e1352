// Inodes of a new file system and where their blocks are: the book, "Index
// Nodes", "Extent Tree".

package ext4

import (
	"io/fs"
)

// node is an inode, in 24 bytes. Of whatever has blocks these follow one another
// from start on, as layout.run tells; so extents are made anew when they are
// needed.
type node struct {
	size  int64
	start uint32 // first block, or behind it what files cannot have; of a directory its number in names.dirs, of a short symbolic link its target
	attr  uint32 // number in nodes.attrs
	mode  uint16 // as it is stored; 0 for none
	links uint16
}

// attr are attributes that many inodes have in common.
type attr struct {
	time     uint64 // seconds since 1901, 2^30 times, and nanoseconds
	uid, gid uint32
}

// File types in directory entries ("Directory Entries").
const (
	typeFile = 1
	typeDir  = 2
	typeLink = 7
)

const (
	typeMask = 0o170000
	modeFile = 0o100000
	modeDir  = 0o040000
	modeLink = 0o120000

	maxLinks = 65000 // EXT4_LINK_MAX
)

// secondsBefore is how many seconds before 1970 times begin: those have 32 bits
// with a sign, and two bits more above them ("Inode Timestamps"). With both of
// the two set, from 2310-04-04 on, e2fsck takes them for times before 1970.
const (
	secondsBefore = 1 << 31
	maxSeconds    = 3<<32 - 1
)

// node makes an inode of a type.
func (s *nodes) node(typ uint16, a Attr) node {
	mode := typ | uint16(a.Mode.Perm())
	if a.Mode&fs.ModeSetuid != 0 {
		mode |= 0o4000
	}
	if a.Mode&fs.ModeSetgid != 0 {
		mode |= 0o2000
	}
	if a.Mode&fs.ModeSticky != 0 {
		mode |= 0o1000
	}
	seconds := a.ModTime.Unix() + secondsBefore
	time := uint64(seconds)<<30 | uint64(a.ModTime.Nanosecond())
	switch {
	case seconds < 0:
		time = 0
	case seconds > maxSeconds:
		time = maxSeconds << 30
	}
	if kept := (attr{time, a.UID, a.GID}); len(s.attrs) == 0 || s.attrs[len(s.attrs)-1] != kept {
		s.attrs = append(s.attrs, kept)
	}
	return node{attr: uint32(len(s.attrs) - 1), mode: mode, links: 1}
}

type extent struct{ off, start, count int64 }

// maxExtent is the most blocks of one. Tests lower it.
var maxExtent int64 = maxExtentLen

// extents sets w.extent to those of count blocks from pos on.
func (w *Writer) extents(pos, count int64) {
	w.extent = w.extent[:0]
	for off := int64(0); off < count; {
		start, n := w.l.run(pos, min(count-off, maxExtent))
		w.extent = append(w.extent, extent{off, start, n})
		off, pos = off+n, start+n
	}
}

// An inode has room for 4 extents, a block for 340 and a checksum.
const (
	inInode = blockSize/extentSize - 1
	inBlock = (blockBytes-4)/extentSize - 1
)

// treeBlocks is how many blocks a tree of so many extents has.
func treeBlocks(extents int) (blocks int64) {
	for extents > inInode {
		extents = int(divUp(int64(extents), inBlock))
		blocks += int64(extents)
	}
	return blocks
}

// tree makes the tree of w.extent: the root, for the inode, and blocks, which
// follow one another behind the file's. They go to write, unless that is nil.
func (w *Writer) tree(ino uint32, write func([]byte) error) (root [blockSize]byte, err error) {
	level := w.extent
	pos := int64(0)
	if n := len(level); n > 0 {
		pos = level[n-1].start + level[n-1].count
	}
	depth := 0
	for ; len(level) > inInode; depth++ {
		var above []extent
		for len(level) > 0 {
			n := min(len(level), inBlock)
			at, _ := w.l.run(pos, 1)
			above = append(above, extent{level[0].off, at, 0})
			pos = at + 1
			if write != nil {
				var block [blockBytes]byte
				putExtents(block[:blockBytes-4], level[:n], depth)
				le.PutUint32(block[blockBytes-4:], sum(w.inodeSeed(ino), block[:blockBytes-4]))
				if err := write(block[:]); err != nil {
					return root, err
				}
			}
			level = level[n:]
		}
		level = above
	}
	putExtents(root[:], level, depth)
	return root, nil
}

// putExtents fills a node of a tree; above depth 0 it has indexes.
func putExtents(buf []byte, extents []extent, depth int) {
	le.PutUint16(buf, extentMagic)
	le.PutUint16(buf[2:], uint16(len(extents)))
	le.PutUint16(buf[4:], uint16(len(buf)/extentSize-1))
	le.PutUint16(buf[6:], uint16(depth))
	for i, e := range extents {
		at := buf[extentSize*(1+i):]
		le.PutUint32(at, uint32(e.off))
		if depth > 0 {
			le.PutUint32(at[4:], uint32(e.start))
			continue
		}
		le.PutUint16(at[4:], uint16(e.count))
		le.PutUint32(at[8:], uint32(e.start))
	}
}

// writeTree writes the tree of a node, whose blocks begin at start and end at w.pos.
func (w *Writer) writeTree(ino, start uint32) error {
	w.extents(int64(start), divUp(w.nodes.at(ino).size, blockBytes))
	_, err := w.tree(ino, func(content []byte) error {
		b, err := w.next()
		copy(b, content)
		return err
	})
	return err
}

// inodeSeed is that of the checksums of what belongs to an inode.
func (w *Writer) inodeSeed(ino uint32) uint32 {
	w.number = [8]byte{} // of which i_generation is the second half
	le.PutUint32(w.number[:], ino)
	return sum(w.seed, w.number[:])
}

// putInode fills an inode of 256 bytes.
func (w *Writer) putInode(buf []byte, ino uint32) error {
	n := w.nodes.at(ino)
	if n.mode == 0 {
		return nil
	}
	a := w.nodes.attrs[n.attr]
	le.PutUint16(buf, n.mode)
	le.PutUint16(buf[2:], uint16(a.uid))
	le.PutUint32(buf[4:], uint32(n.size))
	le.PutUint16(buf[24:], uint16(a.gid))
	le.PutUint16(buf[26:], n.links)
	le.PutUint32(buf[108:], uint32(n.size>>32))
	le.PutUint16(buf[120:], uint16(a.uid>>16))
	le.PutUint16(buf[122:], uint16(a.gid>>16))
	le.PutUint16(buf[128:], 32) // i_extra_isize

	seconds := int64(a.time>>30) - secondsBefore
	more := uint32(a.time&(1<<30-1))<<2 | uint32((seconds-int64(int32(seconds)))>>32)&3
	for _, at := range []struct{ seconds, more int }{{8, 140}, {12, 132}, {16, 136}, {144, 148}} { // read, changed, modified, created
		le.PutUint32(buf[at.seconds:], uint32(seconds))
		le.PutUint32(buf[at.more:], more)
	}

	blocks := int64(0)
	switch {
	case ino == resizeInode:
		blocks = w.putResize(buf)
	case n.mode&typeMask == modeLink && n.size < blockSize:
		copy(buf[40:], w.names.entry(n.start)[:n.size])
	default:
		start, flags := n.start, uint32(flagExtents)
		if n.mode&typeMask == modeDir {
			d := w.names.dirs[n.start]
			if start = d.start; d.hashed {
				flags |= flagIndex
			}
		}
		le.PutUint32(buf[32:], flags)
		blocks = divUp(n.size, blockBytes)
		w.extents(int64(start), blocks)
		blocks += treeBlocks(len(w.extent))
		root, err := w.tree(ino, nil)
		if err != nil {
			return err
		}
		copy(buf[40:], root[:])
	}
	sectors := blocks * (blockBytes / 512)
	le.PutUint32(buf[28:], uint32(sectors))
	le.PutUint16(buf[116:], uint16(sectors>>32))
	crc := sum(w.inodeSeed(ino), buf)
	le.PutUint16(buf[124:], uint16(crc))
	le.PutUint16(buf[130:], uint16(crc>>16))
	return nil
}
