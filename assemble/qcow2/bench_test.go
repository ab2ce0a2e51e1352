//go:build unix

package qcow2_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/hosttool/contest"
)

func TestMain(m *testing.M) {
	contest.Main(m, map[string]func([]string) error{
		"convert": func(args []string) error { return convert(args[0], args[1], args[2]) },
	})
}

// convert writes a raw disk with a compression, or an image as a raw disk.
func convert(how, from, to string) error {
	dst, err := os.Create(to)
	if err != nil {
		return err
	}
	defer dst.Close()
	if how == "raw" {
		src, err := qcow2.Open(from, qcow2.OpenOptions{})
		if err != nil {
			return err
		}
		return qcow2.WriteRaw(context.Background(), dst, src, qcow2.CopyOptions{})
	}
	src, err := qcow2.OpenRaw(from)
	if err != nil {
		return err
	}
	return qcow2.Write(context.Background(), dst, src, qcow2.Options{Compression: qcow2.Compression(how)})
}

// ours has convert's work done in a process of its own.
func ours(how, from string) func(*contest.Side) {
	return func(s *contest.Side) { s.Self("convert", how, from, filepath.Join(s.Dir, "ours")) }
}

// benchData is how much data the disks have: 2 GB, or less for a quick look.
func benchData(b *testing.B) int64 {
	n := int64(2000)
	if s := os.Getenv("IMGASM_BENCH_MB"); s != "" {
		if _, err := fmt.Sscan(s, &n); err != nil {
			b.Fatalf("IMGASM_BENCH_MB: %v", err)
		}
	}
	return n * 1e6
}

// benchDisk is a disk of a size with 2 GB of this host's programs and
// documents in it, as a file system has them: files begin at multiples of 4 KiB
// and some room between them is free.
func benchDisk(b *testing.B, dir string, size int64) string {
	data := benchData(b)
	path := filepath.Join(dir, fmt.Sprint(size>>30, "GiB.raw"))
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		b.Fatal(err)
	}
	at, used := int64(0), int64(0)
	for _, root := range []string{"/usr", os.Getenv("GOMODCACHE"), filepath.Join(os.Getenv("HOME"), "go/pkg/mod")} {
		err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || used >= data {
				return nil
			}
			src, err := os.Open(name)
			if err != nil {
				return nil
			}
			defer src.Close()
			n, err := io.Copy(io.NewOffsetWriter(f, at), io.LimitReader(src, 64<<20))
			next := (at + n + 4095) / 4096 * 4096
			used += n
			if next>>26 != at>>26 { // 64 MiB of data, and as much that is free
				next += (size - data*2) / 64
			}
			at = next
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("%s: %.2f GB of data up to %.2f GB", path, float64(used)/1e9, float64(at)/1e9)
	return path
}

// Raw to qcow2, beside qemu-img, on a disk of 4 GiB with 2 GB of data.
func BenchmarkWrite(b *testing.B) {
	qemuImg := hosttool.Find(b, "qemu-img", "qemu-utils")
	dir := b.TempDir()
	raw := benchDisk(b, dir, 4<<30)
	for _, c := range qcow2.Compressions() {
		b.Run(string(c), func(b *testing.B) {
			args := map[qcow2.Compression][]string{qcow2.Zlib: {"-c"}, qcow2.Uncompressed: {}}[c]
			if args == nil {
				args = []string{"-c", "-o", "compression_type=zstd"}
			}
			args = append([]string{"convert", "-m", "16", "-W", "-f", "raw", "-O", "qcow2"}, append(args, raw)...)
			contest.Run(b, ours(string(c), raw), func(s *contest.Side) {
				s.Command(qemuImg, append(args, filepath.Join(s.Dir, "theirs"))...)
			})
		})
	}
}

// qcow2 to raw, beside qemu-img.
func BenchmarkRead(b *testing.B) {
	qemuImg := hosttool.Find(b, "qemu-img", "qemu-utils")
	dir := b.TempDir()
	raw, image := benchDisk(b, dir, 4<<30), filepath.Join(dir, "disk.qcow2")
	for _, c := range []qcow2.Compression{qcow2.Zlib, qcow2.Zstd, qcow2.Uncompressed} {
		b.Run(string(c), func(b *testing.B) {
			if err := convert(string(c), raw, image); err != nil {
				b.Fatal(err)
			}
			contest.Run(b, ours("raw", image), func(s *contest.Side) {
				s.Command(qemuImg, "convert", "-m", "16", "-W", "-f", "qcow2", "-O", "raw", image, filepath.Join(s.Dir, "theirs"))
			})
		})
	}
}

// A disk of 1 TiB with 2 GB of data, beside one of 4 GiB: ours both.
func BenchmarkSparse(b *testing.B) {
	dir := b.TempDir()
	small, large := benchDisk(b, dir, 4<<30), benchDisk(b, dir, 1<<40)
	contest.Run(b, ours("zlib", large), ours("zlib", small))
}
