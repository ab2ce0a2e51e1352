// What Close writes besides directories: inode tables, bitmaps, descriptors, the
// superblock; and the journal: the book, "Super Block", "Block Group
// Descriptors", "Block and Inode Bitmaps", "Journal (jbd2)".

package ext4

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

const (
	resizeInode  = 7
	journalInode = 8

	// What groups may leave out ("bg_flags").
	inodeUninit = 0x1
	blockUninit = 0x2
	tableZeroed = 0x4
)

var errClosed = errors.New("the ext4 file system is closed")

// Close writes what is left. Only then is it a file system: the superblock comes last.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	w.err = errClosed
	for i := range w.names.dirs {
		if err := w.writeDir(&w.names.dirs[i]); err != nil {
			return err
		}
	}
	dirs, err := w.writeInodes()
	if err != nil {
		return err
	}
	gdt, err := w.writeBitmaps(dirs)
	if err != nil {
		return err
	}
	if err := w.writeResize(); err != nil {
		return err
	}
	for g := w.l.groups - 1; g >= 0; g-- {
		if w.l.superblocks(g) > 0 {
			if err := w.writeSuperblock(g, gdt); err != nil {
				return err
			}
		}
	}
	return w.out.flush()
}

// reserve makes the two inodes that need no caller: that of reserved
// descriptors, and the journal.
func (w *Writer) reserve() error {
	a := Attr{Mode: 0o600, ModTime: w.o.Time}
	resize := w.nodes.at(resizeInode)
	*resize = w.nodes.node(modeFile, a)
	const pointers = blockBytes / 4
	resize.size = (pointers*pointers + pointers + 12) * blockBytes
	dind, _ := w.l.run(w.pos, 1)
	resize.start, w.pos = uint32(dind), dind+1

	journal := w.nodes.at(journalInode)
	*journal = w.nodes.node(modeFile, a)
	journal.size = w.l.journal * blockBytes
	first, _ := w.l.run(w.pos, 1)
	journal.start = uint32(first)
	buf, err := w.out.block(first)
	if err != nil {
		return err
	}
	be := binary.BigEndian
	for at, v := range map[int]uint32{
		0: 0xc03b3998, 4: 4, // magic, a superblock of version 2
		12: blockBytes, 16: uint32(w.l.journal), 20: 1, 24: 1, // s_blocksize, s_maxlen, s_first, s_sequence
		64: 1, // s_nr_users
	} {
		be.PutUint32(buf[at:], v)
	}
	w.extents(first, w.l.journal)
	last := w.extent[len(w.extent)-1]
	w.pos = last.start + last.count
	return w.writeTree(journalInode, journal.start)
}

// backups are the groups with copies of the superblock, without group 0.
func (w *Writer) backups() (groups []int64) {
	for g := int64(1); g < w.l.groups; g++ {
		if sparseSuper(uint64(g)) {
			groups = append(groups, g)
		}
	}
	return groups
}

// putResize fills i_block of the inode that reserves descriptors: it has a
// doubly indirect block alone. It returns how many blocks the inode has.
func (w *Writer) putResize(buf []byte) int64 {
	le.PutUint32(buf[40+13*4:], w.nodes.at(resizeInode).start)
	return 1 + w.l.reserved*int64(1+len(w.backups()))
}

// writeResize writes that block. It names the reserved blocks behind the
// descriptors, by their numbers, and each of these the same block of all copies.
func (w *Writer) writeResize() error {
	buf, err := w.out.block(int64(w.nodes.at(resizeInode).start))
	if err != nil {
		return err
	}
	for i := range w.l.reserved {
		n := w.l.gdt + i
		le.PutUint32(buf[n%(blockBytes/4)*4:], uint32(1+n))
	}
	backups := w.backups()
	for i := range w.l.reserved {
		n := w.l.gdt + i
		if buf, err = w.out.block(1 + n); err != nil {
			return err
		}
		for j, g := range backups {
			le.PutUint32(buf[4*j:], uint32(g*perGroupMost+1+n))
		}
	}
	return nil
}

