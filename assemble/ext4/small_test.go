package ext4_test

import (
	"bytes"
	"encoding/binary"
	"sync"
	"testing"

	"github.com/imgasm/imgasm/assemble/ext4"
	"github.com/imgasm/imgasm/internal/golden"
)

var le = binary.LittleEndian

// smallImage is a file system that testdata/make.sh made: small (ext4) or maps
// (ext2), with blocks of 1 KiB.
func smallImage(name string) ([]byte, error) {
	return golden.Unzstd("testdata/" + name + ".img.zst")
}

// bases are the small images.
var bases = sync.OnceValue(func() map[string][]byte {
	all := map[string][]byte{}
	for _, name := range []string{"small", "maps"} {
		image, err := smallImage(name)
		if err != nil {
			panic(err)
		}
		all[name] = image
	}
	return all
})

// image is a file system in memory.
type image []byte

// copyOf is a small image that may be changed.
func copyOf(name string) image { return bytes.Clone(bases()[name]) }

func (m image) open() (*ext4.FS, error) { return ext4.New(bytes.NewReader(m), int64(len(m))) }

func (m image) block(n uint32) []byte { return m[1024*n : 1024*(n+1)] }

// superblock is at byte 1024, and the group's descriptor behind it.
func (m image) superblock() []byte { return m.block(1) }
func (m image) descriptor() []byte { return m.block(2) }

// inode is that of a path of the image as it was made.
func (m image) inode(t testing.TB, path string) []byte {
	t.Helper()
	return m.numbered(inodeNumber(t, m, path))
}

func (m image) numbered(ino uint32) []byte {
	size := uint32(le.Uint16(m.superblock()[88:]))
	at := 1024*le.Uint32(m.descriptor()[8:]) + (ino-1)*size
	return m[at : at+size]
}

// iBlock is an inode's i_block: extents, or block numbers.
func iBlock(inode []byte) []byte { return inode[40:100] }

// blockOf is a block that has its number in i_block.
func (m image) blockOf(t testing.TB, path string, n int) []byte {
	t.Helper()
	return m.block(le.Uint32(iBlock(m.inode(t, path))[4*n:]))
}

func inodeNumber(t testing.TB, m image, path string) uint32 {
	t.Helper()
	for _, base := range bases() {
		if len(base) != len(m) || !bytes.Equal(base[1024+104:1024+120], m[1024+104:1024+120]) {
			continue
		}
		fsys, err := image(base).open()
		if err != nil {
			t.Fatal(err)
		}
		in, err := fsys.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		return uint32(in.Sys().(*ext4.Stat).Inode)
	}
	t.Fatal("an image of another UUID")
	return 0
}

func small(t testing.TB, name string) *ext4.FS {
	t.Helper()
	fsys, err := copyOf(name).open()
	if err != nil {
		t.Fatal(err)
	}
	return fsys
}
