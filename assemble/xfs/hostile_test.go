package xfs_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/imgasm/imgasm/assemble/xfs"
)

// part is a piece of metadata in the small image, with a checksum of its own.
type part struct {
	off, size, sum int
}

// base is the small image with all of its metadata found.
var base = sync.OnceValue(func() (b struct {
	image []byte
	parts []part
}) {
	image, err := smallImage()
	if err != nil {
		panic(err)
	}
	b.image = image
	for off := 0; off < len(image); off += 512 {
		p := part{off: off}
		switch s := string(image[off : off+4]); {
		case off == 0:
			p.size, p.sum = 512, 224
		case s[:2] == "IN" && image[off+2]|image[off+3] != 0:
			p.size, p.sum = 512, 100
		case s == "BMA3":
			p.size, p.sum = 1024, 64
		case s == "XDB3" || s == "XDD3":
			p.size, p.sum = 4096, 4
		case s == "XSLM":
			p.size, p.sum = 1024, 12
		default:
			continue
		}
		b.parts = append(b.parts, p)
	}
	return b
})

// patched is the small image with parts of it replaced.
type patched map[part][]byte

func (p patched) ReadAt(buf []byte, off int64) (int, error) {
	n, err := bytes.NewReader(base().image).ReadAt(buf, off)
	for at, data := range p {
		lo, hi := max(at.off, int(off)), min(at.off+at.size, int(off)+n)
		if lo < hi {
			copy(buf[lo-int(off):hi-int(off)], data[lo-at.off:])
		}
	}
	return n, err
}

// part returns the bytes of a part, to be changed.
func (p patched) part(at part) []byte {
	if p[at] == nil {
		p[at] = bytes.Clone(base().image[at.off : at.off+at.size])
	}
	return p[at]
}