// writeInodes writes what is in use of inode tables, and returns how many
// directories each group has.
func (w *Writer) writeInodes() (dirs []uint16, err error) {
	dirs = make([]uint16, w.l.groups)
	var buf []byte
	for i := range w.nodes.n {
		ino := i + 1
		group, within := int64(i)/w.l.perGroup(), int64(i)%w.l.perGroup()
		if within%inodesInBlock == 0 {
			_, _, table := w.l.places(group)
			if buf, err = w.out.block(table + within/inodesInBlock); err != nil {
				return nil, err
			}
		}
		if err := w.putInode(buf[within%inodesInBlock*inodeBytes:][:inodeBytes], ino); err != nil {
			return nil, err
		}
		if w.nodes.at(ino).mode&typeMask == modeDir {
			dirs[group]++
		}
	}
	return dirs, nil
}

// usedBlocks is how many blocks at the beginning of a group are in use; the others are not.
func (w *Writer) usedBlocks(group int64) int64 {
	return max(w.l.overhead(group), min(w.l.size(group), w.pos-group*perGroupMost))
}

// usedInodes is the same of inodes.
func (w *Writer) usedInodes(group int64) int64 {
	return max(0, min(w.l.perGroup(), int64(w.nodes.n)-group*w.l.perGroup()))
}

// writeBitmaps writes bitmaps, but those of groups in which nothing is in use
// that a kernel does not know of, and returns the descriptors of all groups.
func (w *Writer) writeBitmaps(dirs []uint16) ([]byte, error) {
	gdt := make([]byte, w.l.gdt*blockBytes)
	for g := range w.l.groups {
		d, used := gdt[g*descBytes:], w.usedBlocks(g)
		blocks, inodes, table := w.l.places(g)
		le.PutUint32(d, uint32(blocks))
		le.PutUint32(d[4:], uint32(inodes))
		le.PutUint32(d[8:], uint32(table))
		le.PutUint16(d[12:], uint16(w.l.size(g)-used))
		le.PutUint16(d[16:], dirs[g])
		flags := uint16(tableZeroed)
		if used == w.l.superblocks(g) && g != w.l.groups-1 {
			flags |= blockUninit
		} else {
			crc, err := w.writeBitmap(blocks, used, w.l.size(g), perGroupMost)
			if err != nil {
				return nil, err
			}
			le.PutUint16(d[24:], uint16(crc))
			le.PutUint16(d[56:], uint16(crc>>16))
		}
		le.PutUint16(d[18:], flags)
	}
	for g := range w.l.groups {
		d, used := gdt[g*descBytes:][:descBytes], w.usedInodes(g)
		le.PutUint16(d[14:], uint16(w.l.perGroup()-used))
		le.PutUint16(d[28:], uint16(w.l.perGroup()-used)) // bg_itable_unused
		if used == 0 {
			d[18] |= inodeUninit
		} else {
			crc, err := w.writeBitmap(int64(le.Uint32(d[4:])), used, w.l.perGroup(), w.l.perGroup())
			if err != nil {
				return nil, err
			}
			le.PutUint16(d[26:], uint16(crc))
			le.PutUint16(d[58:], uint16(crc>>16))
		}
		crc := sum(sum(w.seed, le.AppendUint32(nil, uint32(g))), d)
		le.PutUint16(d[30:], uint16(crc))
	}
	return gdt, nil
}

// writeBitmap writes a bitmap of which so many bits are set, and those from
// size on; it returns the checksum of the first summed ones.
func (w *Writer) writeBitmap(block, used, size, summed int64) (uint32, error) {
	buf, err := w.out.block(block)
	if err != nil {
		return 0, err
	}
	setBits(buf, 0, used)
	setBits(buf, size, perGroupMost)
	return sum(w.seed, buf[:summed/8]), nil
}

func setBits(buf []byte, from, to int64) {
	for ; from < to && from%8 != 0; from++ {
		buf[from/8] |= 1 << (from % 8)
	}
	for ; from+8 <= to; from += 8 {
		buf[from/8] = 0xff
	}
	for ; from < to; from++ {
		buf[from/8] |= 1 << (from % 8)
	}
}

