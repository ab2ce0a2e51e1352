// Making a file system: what callers see.

package ext4

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/fault"
)

// What a new file system refuses.
var (
	// ErrOptions: a file system with these options is not made.
	ErrOptions = fault.Class(fault.Input, "ext4 options")
	// ErrFull: the file system is too small for what it shall hold. The hint says
	// how large it must be for all until then.
	ErrFull = fault.Class(fault.Input, "ext4 file system full")
	// ErrName: a path is not one, or an element of it has more than 255 bytes.
	ErrName = fault.Class(fault.Input, "no name for ext4")
	// ErrTarget: a symbolic link's target is empty or has more than 4095 bytes.
	ErrTarget = fault.Class(fault.Input, "no target for ext4")
	// ErrMissing: the parent of a path, or the file that a link is to, is not there.
	ErrMissing = fault.Class(fault.Input, "not in the ext4 file system")
	// ErrExists: there is something of that name.
	ErrExists = fault.Class(fault.Input, "already in the ext4 file system")
	// ErrLinks: a file has 65,000 names, which is the most.
	ErrLinks = fault.Class(fault.Input, "too many hard links for ext4")
	// ErrMismatch: a reader gave fewer or more bytes than its file shall have.
	ErrMismatch = fault.Class(fault.Input, "contents of another size")
)

// Options describe a file system. SizeBytes and UUID are needed.
type Options struct {
	// SizeBytes is the size of the file system: a multiple of 4096 from
	// MinSizeBytes to MaxSizeBytes. If the last group of blocks (of 128 MiB) would
	// have next to no room it is left out, as mke2fs does.
	SizeBytes int64
	Label     string    // at most 16 bytes
	UUID      string    // 8-4-4-4-12 hex digits; the seed of names' hashes is derived from it
	Time      time.Time // every time of the superblock, and of what no caller made: lost+found, and the root if it is not
	Inodes    int       // how many files, directories and links there may be at least; one for each 16 KiB in any case
}

// Attr are attributes of a file, directory or link.
type Attr struct {
	Mode     fs.FileMode // permissions, setuid, setgid and sticky; of a symbolic link it is 0777 always
	UID, GID uint32
	ModTime  time.Time // used for every time that an inode has; from December 1901 to April 2310, else the nearest of these
}

// Writer makes a file system: each file at once, directories, inodes and all
// else in Close. After an error of the writer that Create was given, or of a
// file's reader, it does nothing more, and says so. It is for one goroutine.
type Writer struct {
	o      Options
	uuid   [16]byte
	hashes [4]uint32 // seed of names' hashes
	seed   uint32    // of checksums
	l      *layout
	out    stream
	pos    int64 // the next block of a file, or what files cannot have before it
	free   int64 // blocks for files
	nodes  nodes
	names  names
	err    error
	extent []extent // reused
	number [8]byte  // reused
}

// Create begins a file system in w, which must read as zeros wherever nothing
// was written, as a new sparse file does. Nothing but files' contents is written
// before Close.
func Create(w io.WriterAt, o Options) (*Writer, error) {
	uuid, err := parseUUID(o.UUID)
	if err != nil {
		return nil, &fault.Error{Class: ErrOptions, Field: "UUID", Err: err}
	}
	if len(o.Label) > 16 || strings.ContainsRune(o.Label, 0) {
		return nil, &fault.Error{Class: ErrOptions, Field: "Label", Err: fmt.Errorf("%q has more than 16 bytes, or a zero byte", o.Label)}
	}
	l, err := newLayout(o.SizeBytes, int64(o.Inodes))
	if err != nil {
		return nil, err
	}
	fw := &Writer{o: o, uuid: uuid, hashes: hashSeed(o.UUID), seed: sum(^uint32(0), uuid[:]), l: l, out: newStream(w), free: l.room() + 1 + lostFoundBlocks, names: newNames()}
	for range firstFree - 1 {
		fw.nodes.add(node{})
	}
	*fw.nodes.at(rootInode) = fw.nodes.node(modeDir, Attr{Mode: 0o755, ModTime: o.Time})
	fw.names.addDir(rootInode, rootInode)
	if err := fw.reserve(); err != nil {
		return nil, err
	}
	return fw, fw.Mkdir("lost+found", Attr{Mode: 0o700, ModTime: o.Time})
}