// seal makes all checksums right again, as a hostile author would.
func (p patched) seal() {
	for at, data := range p {
		clear(data[at.sum : at.sum+4])
		binary.LittleEndian.PutUint32(data[at.sum:], crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
	}
}

func (p patched) open() (*xfs.FS, error) { return xfs.New(p, int64(len(base().image))) }

// inode returns the inode of a file of the image as it was made.
func (p patched) inode(t testing.TB, name string) []byte {
	t.Helper()
	n := inodeNumber(t, name)
	return p.find(t, "IN", func(data []byte) bool { return binary.BigEndian.Uint64(data[152:]) == n })
}

func inodeNumber(t testing.TB, name string) uint64 {
	t.Helper()
	in, err := small(t).Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	return in.Sys().(*xfs.Stat).Inode
}

// find returns the first part with a magic number for which ok is true.
func (p patched) find(t testing.TB, magic string, ok func([]byte) bool) []byte {
	t.Helper()
	for _, at := range base().parts {
		if data := base().image[at.off : at.off+at.size]; strings.HasPrefix(string(data), magic) && ok(data) {
			return p.part(at)
		}
	}
	t.Fatalf("the small image has no such %s", magic)
	return nil
}

func every([]byte) bool { return true }

// exercise does with a file system what can be done, within bounds that only a
// tree can keep, and returns the first error.
func exercise(fsys *xfs.FS, seen int) (first error) {
	buf := make([]byte, 5000)
	keep := func(err error) {
		if first == nil && err != nil && err != io.EOF {
			first = err
		}
	}
	errTooMany := errors.New("this walk does not end")
	err := fs.WalkDir(fsys, ".", func(path string, e fs.DirEntry, err error) error {
		if seen--; seen < 0 {
			return errTooMany
		}
		if keep(err); err != nil {
			return nil
		}
		in, err := e.Info()
		if keep(err); err != nil {
			return nil
		}
		switch in.Mode().Type() {
		case fs.ModeSymlink:
			_, err = fsys.ReadLink(path)
			keep(err)
		case 0:
			f, err := fsys.Open(path)
			if keep(err); err != nil {
				return nil
			}
			for _, off := range []int64{0, 1023, 100_000, in.Size() / 2, in.Size() - 4000} {
				_, err := f.(io.ReaderAt).ReadAt(buf, max(0, off))
				keep(err)
			}
			_, err = fsys.ReadFile(path)
			keep(err)
		}
		return nil
	})
	if err == errTooMany {
		panic(err)
	}
	return first
}

func TestHostileImages(t *testing.T) {
	be := binary.BigEndian
	// The root directory is in its inode: name, type, inode number of 4 bytes.
	target := func(t testing.TB, p patched, name string, n uint64) {
		root := p.inode(t, ".")
		at := bytes.LastIndex(root, []byte(name)) + len(name)
		be.PutUint32(root[at+1:], uint32(n))
	}
	// The file's root leads to one node of level 1, and that to leaves.
	node := func(b []byte) bool { return be.Uint16(b[4:]) == 1 }
	leaf := func(b []byte) bool { return be.Uint16(b[4:]) == 0 }
	for name, change := range map[string]func(t testing.TB, p patched){
		"more levels than there can be": func(t testing.TB, p patched) { be.PutUint16(p.inode(t, "fragments")[176:], 2000) },
		"a level more":                  func(t testing.TB, p patched) { be.PutUint16(p.inode(t, "fragments")[176:], 3) },
		"a root without keys":           func(t testing.TB, p patched) { be.PutUint16(p.inode(t, "fragments")[178:], 0) },
		"more keys than room":           func(t testing.TB, p patched) { be.PutUint16(p.inode(t, "fragments")[178:], 65535) },
		"a leaf for two ranges": func(t testing.TB, p patched) {
			ptrs := p.find(t, "BMA3", node)[72+8*59:]
			copy(ptrs[8:16], ptrs[:8])
		},
		"a pointer out of the device": func(t testing.TB, p patched) {
			be.PutUint64(p.find(t, "BMA3", node)[72+8*59:], 1<<50)
		},
		"keys out of order": func(t testing.TB, p patched) { be.PutUint64(p.find(t, "BMA3", node)[72+8:], 0) },
		"a tree that leads into itself": func(t testing.TB, p patched) {
			in := p.inode(t, "fragments")
			copy(p.find(t, "BMA3", node)[72+8*59:], in[180+8*11:180+8*12]) // the node's own address
		},
		"an empty leaf":                func(t testing.TB, p patched) { be.PutUint16(p.find(t, "BMA3", leaf)[6:], 0) },
		"a leaf with too many extents": func(t testing.TB, p patched) { be.PutUint16(p.find(t, "BMA3", leaf)[6:], 60) },
		"an extent of no blocks": func(t testing.TB, p patched) {
			rec := p.find(t, "BMA3", leaf)[72:]
			be.PutUint64(rec[8:], be.Uint64(rec[8:])&^(1<<21-1))
		},
		"an extent out of the device":   func(t testing.TB, p patched) { p.find(t, "BMA3", leaf)[72+8] = 0xff },
		"another file's B+tree":         func(t testing.TB, p patched) { be.PutUint64(p.find(t, "BMA3", leaf)[56:], 128) },
		"a billion extents in an inode": func(t testing.TB, p patched) { be.PutUint64(p.inode(t, "unwritten")[24:], 1<<40) },
		"an unknown fork":               func(t testing.TB, p patched) { p.inode(t, "unwritten")[5] = 9 },
		"contents in the inode":         func(t testing.TB, p patched) { p.inode(t, "unwritten")[5] = 1 },
		"a fork larger than its inode":  func(t testing.TB, p patched) { p.inode(t, "unwritten")[82] = 255 },
		"a negative size":               func(t testing.TB, p patched) { p.inode(t, "sparse")[56] = 0x80 },
		"a mode of no type":             func(t testing.TB, p patched) { be.PutUint16(p.inode(t, "sparse")[2:], 0o644) },
		"a mode that the entry denies":  func(t testing.TB, p patched) { be.PutUint16(p.inode(t, "sparse")[2:], 0o10644) },
		"an inode with another number":  func(t testing.TB, p patched) { p.inode(t, "sparse")[159]++ },
		"a link that is too long":       func(t testing.TB, p patched) { be.PutUint64(p.inode(t, "longlink")[56:], 5000) },
		"a link longer than its inode":  func(t testing.TB, p patched) { be.PutUint64(p.inode(t, "link")[56:], 400) },
		"a link of nothing":             func(t testing.TB, p patched) { be.PutUint64(p.inode(t, "link")[56:], 0) },
		"a link's block that is short":  func(t testing.TB, p patched) { be.PutUint32(p.find(t, "XSLM", every)[8:], 10) },
		"a link's block of nothing":     func(t testing.TB, p patched) { be.PutUint32(p.find(t, "XSLM", every)[8:], 0) },
		"a directory in itself":         func(t testing.TB, p patched) { target(t, p, "deep", inodeNumber(t, "deep/er")) },
		"the root below itself":         func(t testing.TB, p patched) { target(t, p, "deep", inodeNumber(t, ".")) },
		"a directory with two names":    func(t testing.TB, p patched) { target(t, p, "deep", inodeNumber(t, "short")) },
		"an entry before the parent": func(t testing.TB, p patched) {
			p.find(t, "XDB3", every)[64+16+9] = 'x' // the first of ".."
		},
		"directories with one name": func(t testing.TB, p patched) {
			root := p.inode(t, ".")
			copy(root[bytes.LastIndex(root, []byte("many")):], "deep")
		},
		"an inode out of the device": func(t testing.TB, p patched) { target(t, p, "sparse", 1<<31) },
		"a directory that says it is elsewhere": func(t testing.TB, p patched) {
			be.PutUint32(p.inode(t, "deep/er")[178:], 999)
		},
		"a name with a slash": func(t testing.TB, p patched) {
			root := p.inode(t, ".")
			root[bytes.Index(root, []byte("sparse"))+2] = '/'
		},
		"a short form with more entries than bytes": func(t testing.TB, p patched) { p.inode(t, ".")[176] = 255 },
		"a directory of a terabyte":                 func(t testing.TB, p patched) { be.PutUint64(p.inode(t, "many")[56:], 1<<40) },
		"a directory block of other entries": func(t testing.TB, p patched) {
			be.PutUint16(p.find(t, "XDD3", every)[64+16+2:], 0)
			p.find(t, "XDD3", every)[64+8] = 255
		},
		"more hashes than a block holds": func(t testing.TB, p patched) { be.PutUint32(p.find(t, "XDB3", every)[4096-8:], 1<<31) },
		"a file type of tomorrow": func(t testing.TB, p patched) {
			root := p.inode(t, ".")
			root[bytes.Index(root, []byte("sparse"))+6] = 99
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := patched{}
			change(t, p)
			p.seal()
			fsys, err := p.open()
			if err == nil {
				err = exercise(fsys, 1000)
			}
			if !errors.Is(err, xfs.ErrCorrupt) {
				t.Errorf("no error that says damage: %v", err)
			}
		})
	}
}