// writeSuperblock writes a group's copy of the superblock and descriptors; that
// of group 0 last.
func (w *Writer) writeSuperblock(group int64, gdt []byte) error {
	at := group * perGroupMost
	for i := range w.l.gdt {
		buf, err := w.out.block(at + 1 + i)
		if err != nil {
			return err
		}
		copy(buf, gdt[i*blockBytes:])
	}
	if group == 0 {
		if err := w.out.flush(); err != nil {
			return err
		}
	}
	buf, err := w.out.block(at)
	if err != nil {
		return err
	}
	if group == 0 {
		buf = buf[superblockAt:]
	}
	return w.putSuperblock(buf[:superblockSize], group)
}

// putSuperblock fills a superblock. What differs from mke2fs's is in ADR 16.
func (w *Writer) putSuperblock(b []byte, group int64) error {
	freeBlocks, overhead := int64(0), w.l.journal
	for g := range w.l.groups {
		freeBlocks += w.l.size(g) - w.usedBlocks(g)
		overhead += w.l.overhead(g)
	}
	for at, v := range map[int]int64{
		0: w.l.groups * w.l.perGroup(), 4: w.l.blocks, 8: w.l.reservedForRoot(), 12: freeBlocks, // s_inodes_count, s_blocks_count, s_r_blocks_count, s_free_blocks_count
		16: w.l.groups*w.l.perGroup() - int64(w.nodes.n), 24: 2, 28: 2, // s_free_inodes_count, s_log_block_size, s_log_cluster_size
		32: perGroupMost, 36: perGroupMost, 40: w.l.perGroup(), // blocks, clusters, inodes per group
		76: 1, 84: firstFree, // s_rev_level, s_first_ino
		92: 0x3c, 96: 0x2c2, 100: 0x46b, // features: see ADR 16
		224: journalInode, 256: 0xc, 352: 1, // s_journal_inum, s_default_mount_opts (user_xattr, acl), s_flags (characters have a sign)
		584: overhead, // s_overhead_clusters
	} {
		le.PutUint32(b[at:], uint32(v))
	}
	for at, v := range map[int]int{
		54: 0xffff, 56: 0xef53, 58: 1, 60: 1, // s_max_mnt_count (none), s_magic, s_state (clean), s_errors (continue)
		88: inodeBytes, 90: int(group), 206: int(w.l.reserved), // s_inode_size, s_block_group_nr, s_reserved_gdt_blocks
		254: descBytes, 348: 32, 350: 32, // s_desc_size, s_min_extra_isize, s_want_extra_isize
	} {
		le.PutUint16(b[at:], uint16(v))
	}
	b[252], b[253] = hashHalfMD4, 1 // s_def_hash_version, s_jnl_backup_type: as in s_jnl_blocks
	b[372], b[373] = byte(w.l.flexLog), 1
	seconds := max(0, w.o.Time.Unix())
	for _, at := range []struct{ low, high int }{{48, 628}, {264, 630}, {64, 631}} { // written, made, checked
		le.PutUint32(b[at.low:], uint32(seconds))
		b[at.high] = byte(seconds >> 32)
	}
	copy(b[104:], w.uuid[:])
	copy(b[120:136], w.o.Label)
	for i, v := range w.hashes {
		le.PutUint32(b[236+4*i:], v)
	}
	n := w.nodes.at(journalInode)
	w.extents(int64(n.start), w.l.journal)
	root, err := w.tree(journalInode, nil)
	if err != nil {
		return err
	}
	copy(b[268:], root[:])
	le.PutUint32(b[268+64:], uint32(n.size)) // behind its upper half, of which there is none
	le.PutUint32(b[1020:], sum(^uint32(0), b[:1020]))
	return nil
}

func parseUUID(s string) (u [16]byte, err error) {
	digits := strings.ReplaceAll(s, "-", "")
	if len(s) != 36 || len(digits) != 32 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return u, fmt.Errorf("%q is no UUID: 8-4-4-4-12 hex digits", s)
	}
	if _, err := hex.Decode(u[:], []byte(digits)); err != nil {
		return u, fmt.Errorf("%q: %w", s, err)
	}
	return u, nil
}
