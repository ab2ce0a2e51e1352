package inspect_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/internal/golden"
)

// smallImage is the disk that testdata/make.sh made.
func smallImage() ([]byte, error) {
	return golden.Unzstd("testdata/small.img.zst")
}

const sector = 512

// base is the small disk, and its sectors that are not empty.
var base = sync.OnceValue(func() (b struct {
	image []byte
	used  []int
}) {
	var err error
	if b.image, err = smallImage(); err != nil {
		panic(err)
	}
	for at := 0; at < len(b.image); at += sector {
		if bytes.ContainsFunc(b.image[at:at+sector], func(r rune) bool { return r != 0 }) {
			b.used = append(b.used, at)
		}
	}
	return b
})

// damaged changes a byte for every five of input.
func damaged(input []byte) []byte {
	image := bytes.Clone(base().image)
	for used := base().used; len(input) >= 5; input = input[5:] {
		at := used[int(binary.LittleEndian.Uint16(input))%len(used)]
		image[at+int(binary.LittleEndian.Uint16(input[2:]))%sector] = input[4]
	}
	return image
}

// exercise does all that can be done with a disk.
func exercise(image []byte) error {
	m, err := inspect.Open(bytes.NewReader(image), int64(len(image)))
	if err != nil {
		return err
	}
	tree, err := m.Tree()
	if err != nil {
		return err
	}
	m.Look(tree)
	seen := 10_000
	return fs.WalkDir(tree, ".", func(name string, e fs.DirEntry, err error) error {
		if seen--; seen < 0 {
			panic("this walk does not end")
		}
		if err != nil || !e.Type().IsRegular() {
			return nil
		}
		if f, err := tree.Open(name); err == nil {
			_, _ = io.CopyN(io.Discard, f, 1<<20)
			f.Close()
		}
		return nil
	})
}

// TestSmall: the small disk is whole, as fuzzing takes it for.
func TestSmall(t *testing.T) {
	m, err := inspect.Open(bytes.NewReader(base().image), int64(len(base().image)))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := m.Tree()
	if err != nil {
		t.Fatal(err)
	}
	s := m.Look(tree)
	if len(tree.Mounts) != 2 || s.OS["ID"] != "small" || len(s.Kernels) != 1 || len(s.Loaders) != 1 || len(s.Packages) != 1 || len(s.Left) != 2 || s.Unread != nil {
		t.Errorf("%+v", s)
	}
	if e := s.BootEntries; len(e) != 1 || e[0].Problem != "/boot/none does not exist" {
		t.Errorf("%+v", e)
	}
}

func TestRandomDamage(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		input := make([]byte, 5*(1+random.IntN(20)))
		for i := range input {
			input[i] = byte(random.Uint32())
		}
		_ = exercise(damaged(input))
	}
}

func FuzzInspect(f *testing.F) {
	f.Add([]byte{})
	for i := range base().used {
		if i%7 == 0 {
			f.Add([]byte{byte(i), byte(i >> 8), 0, 5, 1, byte(i), byte(i >> 8), 46, 0, 255})
		}
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 5*64 {
			return
		}
		_ = exercise(damaged(input))
	})
}
