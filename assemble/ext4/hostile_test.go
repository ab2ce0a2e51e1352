package ext4_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/imgasm/imgasm/assemble/ext4"
)

// exercise does with a file system what can be done, within bounds that only a
// tree can keep, and returns the first error.
func exercise(fsys *ext4.FS, seen int) (first error) {
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
			if in.Size() < 1<<20 {
				_, err = fsys.ReadFile(path)
				keep(err)
			}
		}
		return nil
	})
	if err == errTooMany {
		panic(err)
	}
	return first
}

// entry is a name's in a block: 8 bytes, and the name.
func entry(t testing.TB, block []byte, name string) []byte {
	t.Helper()
	at := bytes.Index(block, []byte(name))
	if at < 8 {
		t.Fatalf("no %q", name)
	}
	return block[at-8:]
}

func TestHostileImages(t *testing.T) {
	type change = func(t testing.TB, m image)
	root := func(t testing.TB, m image, name string) []byte { return entry(t, m.blockOf(t, ".", 0), name) }
	node := func(t testing.TB, m image) []byte { // the node below the root of the extents
		return m.block(le.Uint32(iBlock(m.inode(t, "fragments"))[16:]))
	}
	extents := map[string]change{
		"more levels than there can be": func(t testing.TB, m image) { le.PutUint16(iBlock(m.inode(t, "fragments"))[6:], 2000) },
		"a level more":                  func(t testing.TB, m image) { le.PutUint16(iBlock(m.inode(t, "fragments"))[6:], 2) },
		"a level less":                  func(t testing.TB, m image) { le.PutUint16(iBlock(m.inode(t, "fragments"))[6:], 0) },
		"a root of nothing":             func(t testing.TB, m image) { le.PutUint16(iBlock(m.inode(t, "fragments"))[2:], 0) },
		"more extents than room":        func(t testing.TB, m image) { le.PutUint16(iBlock(m.inode(t, "fragments"))[2:], 5) },
		"more room than bytes":          func(t testing.TB, m image) { le.PutUint16(node(t, m)[4:], 86) },
		"a tree that leads into itself": func(t testing.TB, m image) {
			own := le.Uint32(iBlock(m.inode(t, "fragments"))[16:])
			le.PutUint16(node(t, m)[6:], 1)
			le.PutUint32(node(t, m)[16:], own)
			le.PutUint16(iBlock(m.inode(t, "fragments"))[6:], 2)
		},
		"no node":                       func(t testing.TB, m image) { clear(node(t, m)) },
		"a pointer out of the device":   func(t testing.TB, m image) { le.PutUint16(iBlock(m.inode(t, "fragments"))[20:], 1) },
		"a node for two ranges":         func(t testing.TB, m image) { b := iBlock(m.inode(t, "fragments")); copy(b[28:32], b[16:20]) },
		"keys out of order":             func(t testing.TB, m image) { le.PutUint32(iBlock(m.inode(t, "fragments"))[24:], 0) },
		"extents out of order":          func(t testing.TB, m image) { le.PutUint32(node(t, m)[24:], 0) },
		"an extent of no blocks":        func(t testing.TB, m image) { le.PutUint16(node(t, m)[16:], 0) },
		"an extent out of the device":   func(t testing.TB, m image) { le.PutUint32(node(t, m)[20:], 1<<30) },
		"an inline directory elsewhere": func(t testing.TB, m image) { le.PutUint32(iBlock(m.inode(t, "deep")), 99) },
		"an inline entry that is cut":   func(t testing.TB, m image) { le.PutUint16(iBlock(m.inode(t, "deep"))[8:], 100) },
		"an inline file of a gigabyte":  func(t testing.TB, m image) { le.PutUint32(m.inode(t, "inline/file")[4:], 1<<30) },
		"an attribute that is cut off":  func(t testing.TB, m image) { a := m.inode(t, "inline/file")[128+32+4:]; a[0] = 255 },
		"an attribute out of its inode": func(t testing.TB, m image) { le.PutUint32(m.inode(t, "inline/file")[128+32+4+8:], 1<<31) },
		"extra bytes beyond the inode":  func(t testing.TB, m image) { le.PutUint16(m.inode(t, "sparse")[128:], 200) },
		"a compressed link's target":    func(t testing.TB, m image) { le.PutUint32(m.inode(t, "longlink")[4:], 5000) },
	}
	maps := map[string]change{
		"a block out of the device":                func(t testing.TB, m image) { le.PutUint32(iBlock(m.inode(t, "fragments"))[8:], 1<<30) },
		"blocks out of the device":                 func(t testing.TB, m image) { le.PutUint32(m.blockOf(t, "fragments", 12), 5000) },
		"blocks of blocks elsewhere":               func(t testing.TB, m image) { le.PutUint32(m.blockOf(t, "fragments", 13), 5000) },
		"a negative size":                          func(t testing.TB, m image) { le.PutUint32(m.inode(t, "sparse")[108:], 1<<31) },
		"a mode of no type":                        func(t testing.TB, m image) { le.PutUint16(m.inode(t, "sparse"), 0o644) },
		"a mode that the entry denies":             func(t testing.TB, m image) { le.PutUint16(m.inode(t, "sparse"), 0o10644) },
		"a free inode":                             func(t testing.TB, m image) { le.PutUint16(m.inode(t, "sparse")[26:], 0) },
		"a link of nothing":                        func(t testing.TB, m image) { le.PutUint32(m.inode(t, "link")[4:], 0) },
		"a link with a zero":                       func(t testing.TB, m image) { iBlock(m.inode(t, "link"))[3] = 0 },
		"a link that is too long":                  func(t testing.TB, m image) { le.PutUint32(m.inode(t, "longlink")[4:], 5000) },
		"a directory in itself":                    func(t testing.TB, m image) { le.PutUint32(root(t, m, "deep"), inodeNumber(t, m, "deep/er")) },
		"the root below itself":                    func(t testing.TB, m image) { le.PutUint32(root(t, m, "deep"), 2) },
		"a directory with two names":               func(t testing.TB, m image) { le.PutUint32(root(t, m, "deep"), inodeNumber(t, m, "short")) },
		"a directory in itself, before its parent": func(t testing.TB, m image) { m.blockOf(t, "deep/er", 0)[8] = 'x' },
		"directories with one name":                func(t testing.TB, m image) { e := root(t, m, "many"); copy(e[8:12], "deep") },
		"a directory elsewhere":                    func(t testing.TB, m image) { le.PutUint32(m.blockOf(t, "deep/er", 0)[12:], 99) },
		"a directory without a parent":             func(t testing.TB, m image) { clear(m.inode(t, "deep/er")[4:8]) },
		"a directory beyond the device":            func(t testing.TB, m image) { le.PutUint32(m.inode(t, "many")[4:], 1<<20+1024) },
		"half a block of a directory":              func(t testing.TB, m image) { le.PutUint32(m.inode(t, "many")[4:], 1500) },
		"an inode that is reserved":                func(t testing.TB, m image) { le.PutUint32(root(t, m, "sparse"), 7) },
		"an inode out of the device":               func(t testing.TB, m image) { le.PutUint32(root(t, m, "sparse"), 1<<31) },
		"a name with a slash":                      func(t testing.TB, m image) { root(t, m, "sparse")[10] = '/' },
		"a name with a zero":                       func(t testing.TB, m image) { root(t, m, "sparse")[10] = 0 },
		"a name of nothing":                        func(t testing.TB, m image) { root(t, m, "sparse")[6] = 0 },
		"a name longer than its entry":             func(t testing.TB, m image) { root(t, m, "link")[6] = 200 },
		"an entry of no bytes":                     func(t testing.TB, m image) { le.PutUint16(root(t, m, "link")[4:], 0) },
		"an entry of odd bytes":                    func(t testing.TB, m image) { le.PutUint16(root(t, m, "link")[4:], 15) },
		"an entry larger than its block":           func(t testing.TB, m image) { le.PutUint16(root(t, m, "sparse")[4:], 60000) },
		"a file type of tomorrow":                  func(t testing.TB, m image) { root(t, m, "sparse")[7] = 99 },
		"an inode table elsewhere":                 func(t testing.TB, m image) { le.PutUint32(m.descriptor()[8:], 1<<30) },
	}
	for base, changes := range map[string]map[string]change{"small": extents, "maps": maps} {
		for name, change := range changes {
			t.Run(name, func(t *testing.T) {
				m := copyOf(base)
				change(t, m)
				fsys, err := m.open()
				if err == nil {
					err = exercise(fsys, 1000)
				}
				if !errors.Is(err, ext4.ErrCorrupt) {
					t.Errorf("no error that says damage: %v", err)
				}
			})
		}
	}
}

