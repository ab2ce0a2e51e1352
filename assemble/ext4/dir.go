// Directories: the book, "Directory Entries". A hashed directory's blocks of
// hashes look like unused entries, and are not needed to list.

package ext4

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/imgasm/imgasm/internal/nodefs"
)

// maxListing is what the entries of a directory, and a file that is read as a
// whole, may take in bytes. 1.8 million names of 20 bytes fit. Tests lower it.
var maxListing = 256 << 20

// maxDirectory bounds the blocks of a directory, in bytes, which may be the
// same ones again and again.
const maxDirectory = 1 << 30

// entryTypes are those of the format's numbers.
var entryTypes = [...]fs.FileMode{
	1: 0, 2: fs.ModeDir, 3: fs.ModeDevice | fs.ModeCharDevice, 4: fs.ModeDevice,
	5: fs.ModeNamedPipe, 6: fs.ModeSocket, 7: fs.ModeSymlink,
}

type entry struct {
	dir  *inode
	name string
	ino  uint32
	typ  fs.FileMode
}

// dirReader reads a directory, a block at a time.
type dirReader struct {
	in   *inode
	at   uint64 // the next block
	list nodefs.Listing
}

// Next implements nodefs.Lister: it returns the entries of the next block.
func (d *dirReader) Next() ([]nodefs.Entry, error) {
	found, err := d.list.Piece(d.step)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("directory, inode %d: %w", d.in.ino, err)
	}
	return found, err
}

func (d *dirReader) step() error {
	if err := d.in.readable(); err != nil {
		return err
	}
	if d.in.inline != nil {
		if d.at > 0 {
			return io.EOF
		}
		d.at = 1
		return d.inline()
	}
	sb := &d.in.fs.sb
	size := uint64(d.in.size)
	switch {
	case size%(1<<sb.blockLog) != 0 || size>>sb.blockLog > sb.blocks:
		return corrupt("size %d", size)
	case size > maxDirectory:
		return unsupported("a directory of %d bytes; at most %d are read", size, maxDirectory)
	}
	for end := size >> sb.blockLog; d.at < end; {
		e, err := d.in.data.at(d.at)
		if err != nil {
			return err
		}
		if e.Zero {
			d.at += min(e.Count, end-d.at)
			continue
		}
		buf, err := d.in.fs.readBlock(e.Block)
		if err != nil {
			return err
		}
		if buf, err = d.checked(buf); err != nil {
			return fmt.Errorf("block %d: %w", d.at, err)
		}
		d.at++
		return d.parse(buf)
	}
	return io.EOF
}

// inline reads a directory inside of its inode: the parent's number and
// entries, and more entries in an attribute.
func (d *dirReader) inline() error {
	if err := d.list.Up(uint64(le.Uint32(d.in.inline[0]))); err != nil {
		return err
	}
	if err := d.parse(d.in.inline[0][4:]); err != nil {
		return err
	}
	return d.parse(d.in.inline[1])
}

// checked compares a block's checksum and returns what has entries of it.
func (d *dirReader) checked(buf []byte) ([]byte, error) {
	if !d.in.fs.sb.checksums() {
		return buf, nil
	}
	// A block of hashes ("Hash Tree Directories") is the first of a directory that
	// has them, or looks like one unused entry.
	hashes := d.in.flags&flagIndex != 0 && (d.at == 0 || le.Uint32(buf) == 0 && d.recordSize(buf) == len(buf))
	if !hashes {
		end := len(buf) - 12
		tail := buf[end:]
		if le.Uint32(tail) != 0 || le.Uint16(tail[4:]) != 12 || tail[7] != 0xde || sum(d.in.seed, buf[:end]) != le.Uint32(tail[8:]) {
			return nil, corrupt("checksum")
		}
		return buf[:end], nil
	}
	// Its checksum is behind the room for them: limit and number of hashes, then
	// 8 bytes for each.
	at := 8
	if d.at == 0 {
		at = 32
	}
	limit, n := int(le.Uint16(buf[at:])), int(le.Uint16(buf[at+2:]))
	end := at + 8*limit
	if n > limit || end+8 > len(buf) {
		return nil, corrupt("%d hashes where there is room for %d", n, limit)
	}
	crc := sum(d.in.seed, buf[:at+8*n])
	if sum(crc, append(bytes.Clone(buf[end:end+4]), 0, 0, 0, 0)) != le.Uint32(buf[end+4:]) {
		return nil, corrupt("checksum of hashes")
	}
	return buf, nil
}

// parse reads entries that fill buf: inode, length, length of the name, type,
// name. Without the feature filetype the type is the name's upper length.
func (d *dirReader) parse(buf []byte) error {
	for len(buf) > 0 {
		if len(buf) < 8 {
			return corrupt("an entry is cut off")
		}
		ino, size, name := le.Uint32(buf), d.recordSize(buf), int(buf[6])
		if size < 8 || size%4 != 0 || size > len(buf) || ino != 0 && 8+name > size {
			return corrupt("an entry of %d bytes in %d, with a name of %d", size, len(buf), name)
		}
		if ino != 0 {
			if err := d.add(buf[8:8+name], buf[7], ino); err != nil {
				return err
			}
		}
		buf = buf[size:]
	}
	return nil
}

// recordSize is the length of an entry. 64 KiB have no number of their own.
func (d *dirReader) recordSize(entry []byte) int {
	n := int(le.Uint16(entry[4:]))
	if d.in.fs.BlockSize == maxBlockSize && (n == 0 || n == 0xffff) {
		return maxBlockSize
	}
	return n
}

// add takes an entry.
func (d *dirReader) add(name []byte, typ byte, ino uint32) error {
	if wanted, err := d.list.Wants(name, uint64(ino)); !wanted {
		return err
	}
	e := &entry{dir: d.in, name: string(name), ino: ino}
	switch {
	case d.in.fs.sb.incompat&featureFiletype == 0 || typ == 0: // only the inode knows
		c, err := d.in.fs.inode(ino)
		if err != nil {
			return err
		}
		e.typ = c.mode.Type()
	case int(typ) >= len(entryTypes):
		return corrupt("%q: file type %d", name, typ)
	default:
		e.typ = entryTypes[typ]
	}
	return d.list.Add(e, uint64(ino))
}

// List implements nodefs.Node.
func (in *inode) List() nodefs.Lister {
	return &dirReader{in: in, list: nodefs.Listing{Parent: uint64(in.parent), Root: rootInode, MaxBytes: maxListing, Corrupt: corrupt, TooLarge: unsupported}}
}

// Lookup implements nodefs.Node.
func (in *inode) Lookup(name string) (nodefs.Node, error) {
	e, err := in.fs.names.Lookup(uint64(in.ino), name, in.List)
	if err != nil {
		return nil, err
	}
	return e.Node()
}

// Name implements nodefs.Entry.
func (e *entry) Name() string { return e.name }

// Type implements nodefs.Entry.
func (e *entry) Type() fs.FileMode { return e.typ }

// Node implements nodefs.Entry.
func (e *entry) Node() (nodefs.Node, error) {
	c, err := e.dir.fs.inode(e.ino)
	if err != nil {
		return nil, err
	}
	if c.mode.Type() != e.typ {
		return nil, corrupt("inode %d is %v, its entry in %d says %v", e.ino, c.mode.Type(), e.dir.ino, e.typ)
	}
	c.parent = e.dir.ino
	return c, nil
}
