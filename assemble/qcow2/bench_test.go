//go:build unix

package qcow2_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// benchSelf in the environment makes the test's own binary do our side of a
// contest and end, so that it is measured as QEMU's is: as a process.
const benchSelf = "IMGASM_QCOW2_BENCH"

func TestMain(m *testing.M) {
	work := strings.Split(os.Getenv(benchSelf), "\n")
	if len(work) != 3 {
		os.Exit(m.Run())
	}
	if err := convert(work[0], work[1], work[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Println(strings.TrimSpace(after[:strings.Index(after+"\n", "\n")]))
	os.Exit(0)
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

// cost is what a side of a contest takes.
type cost struct{ cpu, wall, space, peak float64 }

func measure(b *testing.B, result string, cmd *exec.Cmd) (c cost) {
	os.Remove(result)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("%s: %v\n%s", cmd.Path, err, out)
	}
	c.wall = time.Since(began).Seconds()
	c.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	info, err := os.Stat(result)
	if err != nil {
		b.Fatal(err)
	}
	c.space = float64(info.Sys().(*syscall.Stat_t).Blocks * 512)
	if n, _ := fmt.Sscanf(string(out), "%g kB", &c.peak); n == 1 {
		c.peak /= 1024
	}
	return c
}

func ours(b *testing.B, how, from, to string) cost {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), benchSelf+"="+strings.Join([]string{how, from, to}, "\n"))
	return measure(b, to, cmd)
}

// contest runs two sides in pairs, in random order, and reports the medians of
// the ratios within the pairs: first to second.
func contest(b *testing.B, first, second func() cost) {
	const pairs = 7
	var cpu, wall, space, peak []float64
	for b.Loop() {
		for range pairs {
			var x, y cost
			if rand.IntN(2) == 0 {
				x, y = first(), second()
			} else {
				y, x = second(), first()
			}
			cpu, wall = append(cpu, x.cpu/y.cpu), append(wall, x.wall/y.wall)
			space, peak = append(space, x.space/y.space), append(peak, x.peak)
			b.Logf("CPU %5.1f s against %5.1f s, wall %5.1f s against %5.1f s, %.0f MB against %.0f MB, peak %.0f MiB",
				x.cpu, y.cpu, x.wall, y.wall, x.space/1e6, y.space/1e6, x.peak)
		}
	}
	for unit, all := range map[string][]float64{"cpu-ratio": cpu, "wall-ratio": wall, "size-ratio": space, "peak-MiB": peak} {
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2], unit)
	}
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
	a, z := filepath.Join(dir, "ours.qcow2"), filepath.Join(dir, "theirs.qcow2")
	for _, c := range qcow2.Compressions() {
		b.Run(string(c), func(b *testing.B) {
			args := map[qcow2.Compression][]string{qcow2.Zlib: {"-c"}, qcow2.Uncompressed: {}}[c]
			if args == nil {
				args = []string{"-c", "-o", "compression_type=zstd"}
			}
			args = append([]string{"convert", "-m", "16", "-W", "-f", "raw", "-O", "qcow2"}, append(args, raw, z)...)
			contest(b,
				func() cost { return ours(b, string(c), raw, a) },
				func() cost { return measure(b, z, exec.Command(qemuImg, args...)) })
		})
	}
}

// qcow2 to raw, beside qemu-img.
func BenchmarkRead(b *testing.B) {
	qemuImg := hosttool.Find(b, "qemu-img", "qemu-utils")
	dir := b.TempDir()
	raw, image := benchDisk(b, dir, 4<<30), filepath.Join(dir, "disk.qcow2")
	a, z := filepath.Join(dir, "ours.raw"), filepath.Join(dir, "theirs.raw")
	for _, c := range []qcow2.Compression{qcow2.Zlib, qcow2.Zstd, qcow2.Uncompressed} {
		b.Run(string(c), func(b *testing.B) {
			if err := convert(string(c), raw, image); err != nil {
				b.Fatal(err)
			}
			contest(b,
				func() cost { return ours(b, "raw", image, a) },
				func() cost {
					return measure(b, z, exec.Command(qemuImg, "convert", "-m", "16", "-W", "-f", "qcow2", "-O", "raw", image, z))
				})
		})
	}
}

// A disk of 1 TiB with 2 GB of data, beside one of 4 GiB: ours both.
func BenchmarkSparse(b *testing.B) {
	dir := b.TempDir()
	small, large := benchDisk(b, dir, 4<<30), benchDisk(b, dir, 1<<40)
	image := filepath.Join(dir, "disk.qcow2")
	contest(b,
		func() cost { return ours(b, "zlib", large, image) },
		func() cost { return ours(b, "zlib", small, image) })
}