// TestRefused: what cannot be read is named.
func TestRefused(t *testing.T) {
	for name, change := range map[string]func(t testing.TB, m image){
		"is encrypted":              func(t testing.TB, m image) { m.inode(t, "short/file")[33] |= 8 },
		"encrypted":                 func(t testing.TB, m image) { m.inode(t, "many")[33] |= 8 },
		"compressed":                func(t testing.TB, m image) { m.inode(t, "longlink")[32] |= 4 },
		"unknown features 0x1000":   func(t testing.TB, m image) { m.superblock()[97] |= 0x10 },
		"checksums of kind 9":       func(t testing.TB, m image) { m.superblock()[101] |= 4; m.superblock()[373] = 9 },
		"unknown features 0x8":      func(t testing.TB, m image) { m.superblock()[96] |= 8 }, // a journal's device
		"features 0x80000000":       func(t testing.TB, m image) { m.superblock()[99] |= 0x80 },
		"unknown features 0x100000": func(t testing.TB, m image) { m.superblock()[98] |= 0x10 },
	} {
		m := copyOf("maps")
		change(t, m)
		fsys, err := m.open()
		if err == nil {
			err = exercise(fsys, 1000)
		}
		if !errors.Is(err, ext4.ErrUnsupported) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHostileSuperblocks(t *testing.T) {
	for name, change := range map[string]func(sb []byte){
		"blocks of 2^32 KiB":       func(sb []byte) { le.PutUint32(sb[24:], 1<<31) },
		"blocks of 128 KiB":        func(sb []byte) { le.PutUint32(sb[24:], 7) },
		"no blocks":                func(sb []byte) { le.PutUint32(sb[4:], 0) },
		"a device that was cut":    func(sb []byte) { le.PutUint32(sb[4:], 1<<30) },
		"a first block elsewhere":  func(sb []byte) { le.PutUint32(sb[20:], 2) },
		"groups of no blocks":      func(sb []byte) { le.PutUint32(sb[32:], 0) },
		"groups of no inodes":      func(sb []byte) { le.PutUint32(sb[40:], 0) },
		"groups of all inodes":     func(sb []byte) { le.PutUint32(sb[40:], 1<<31) },
		"more inodes than groups":  func(sb []byte) { le.PutUint32(sb, 1<<20) },
		"no inodes":                func(sb []byte) { le.PutUint32(sb, 0) },
		"inodes of no bytes":       func(sb []byte) { le.PutUint16(sb[88:], 0) },
		"inodes of odd bytes":      func(sb []byte) { le.PutUint16(sb[88:], 300) },
		"inodes of many bytes":     func(sb []byte) { le.PutUint16(sb[88:], 2048) },
		"descriptors of no bytes":  func(sb []byte) { sb[96] |= 0x80; le.PutUint16(sb[254:], 0) },
		"descriptors of 32 bytes":  func(sb []byte) { sb[96] |= 0x80; le.PutUint16(sb[254:], 32) },
		"descriptors of odd bytes": func(sb []byte) { sb[96] |= 0x80; le.PutUint16(sb[254:], 96) },
		"a wrong checksum":         func(sb []byte) { sb[101] |= 4; sb[373] = 1 },
	} {
		m := copyOf("small")
		change(m.superblock())
		if _, err := m.open(); !errors.Is(err, ext4.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := copyOf("small")
	if _, err := ext4.New(bytes.NewReader(m), 1<<19); !errors.Is(err, ext4.ErrCorrupt) || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("a cut device: %v", err)
	}
}

// TestUnclean: a file system that needs its journal is read without it, and says so;
// so does one without a journal that is still mounted.
func TestUnclean(t *testing.T) {
	for name, change := range map[string]func(superblock []byte){
		"":              func([]byte) {},
		"journal":       func(b []byte) { b[96] |= 4 },
		"still mounted": func(b []byte) { b[58] &^= 1 },
	} {
		m := copyOf("maps")
		change(m.superblock())
		fsys, err := m.open()
		if err != nil || fsys.Unclean != (name != "") {
			t.Errorf("%s: %+v, %v", name, fsys, err)
		}
	}
}

// TestHugeFile: a size that nothing stands behind takes no memory.
func TestHugeFile(t *testing.T) {
	for _, base := range []string{"small", "maps"} {
		m := copyOf(base)
		le.PutUint32(m.inode(t, "sparse")[108:], 1<<30)
		fsys, err := m.open()
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
		in, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		buf := bytes.Repeat([]byte("x"), 100)
		if n, err := f.(io.ReaderAt).ReadAt(buf, in.Size()-50); n != 50 || err != io.EOF || !bytes.Equal(buf[:50], make([]byte, 50)) {
			t.Errorf("the end: %d, %v", n, err)
		}
	}
}

// TestListingsAreBounded: a directory that needs more memory than the bound is
// refused, as is its lookup, and others are not.
func TestListingsAreBounded(t *testing.T) {
	m := copyOf("maps")
	le.PutUint32(m.superblock()[4:], 1<<21)
	le.PutUint32(m.inode(t, "many")[4:], 1<<30+1024)
	large, err := ext4.New(readerFunc(func(p []byte, off int64) (int, error) {
		clear(p)
		copy(p, m[min(int(off), len(m)):])
		return len(p), nil
	}), 2<<30)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := large.ReadDir("many"); !errors.Is(err, ext4.ErrUnsupported) {
		t.Errorf("a directory of a gigabyte: %v", err)
	}

	ext4.LowerMaxListing(t, 20_000) // "many" needs 40,800
	fsys := small(t, "small")
	if _, err := fsys.ReadDir("many"); !errors.Is(err, ext4.ErrUnsupported) {
		t.Errorf("ReadDir: %v", err)
	}
	if _, err := fsys.Stat("many/no-such-file"); !errors.Is(err, ext4.ErrUnsupported) {
		t.Errorf("Stat of what may be behind the bound: %v", err)
	}
	for range 2 { // lookups in one drop what is kept of the other
		if _, err := fsys.Stat("short/file"); err != nil {
			t.Error(err)
		}
	}
}

// TestErrorsOfTheDevice are told as they are.
func TestErrorsOfTheDevice(t *testing.T) {
	broken := errors.New("broken disk")
	fail := false
	data := bases()["small"]
	fsys, err := ext4.New(readerFunc(func(p []byte, off int64) (int, error) {
		if fail {
			return 0, broken
		}
		return bytes.NewReader(data).ReadAt(p, off)
	}), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	fail = true
	if _, err := fsys.ReadDir("many"); !errors.Is(err, broken) || errors.Is(err, ext4.ErrCorrupt) {
		t.Error(err)
	}
}

type readerFunc func([]byte, int64) (int, error)

func (f readerFunc) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }

// usedBlocks are those of the small images that are not empty.
var usedBlocks = sync.OnceValue(func() map[string][]uint32 {
	used := map[string][]uint32{}
	for name, m := range bases() {
		for n := range uint32(len(m) / 1024) {
			if bytes.ContainsFunc(image(m).block(n), func(r rune) bool { return r != 0 }) {
				used[name] = append(used[name], n)
			}
		}
	}
	return used
})

// damage changes a byte for every five of input, in the blocks that are not empty.
func damage(base string, input []byte) image {
	m := copyOf(base)
	used := usedBlocks()[base]
	for ; len(input) >= 5; input = input[5:] {
		block := m.block(used[int(le.Uint16(input))%len(used)])
		block[int(le.Uint16(input[2:]))%len(block)] = input[4]
	}
	return m
}

// TestRandomDamage: no panic, no walk without an end, whatever is changed.
func TestRandomDamage(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		input := make([]byte, 5*(1+random.IntN(20)))
		for i := range input {
			input[i] = byte(random.Uint32())
		}
		if fsys, err := damage([]string{"small", "maps"}[i%2], input).open(); err == nil {
			_ = exercise(fsys, 10_000)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(false, []byte{})
	f.Add(true, []byte{})
	for i := range byte(40) {
		f.Add(i%2 == 0, []byte{i, 0, 46, 0, 5, i, 0, 8, 0, 255})
	}
	f.Fuzz(func(t *testing.T, maps bool, input []byte) {
		if len(input) > 5*64 {
			return
		}
		base := "small"
		if maps {
			base = "maps"
		}
		if fsys, err := damage(base, input).open(); err == nil {
			_ = exercise(fsys, 10_000)
		}
	})
}
