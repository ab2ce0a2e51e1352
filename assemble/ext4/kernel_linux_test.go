package ext4_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/ext4"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/nodefs/nodefstest"
)

// TestFilledByKernel compares what the kernel wrote, and read, with what the
// image has: names, modes, owners, sizes, times, links, SHA-256.
func TestFilledByKernel(t *testing.T) {
	for _, args := range []string{
		"-t ext4 -b 4096 -O inline_data",
		"-t ext4 -b 1024 -I 1024 -O ^has_journal,bigalloc -C 16384",
		"-t ext4 -b 2048 -O ^metadata_csum,^64bit",
		"-t ext3 -b 1024 -I 128",
		"-t ext2 -b 4096 -O ^filetype,^dir_index",
	} {
		t.Run(args, func(t *testing.T) {
			image := mkfs(t, 96<<20, strings.Fields(args)...)
			dir, unmount := nodefstest.Mount(t, strings.Fields(args)[1], image)
			nodefstest.Fill(t, dir)
			want := nodefstest.Tree(t, os.DirFS(dir), nodefstest.KernelSays)
			unmount()
			if len(want) < 1100 {
				t.Fatalf("only %d files", len(want))
			}
			fsys := open(t, image)
			nodefstest.Compare(t, nodefstest.Tree(t, fsys, describe), want)
			nodefstest.CheckReadAt(t, fsys)
		})
	}
}

// TestWrittenForKernel: the kernel reads what was written, and goes on writing.
func TestWrittenForKernel(t *testing.T) {
	same := sameHash(t)
	image := written(t, options(256<<20), func(w *ext4.Writer) error {
		if err := w.Mkdir("same", ext4.Attr{Mode: 0o755}); err != nil {
			return err
		}
		for _, name := range same {
			if err := w.Mkdir("same/"+name, ext4.Attr{Mode: 0o755}); err != nil {
				return err
			}
		}
		return copyTree(w, source(t), nil)
	})
	want := nodefstest.Tree(t, open(t, image), describe)
	dir, unmount := nodefstest.Mount(t, "ext4", image)
	nodefstest.Compare(t, nodefstest.Tree(t, os.DirFS(dir), nodefstest.KernelSays), want)
	for i := range 3000 { // which divides blocks of a hashed directory
		if err := os.WriteFile(fmt.Sprintf("%s/many/%s-%d", dir, nodefstest.LongName, i), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "sizes")); err != nil {
		t.Fatal(err)
	}
	nodefstest.Fill(t, filepath.Join(dir, "names"))
	unmount()
	clean(t, image)
}

// sameHash returns names for a directory: the last of a block, which 15 fill,
// has the hash of the first of the next, so that who looks for that must go on.
func sameHash(t testing.TB) (names []string) {
	t.Helper()
	seen := map[uint32]string{}
	var lower, higher []string
	for i := range 1_000_000 {
		name := fmt.Sprintf("%0255d", i)
		hash := ext4.NameHash(options(0).UUID, name)
		other, found := seen[hash]
		if !found {
			seen[hash] = name
			continue
		}
		for h, name := range seen {
			switch {
			case h < hash && len(lower) < 14:
				lower = append(lower, name)
			case h > hash && len(higher) < 14:
				higher = append(higher, name)
			}
		}
		return append(append(lower, name, other), higher...)
	}
	t.Fatal("no two names have one hash")
	return nil
}

// TestHundredThousandFiles: half of them in one directory, the others in 500.
func TestHundredThousandFiles(t *testing.T) {
	hosttool.Rest(t)
	image := mkfs(t, 2<<30, "-t", "ext4")
	dir, unmount := nodefstest.Mount(t, "ext4", image)
	nodefstest.FillMany(t, dir)
	want := nodefstest.Tree(t, os.DirFS(dir), nodefstest.KernelSays)
	unmount()
	if len(want) < 100_000 {
		t.Fatalf("only %d files", len(want))
	}
	nodefstest.Compare(t, nodefstest.Tree(t, open(t, image), describe), want)
}