// TestChecksums: each kind of metadata with a bit changed is refused.
func TestChecksums(t *testing.T) {
	for _, magic := range []string{"XFSB", "IN", "BMA3", "XDB3", "XDD3", "XSLM"} {
		p := patched{}
		ok := every
		if magic == "IN" {
			n := inodeNumber(t, "sparse")
			ok = func(b []byte) bool { return binary.BigEndian.Uint64(b[152:]) == n }
		}
		data := p.find(t, magic, ok)
		data[len(data)-1] ^= 1
		fsys, err := p.open()
		if err == nil {
			err = exercise(fsys, 1000)
		}
		if !errors.Is(err, xfs.ErrCorrupt) || !strings.Contains(err.Error(), "checksum") {
			t.Errorf("%s: %v", magic, err)
		}
	}
}

func TestHostileSuperblocks(t *testing.T) {
	be := binary.BigEndian
	for name, c := range map[string]struct {
		change func(sb []byte)
		want   error
	}{
		"sectors of no bytes":        {func(sb []byte) { be.PutUint16(sb[102:], 0) }, xfs.ErrCorrupt},
		"large sectors":              {func(sb []byte) { be.PutUint16(sb[102:], 1<<15) }, xfs.ErrCorrupt},
		"blocks of no bytes":         {func(sb []byte) { be.PutUint32(sb[4:], 0) }, xfs.ErrCorrupt},
		"large blocks":               {func(sb []byte) { sb[120] = 63 }, xfs.ErrCorrupt},
		"large inodes":               {func(sb []byte) { sb[122] = 12 }, xfs.ErrCorrupt},
		"large directory blocks":     {func(sb []byte) { sb[192] = 200 }, xfs.ErrCorrupt},
		"a device that was cut":      {func(sb []byte) { be.PutUint64(sb[8:], 1<<46) }, xfs.ErrCorrupt},
		"no allocation groups":       {func(sb []byte) { be.PutUint32(sb[88:], 0) }, xfs.ErrCorrupt},
		"groups of no blocks":        {func(sb []byte) { be.PutUint32(sb[84:], 0) }, xfs.ErrCorrupt},
		"large groups":               {func(sb []byte) { sb[124] = 64 }, xfs.ErrCorrupt},
		"a root that is elsewhere":   {func(sb []byte) { be.PutUint64(sb[56:], 1<<60) }, xfs.ErrCorrupt},
		"a feature of tomorrow":      {func(sb []byte) { sb[216] |= 0x40 }, xfs.ErrUnsupported},
		"no file types":              {func(sb []byte) { sb[219] &^= 1 }, xfs.ErrUnsupported},
		"a mark of needing repair":   {func(sb []byte) { sb[219] |= 0x10 }, xfs.ErrUnsupported},
		"mkfs in progress":           {func(sb []byte) { sb[126] = 1 }, xfs.ErrUnsupported},
		"another UUID than metadata": {func(sb []byte) { sb[32] ^= 1 }, xfs.ErrCorrupt},
	} {
		p := patched{}
		c.change(p.part(base().parts[0]))
		p.seal()
		if _, err := p.open(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := xfs.New(patched{}, 1<<20); !errors.Is(err, xfs.ErrCorrupt) || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("a cut device: %v", err)
	}
}

// TestHugeFile: a size that nothing stands behind takes no memory.
func TestHugeFile(t *testing.T) {
	p := patched{}
	binary.BigEndian.PutUint64(p.inode(t, "sparse")[56:], 1<<62)
	p.seal()
	fsys, err := p.open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fsys.ReadFile("sparse"); err == nil {
		t.Error("ReadFile of 2^62 bytes has no error")
	}
	f, err := fsys.Open("sparse")
	if err != nil {
		t.Fatal(err)
	}
	buf := bytes.Repeat([]byte("x"), 100)
	if n, err := f.(io.ReaderAt).ReadAt(buf, 1<<62-50); n != 50 || err != io.EOF || !bytes.Equal(buf[:50], make([]byte, 50)) {
		t.Errorf("the end: %d, %v", n, err)
	}
}

// TestListingsAreBounded: a directory that needs more memory than the bound is
// refused, as is its lookup, and others are not.
func TestListingsAreBounded(t *testing.T) {
	xfs.LowerMaxListing(t, 20_000) // "many" needs 40,800
	fsys := small(t)
	if _, err := fsys.ReadDir("many"); !errors.Is(err, xfs.ErrUnsupported) {
		t.Errorf("ReadDir: %v", err)
	}
	if _, err := fsys.Stat("many/file-299"); !errors.Is(err, xfs.ErrUnsupported) {
		t.Errorf("Stat of what is behind the bound: %v", err)
	}
	if _, err := fsys.Stat("many/file-000"); err != nil {
		t.Errorf("Stat of what is before the bound: %v", err)
	}
	for range 2 { // lookups in one drop what is kept of the other
		if _, err := fsys.Stat("block/a-file-of-a-block-1"); err != nil {
			t.Error(err)
		}
		if _, err := fsys.Stat("many/file-001"); err != nil {
			t.Error(err)
		}
	}
}

// TestErrorsOfTheDevice are told as they are.
func TestErrorsOfTheDevice(t *testing.T) {
	broken := errors.New("broken disk")
	fail := int64(-1)
	data := base().image
	fsys, err := xfs.New(readerFunc(func(p []byte, off int64) (int, error) {
		if fail >= 0 {
			return 0, broken
		}
		return bytes.NewReader(data).ReadAt(p, off)
	}), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	fail = 0
	if _, err := fsys.ReadDir("many"); !errors.Is(err, broken) || errors.Is(err, xfs.ErrCorrupt) {
		t.Error(err)
	}
}

type readerFunc func([]byte, int64) (int, error)

func (f readerFunc) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }

// apply changes a byte of a part for every five of input.
func (p patched) apply(input []byte) {
	for parts := base().parts; len(input) >= 5; input = input[5:] {
		at := parts[int(binary.BigEndian.Uint16(input))%len(parts)]
		p.part(at)[int(binary.BigEndian.Uint16(input[2:]))%at.size] = input[4]
	}
}

// TestRandomDamage: no panic, no walk without an end, whatever is changed.
func TestRandomDamage(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		input := make([]byte, 5*(1+random.IntN(20)))
		for i := range input {
			input[i] = byte(random.Uint32())
		}
		p := patched{}
		p.apply(input)
		p.seal()
		if fsys, err := p.open(); err == nil {
			_ = exercise(fsys, 10_000)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte{})
	for i := range base().parts {
		if i < 12 || i%40 == 0 {
			f.Add([]byte{byte(i >> 8), byte(i), 0, 83, 1, byte(i >> 8), byte(i), 0, 178, 255})
		}
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 5*64 {
			return
		}
		p := patched{}
		p.apply(input)
		p.seal()
		if fsys, err := p.open(); err == nil {
			_ = exercise(fsys, 10_000)
		}
	})
}