// Mkdir makes a directory; its parent must be there. Of ".", the root, it sets
// the attributes. A lost+found is there from the beginning.
func (w *Writer) Mkdir(path string, a Attr) error {
	if path == "." {
		*w.nodes.at(rootInode) = w.nodes.node(modeDir, a)
		return w.err
	}
	dir, name, err := w.vacant(path)
	if err != nil {
		return err
	}
	n := w.nodes.node(modeDir, a)
	n.start = uint32(len(w.names.dirs))
	ino := w.nodes.add(n)
	w.names.addDir(ino, w.names.dirs[dir].ino)
	w.names.dirs[dir].subdirs++
	w.names.add(dir, name, ino, typeDir)
	return nil
}

// File makes a regular file of what r gives, which must be sizeBytes.
func (w *Writer) File(path string, a Attr, sizeBytes int64, r io.Reader) error {
	dir, name, err := w.vacant(path)
	if err != nil {
		return err
	}
	n := w.nodes.node(modeFile, a)
	n.size = sizeBytes
	if n.start, err = w.allocate(path, sizeBytes); err != nil {
		return err
	}
	ino := w.nodes.add(n)
	if err := w.contents(ino, r); err != nil {
		w.err = fmt.Errorf("%s: %w", path, err)
		return w.err
	}
	w.names.add(dir, name, ino, typeFile)
	return nil
}

// Symlink makes a symbolic link.
func (w *Writer) Symlink(path, target string, a Attr) error {
	if target == "" || len(target) >= blockBytes || strings.ContainsRune(target, 0) {
		return &fault.Error{Class: ErrTarget, Err: fmt.Errorf("%s: a symbolic link's target has 1 to %d bytes other than zero, this one %d", path, blockBytes-1, len(target))}
	}
	dir, name, err := w.vacant(path)
	if err != nil {
		return err
	}
	n := w.nodes.node(modeLink, Attr{Mode: 0o777, UID: a.UID, GID: a.GID, ModTime: a.ModTime})
	n.size = int64(len(target))
	if len(target) < blockSize {
		n.start = w.names.store(target)
	} else if n.start, err = w.allocate(path, n.size); err != nil {
		return err
	}
	ino := w.nodes.add(n)
	if len(target) >= blockSize {
		if err := w.contents(ino, strings.NewReader(target)); err != nil {
			w.err = fmt.Errorf("%s: %w", path, err)
			return w.err
		}
	}
	w.names.add(dir, name, ino, typeLink)
	return nil
}

// Link gives an existing file, or symbolic link, another name.
func (w *Writer) Link(path, existing string) error {
	dir, name, err := w.vacant(path)
	if err != nil {
		return err
	}
	ino, typ, err := w.find(existing)
	if err != nil {
		return err
	}
	n := w.nodes.at(ino)
	switch {
	case typ == typeDir:
		return &fault.Error{Class: ErrName, Err: fmt.Errorf("%s: %s is a directory, which has one name", path, existing)}
	case n.links == maxLinks:
		return &fault.Error{Class: ErrLinks, Err: fmt.Errorf("%s: %s has %d names already", path, existing, maxLinks)}
	}
	n.links++
	w.names.add(dir, name, ino, typ)
	return nil
}

