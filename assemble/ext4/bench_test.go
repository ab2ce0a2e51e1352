//go:build unix

package ext4_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgasm/imgasm/assemble/ext4"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/hosttool/contest"
)

func TestMain(m *testing.M) {
	contest.Main(m, map[string]func([]string) error{
		"write": func(args []string) error { return writeTree(args[0], args[1]) },
	})
}

const benchSize = 3 << 30

// writeTree makes a file system of a folder.
func writeTree(dir, image string) error {
	f, err := os.Create(image)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(benchSize); err != nil {
		return err
	}
	w, err := ext4.Create(f, options(benchSize))
	if err != nil {
		return err
	}
	if err := copyTree(w, dir, nil); err != nil {
		return err
	}
	return w.Close()
}

// A folder of 50,000 files with 2 GB in all, beside mke2fs -d.
func BenchmarkWrite(b *testing.B) {
	mke2fs := hosttool.Find(b, "mke2fs", "e2fsprogs")
	dir := b.TempDir()
	noise := make([]byte, 64<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(noise)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 50_000 {
		size := r.IntN(40_000)
		if i%1000 == 0 {
			size = 20_000_000
		}
		name := filepath.Join(dir, fmt.Sprintf("%032x-package/share/%d/file-%d", i/100, i%7, i))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name, noise[r.IntN(40<<20):][:size], 0o644); err != nil {
			b.Fatal(err)
		}
	}
	contest.Run(b,
		func(s *contest.Side) { s.Self("write", dir, filepath.Join(s.Dir, "image")) },
		func(s *contest.Side) {
			image := filepath.Join(s.Dir, "image")
			if err := os.WriteFile(image, nil, 0o600); err != nil {
				b.Fatal(err)
			}
			if err := os.Truncate(image, benchSize); err != nil {
				b.Fatal(err)
			}
			s.Command(mke2fs, "-q", "-t", "ext4", "-F", "-d", dir, image)
		})
}
