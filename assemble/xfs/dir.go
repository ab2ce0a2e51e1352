// Directories: the book, "Directories". Entries are in the inode (short form),
// or in data blocks below 32 GiB of the directory's offsets; what is above is
// for finding names by their hashes, and not needed to list.

package xfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/imgasm/imgasm/internal/nodefs"
)

const (
	dirDataEnd    = 32 << 30 // XFS_DIR2_LEAF_OFFSET
	dirHeaderSize = 64
)

// maxListing is what the entries of a directory, and a file that is read as a
// whole, may take in bytes. 1.8 million names of 20 bytes fit. Tests lower it.
var maxListing = 256 << 20

var dirHeader = header{sum: 4, address: 8, uuid: 24, owner: 40}

// entryTypes are those of the format's numbers.
var entryTypes = [...]fs.FileMode{
	1: 0, 2: fs.ModeDir, 3: fs.ModeDevice | fs.ModeCharDevice, 4: fs.ModeDevice,
	5: fs.ModeNamedPipe, 6: fs.ModeSocket, 7: fs.ModeSymlink,
}

type entry struct {
	dir  *inode
	name string
	ino  uint64
	typ  fs.FileMode
}

// dirReader reads a directory, a block at a time.
type dirReader struct {
	in   *inode
	at   uint64 // bytes; of the next block
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
	k := &d.in.data
	if k.format == formatLocal {
		if d.at > 0 {
			return io.EOF
		}
		d.at = 1
		return d.short()
	}
	sb := &d.in.fs.sb
	size := uint64(d.in.size)
	if size > dirDataEnd || size%(1<<sb.dirLog) != 0 {
		return corrupt("size %d", size)
	}
	for d.at < size {
		e, err := k.at(d.at >> sb.blockLog)
		if err != nil {
			return err
		}
		if !e.Zero {
			buf, err := d.block()
			if err != nil {
				return err
			}
			d.at += 1 << sb.dirLog
			return d.parse(buf)
		}
		// Whole directory blocks were given back.
		if e.Count >= dirDataEnd>>sb.blockLog {
			break
		}
		d.at = max((d.at+e.Count<<sb.blockLog)>>sb.dirLog, d.at>>sb.dirLog+1) << sb.dirLog
	}
	d.at = size
	return io.EOF
}

// short reads a short-form directory: inode numbers have 8 bytes if any needs
// them, else 4.
func (d *dirReader) short() error {
	raw := d.in.data.raw
	if int64(len(raw)) < d.in.size || d.in.size < 6 {
		return corrupt("short form of %d bytes in %d", d.in.size, len(raw))
	}
	raw = raw[:d.in.size]
	n, width := int(raw[0]), 4
	if raw[1] != 0 {
		n, width = max(n, int(raw[1])), 8
	}
	number := func(b []byte) uint64 {
		if width == 8 {
			return be.Uint64(b)
		}
		return uint64(be.Uint32(b))
	}
	if len(raw) < 2+width {
		return corrupt("short form of %d bytes", len(raw))
	}
	if err := d.list.Up(number(raw[2:])); err != nil {
		return err
	}
	raw = raw[2+width:]
	for range n {
		// length of the name, 2 bytes of offset, name, type, inode
		if len(raw) < 3 || len(raw) < 3+int(raw[0])+1+width {
			return corrupt("an entry is cut off")
		}
		end := 3 + int(raw[0])
		if err := d.add(raw[3:end], raw[end], number(raw[end+1:])); err != nil {
			return err
		}
		raw = raw[end+1+width:]
	}
	return nil
}

// block reads the directory block at d.at, whose blocks need not be adjacent.
func (d *dirReader) block() ([]byte, error) {
	sb := &d.in.fs.sb
	buf := make([]byte, 1<<sb.dirLog)
	var first int64
	for done := 0; done < len(buf); {
		e, err := d.in.data.at((d.at + uint64(done)) >> sb.blockLog)
		if err != nil {
			return nil, err
		}
		if e.Zero {
			return nil, corrupt("half a block at offset %d", d.at)
		}
		at, err := sb.address(e.Block, e.Count)
		if err != nil {
			return nil, err
		}
		n := int(min(e.Count<<sb.blockLog, uint64(len(buf)-done)))
		if err := readFull(d.in.fs.r, buf[done:done+n], at); err != nil {
			return nil, err
		}
		if done == 0 {
			first = at
		}
		done += n
	}
	return buf, dirHeader.check(sb, buf, first, d.in.ino)
}

// parse reads the entries of a data block: XDD3, or XDB3 where a directory of
// one block has the hashes behind them.
func (d *dirReader) parse(buf []byte) error {
	end := len(buf)
	switch string(buf[:4]) {
	case "XDD3":
	case "XDB3":
		n := be.Uint32(buf[end-8:])
		if uint64(n) > uint64(end-8-dirHeaderSize)/8 {
			return corrupt("%d hashes in a block", n)
		}
		end -= 8 + 8*int(n)
	default:
		return corrupt("%q is no directory block", buf[:4])
	}
	for at := dirHeaderSize; at < end; {
		b := buf[at:end]
		if len(b) < 16 { // the least entry's size, as is the least hole's but one
			if len(b) >= 8 && be.Uint16(b) == 0xffff && int(be.Uint16(b[2:])) == len(b) {
				return nil
			}
			return corrupt("an entry is cut off")
		}
		var size int
		if be.Uint16(b) == 0xffff { // unused
			size = int(be.Uint16(b[2:]))
			if size < 8 || size%8 != 0 || size > len(b) {
				return corrupt("%d unused bytes at %d", size, at)
			}
		} else {
			// inode, length of the name, name, type, padding, 2 bytes of tag
			name := int(b[8])
			if size = (8 + 1 + name + 1 + 2 + 7) &^ 7; size > len(b) {
				return corrupt("an entry is cut off")
			}
			if err := d.add(b[9:9+name], b[9+name], be.Uint64(b)); err != nil {
				return err
			}
		}
		at += size
	}
	return nil
}

// add takes an entry.
func (d *dirReader) add(name []byte, typ byte, ino uint64) error {
	if wanted, err := d.list.Wants(name, ino); !wanted {
		return err
	}
	if typ == 0 || int(typ) >= len(entryTypes) {
		return corrupt("%q: file type %d", name, typ)
	}
	return d.list.Add(&entry{d.in, string(name), ino, entryTypes[typ]}, ino)
}

// List implements nodefs.Node.
func (in *inode) List() nodefs.Lister {
	return &dirReader{in: in, list: nodefs.Listing{Parent: in.parent, Root: in.fs.sb.root, MaxBytes: maxListing, Corrupt: corrupt, TooLarge: unsupported}}
}

// Lookup implements nodefs.Node.
func (in *inode) Lookup(name string) (nodefs.Node, error) {
	e, err := in.fs.names.Lookup(in.ino, name, in.List)
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
	c, err := e.dir.child(e)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// child is the inode of an entry of in.
func (in *inode) child(e *entry) (*inode, error) {
	c, err := in.fs.inode(e.ino)
	if err != nil {
		return nil, err
	}
	if c.mode.Type() != e.typ {
		return nil, corrupt("inode %d is %v, its entry in %d says %v", e.ino, c.mode.Type(), in.ino, e.typ)
	}
	c.parent = in.ino
	return c, nil
}