// vacant finds the directory in which path shall be, and checks that it can be.
func (w *Writer) vacant(path string) (dir uint32, name string, err error) {
	if w.err != nil {
		return 0, "", w.err
	}
	parent, name := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		parent, name = path[:i], path[i+1:]
		ino, typ, err := w.find(parent)
		if err != nil {
			return 0, "", err
		}
		if typ != typeDir {
			return 0, "", &fault.Error{Class: ErrMissing, Err: fmt.Errorf("%s: %s is no directory", path, parent)}
		}
		dir = w.nodes.at(ino).start
	}
	if err := checkName(path, name); err != nil {
		return 0, "", err
	}
	if w.names.find(dir, name) != 0 {
		return 0, "", &fault.Error{Class: ErrExists, Err: fmt.Errorf("%s: %w", path, fs.ErrExist)}
	}
	if int64(w.nodes.n) == w.l.groups*w.l.perGroup() || w.names.end > maxNames {
		return 0, "", &fault.Error{Class: ErrFull, Field: "Inodes", Err: fmt.Errorf("%s: there is no room for more than %d, or 4 GiB of names", path, w.l.inodes()), Do: "raise {Inodes}, or {SizeBytes}"}
	}
	return dir, name, nil
}

func checkName(path, name string) error {
	if name == "" || name == "." || name == ".." || len(name) > 255 || strings.ContainsRune(name, 0) {
		return &fault.Error{Class: ErrName, Err: fmt.Errorf("%q: a path has names of 1 to 255 bytes with slashes between them, no ., .. or zero bytes", path)}
	}
	return nil
}

// find returns the inode of path.
func (w *Writer) find(path string) (ino uint32, typ byte, err error) {
	ino, typ = rootInode, typeDir
	for rest, name, more := path, "", true; more; {
		name, rest, more = strings.Cut(rest, "/")
		if err := checkName(path, name); err != nil {
			return 0, 0, err
		}
		ref := uint32(0)
		if typ == typeDir {
			ref = w.names.find(w.nodes.at(ino).start, name)
		}
		if ref == 0 {
			return 0, 0, &fault.Error{Class: ErrMissing, Err: fmt.Errorf("%s: %w", path, fs.ErrNotExist)}
		}
		e := w.names.entry(ref)
		ino, typ = e.ino(), e.typ()
	}
	return ino, typ, nil
}

// allocate takes the blocks for size bytes from what is free, from w.pos on.
func (w *Writer) allocate(path string, size int64) (start uint32, err error) {
	if size < 0 || size > maxBlocks*blockBytes {
		return 0, &fault.Error{Class: ErrMismatch, Err: fmt.Errorf("%s: %d bytes", path, size)}
	}
	need := divUp(size, blockBytes)
	if need <= w.free {
		w.extents(w.pos, need)
		need += treeBlocks(len(w.extent))
	}
	if need > w.free {
		return 0, w.full(path, need)
	}
	w.free -= need
	return uint32(w.pos), nil
}

// next returns the next block, empty and to be filled at once.
func (w *Writer) next() ([]byte, error) {
	at, _ := w.l.run(w.pos, 1)
	w.pos = at + 1
	return w.out.block(at)
}

// full is ErrFull, of what needs so many blocks more than are free.
func (w *Writer) full(path string, need int64) error {
	used := w.l.room() + 1 + lostFoundBlocks - w.free
	return full(fmt.Sprintf("%s: %d bytes do not fit in %d that are left", path, need*blockBytes, w.free*blockBytes),
		minSize(used+need, w.l.inodes()))
}

func full(text string, size int64) error {
	return &fault.Error{Class: ErrFull, Field: "SizeBytes", Err: errors.New(text), Do: fmt.Sprintf("set {SizeBytes} to %d at least", size)}
}

// contents writes a node's blocks, which were allocated from w.pos on.
func (w *Writer) contents(ino uint32, r io.Reader) error {
	n := w.nodes.at(ino)
	left := n.size
	for left > 0 {
		start, count := w.l.run(w.pos, divUp(left, blockBytes))
		bytes := min(left, count*blockBytes)
		if err := w.out.copy(start*blockBytes, r, bytes); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = &fault.Error{Class: ErrMismatch, Err: fmt.Errorf("its reader ended before %d bytes", n.size)}
			}
			return err
		}
		left -= bytes
		w.pos = start + count
	}
	if err := w.writeTree(ino, n.start); err != nil {
		return err
	}
	switch _, err := io.ReadFull(r, w.out.one[:]); {
	case err == nil:
		return &fault.Error{Class: ErrMismatch, Err: fmt.Errorf("its reader has more than %d bytes", n.size)}
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}
