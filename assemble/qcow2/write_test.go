package qcow2_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lima-vm/go-qcow2reader"

	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// contents by name; each fills b, differently for each seed.
var contents = map[string]func(b []byte, seed uint64){
	"random": random,
	"zero":   func([]byte, uint64) {},
	"text":   text,
	"packed": func(b []byte, seed uint64) {
		var buf bytes.Buffer
		plain := make([]byte, len(b)*4)
		text(plain, seed)
		w := gzip.NewWriter(&buf)
		w.Write(plain)
		w.Close()
		copy(b, buf.Bytes())
	},
	"mixed": mixed,
}

func random(b []byte, seed uint64) {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	rand.NewChaCha8(key).Read(b)
}

func text(b []byte, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	words := strings.Fields("cluster table offset header sector the of a image reference count block is with no")
	for len(b) > 0 {
		b = b[copy(b, words[r.IntN(len(words))]):]
		b = b[copy(b, " \n"[r.IntN(8)/7:][:1]):]
	}
}

// mixed has some of everything, in pieces that end anywhere.
func mixed(b []byte, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 2))
	for len(b) > 0 {
		n := min(len(b), 1+r.IntN(1+min(len(b), 300<<10)))
		switch r.IntN(5) {
		case 0, 1:
			text(b[:n], seed)
		case 2:
			random(b[:n], seed+uint64(n))
		case 3:
			for i := range b[:n] {
				b[i] = 0xff
			}
		}
		b = b[n:]
	}
}

// rawFile makes a raw disk.
func rawFile(t testing.TB, dir string, b []byte) *qcow2.RawFile {
	t.Helper()
	path := filepath.Join(dir, "disk.raw")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return openRaw(t, path)
}

func openRaw(t testing.TB, path string) *qcow2.RawFile {
	t.Helper()
	r, err := qcow2.OpenRaw(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// judge has qemu-img check an image and compare it with a raw disk.
func judge(t testing.TB, raw, image string) {
	t.Helper()
	for _, args := range [][]string{
		{"check", "-q", "-f", "qcow2", image},
		{"compare", "-q", "-f", "raw", "-F", "qcow2", raw, image},
	} {
		if out, err := exec.Command("qemu-img", args...).CombinedOutput(); err != nil {
			t.Errorf("qemu-img %v: %v: %s", args, err, out)
		}
	}
}

// all says whether the long tests run too.
func all() bool { return hosttool.All() }

func TestWriteMatrix(t *testing.T) {
	hosttool.Find(t, "qemu-img", "qemu-utils")
	clusters, kinds := []int64{4 << 10, 64 << 10, 2 << 20}, []string{"mixed"}
	if all() {
		clusters = nil
		for c := int64(qcow2.MinClusterSize); c <= qcow2.MaxClusterSize; c *= 2 {
			clusters = append(clusters, c)
		}
		kinds = []string{"mixed", "random", "zero", "text", "packed"}
	}
	dir := t.TempDir()
	for _, cluster := range clusters {
		for _, kind := range kinds {
			for _, size := range []int64{0, 512, cluster - 1, cluster, cluster + 1, 9*cluster + 12345} {
				b := make([]byte, size)
				contents[kind](b, uint64(size))
				src := rawFile(t, dir, b)
				for _, c := range qcow2.Compressions() {
					t.Run(fmt.Sprintf("%d/%s/%d/%s", cluster, kind, size, c), func(t *testing.T) {
						image := filepath.Join(dir, "disk.qcow2")
						writeTo(t, image, src, qcow2.Options{Compression: c, ClusterSize: cluster})
						judge(t, filepath.Join(dir, "disk.raw"), image)
					})
				}
			}
		}
	}
}

// Small clusters soon need many refcount blocks and L2 tables, and the clusters
// of compressed data are torn apart by both.
func TestWriteManyTables(t *testing.T) {
	hosttool.Find(t, "qemu-img", "qemu-utils")
	b := make([]byte, 33<<20+512)
	mixed(b, 3)
	random(b[:20<<20], 4)
	dir := t.TempDir()
	src := rawFile(t, dir, b)
	for _, c := range qcow2.Compressions() {
		image := filepath.Join(dir, "disk.qcow2")
		writeTo(t, image, src, qcow2.Options{Compression: c, ClusterSize: 4 << 10})
		judge(t, filepath.Join(dir, "disk.raw"), image)
	}
}

// sparseDisk makes a disk with islands of text in it, on a file system that
// holds files of that size.
func sparseDisk(t *testing.T, size int64, islands ...int64) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "imgasm-qcow2-*")
	if err != nil {
		t.Skipf("no tmpfs for a disk of %d bytes: %v", size, err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	f, err := os.Create(filepath.Join(dir, "disk.raw"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Skipf("%s does not hold a file of %d bytes: %v", dir, size, err)
	}
	b := make([]byte, 70000)
	for i, at := range islands {
		text(b, uint64(i))
		if _, err := f.WriteAt(b[:min(int64(len(b)), size-at)], at); err != nil {
			t.Fatal(err)
		}
	}
	return f.Name()
}

func TestWriteHugeDisks(t *testing.T) {
	hosttool.Find(t, "qemu-img", "qemu-utils")
	const tib = 1 << 40
	type disk struct{ size, cluster int64 }
	disks := []disk{{64 * tib, 2 << 20}, {tib, 4 << 10}} // the second has an L1 table of 1024 clusters
	if all() {
		disks = append(disks, disk{8 * tib, 4 << 10}) // the largest there is: an L1 table of 32 MiB
		for c := int64(16 << 10); c < 2<<20; c *= 2 {
			disks = append(disks, disk{64 * tib, c})
		}
	}
	for _, c := range disks {
		t.Run(fmt.Sprintf("%d TiB at %d", c.size/tib, c.cluster), func(t *testing.T) {
			raw := sparseDisk(t, c.size, 0, c.size/3, c.size/2-100, c.size-1000)
			image := filepath.Join(filepath.Dir(raw), "disk.qcow2")
			writeTo(t, image, openRaw(t, raw), qcow2.Options{ClusterSize: c.cluster})
			judge(t, raw, image)
		})
	}
}

func TestSizesRefused(t *testing.T) {
	for _, c := range []struct {
		size    int64
		options qcow2.Options
		is      error
		says    string
	}{
		{8<<40 + 1, qcow2.Options{ClusterSize: 4 << 10}, qcow2.ErrTooLarge, "clusters of 8192 bytes hold it"},
		{64 << 40, qcow2.Options{ClusterSize: 8 << 10}, qcow2.ErrTooLarge, "clusters of 16384 bytes hold it"},
		{1 << 20, qcow2.Options{ClusterSize: 2 << 10}, qcow2.ErrClusterSize, "2048"},
		{1 << 20, qcow2.Options{ClusterSize: 4 << 20}, qcow2.ErrClusterSize, "4194304"},
		{1 << 20, qcow2.Options{ClusterSize: 5000}, qcow2.ErrClusterSize, "5000"},
		{1 << 20, qcow2.Options{Compression: "lzma"}, qcow2.ErrCompression, "zlib, zstd, zstd-fast, none"},
	} {
		path := filepath.Join(t.TempDir(), "disk.qcow2")
		err := qcow2.Create(t.Context(), path, io.NewSectionReader(nil, 0, c.size), c.options)
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want %q", c.options, err, c.says)
		}
		nothingIn(t, filepath.Dir(path))
	}
}

func nothingIn(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("%v are left in the folder (%v)", entries, err)
	}
}

// writeTo writes an image, and does not wait until it is on disk.
func writeTo(t testing.TB, path string, src qcow2.Source, o qcow2.Options) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := qcow2.Write(t.Context(), f, src, o); err != nil {
		t.Fatal(err)
	}
}

// write returns an image.
func write(t testing.TB, src qcow2.Source, o qcow2.Options) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk.qcow2")
	writeTo(t, path, src, o)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSameBytes(t *testing.T) {
	b := make([]byte, 7<<20+100)
	mixed(b[:3<<20], 7)
	mixed(b[5<<20:], 8)
	dense := rawFile(t, t.TempDir(), b)
	holes := filepath.Join(t.TempDir(), "disk.raw")
	f, err := os.Create(holes)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := 0; i < len(b); i += 4096 {
		if block := b[i:min(i+4096, len(b))]; !bytes.Equal(block, make([]byte, len(block))) {
			if _, err := f.WriteAt(block, int64(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := f.Truncate(int64(len(b))); err != nil {
		t.Fatal(err)
	}
	for _, c := range qcow2.Compressions() {
		for _, cluster := range []int64{4 << 10, 64 << 10} {
			o := qcow2.Options{Compression: c, ClusterSize: cluster}
			want := write(t, bytes.NewReader(b), o)
			for _, workers := range []int{1, 2, 5} {
				o.Workers = workers
				for name, src := range map[string]qcow2.Source{"memory": bytes.NewReader(b), "file": dense, "sparse file": openRaw(t, holes)} {
					if !bytes.Equal(write(t, src, o), want) {
						t.Errorf("%s, clusters of %d, %d workers, %s: other bytes", c, cluster, workers, name)
					}
				}
			}
		}
	}
}

// Nothing that imgasm's authors wrote reads the image here, nor QEMU.
func TestForeignReader(t *testing.T) {
	b := make([]byte, 5<<20)
	mixed(b, 5)
	for _, c := range []qcow2.Compression{qcow2.Zlib, qcow2.Uncompressed} {
		img, err := qcow2reader.OpenWithType(bytes.NewReader(write(t, bytes.NewReader(b), qcow2.Options{Compression: c})), "qcow2")
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(b))
		if _, err := img.ReadAt(got, 0); err != nil && err != io.EOF || !bytes.Equal(got, b) {
			t.Errorf("%s: %v, or other bytes", c, err)
		}
	}
}

// zlib itself, with a window of 2^12 bytes and output in steps, inflates every
// compressed cluster: as readers do that trust QEMU's own window.
func TestDeflateWindow(t *testing.T) {
	python := hosttool.Find(t, "python3", "python3")
	b := make([]byte, 8<<20)
	text(b, 1)
	for i := 0; i+20000 < len(b); i += 30000 { // matches from far away
		copy(b[i+10000:i+11000], b[i:])
	}
	path := filepath.Join(t.TempDir(), "disk.qcow2")
	if err := os.WriteFile(path, write(t, bytes.NewReader(b), qcow2.Options{}), 0o644); err != nil {
		t.Fatal(err)
	}
	const script = `
import struct, sys, zlib
f = open(sys.argv[1], "rb").read()
l1 = struct.unpack(">Q", f[40:48])[0]
l2 = struct.unpack(">Q", f[l1:l1+8])[0] & 0x00fffffffffffe00
count = 0
for i in range(128):
    e = struct.unpack(">Q", f[l2+8*i:l2+8*i+8])[0]
    if e >> 62 != 1: sys.exit("cluster %d is not compressed" % i)
    at = e & ((1 << 54) - 1)
    end = at // 512 * 512 + 512 * ((e >> 54 & 0xff) + 1)
    d = zlib.decompressobj(-12)
    out = b""
    data = f[at:end]
    while not d.eof and len(out) < 65536:
        out += d.decompress(data, 100)
        data = d.unconsumed_tail
    count += len(out)
print(count)
`
	out, err := exec.Command(python, "-c", script, path).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != fmt.Sprint(len(b)) {
		t.Errorf("%v: %s", err, out)
	}
}

// What QEMU sees in the header.
func TestInfo(t *testing.T) {
	hosttool.Find(t, "qemu-img", "qemu-utils")
	for _, c := range qcow2.Compressions() {
		path := filepath.Join(t.TempDir(), "disk.qcow2")
		if err := os.WriteFile(path, write(t, bytes.NewReader(make([]byte, 1<<20+1)), qcow2.Options{Compression: c, ClusterSize: 32 << 10}), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("qemu-img", "info", "--output=json", path).Output()
		if err != nil {
			t.Fatal(err)
		}
		var info struct {
			Virtual  int64  `json:"virtual-size"`
			Cluster  int64  `json:"cluster-size"`
			Format   string `json:"format"`
			Specific struct {
				Data struct {
					Compat      string `json:"compat"`
					Compression string `json:"compression-type"`
					Refcounts   int    `json:"refcount-bits"`
					Corrupt     bool   `json:"corrupt"`
				} `json:"data"`
			} `json:"format-specific"`
		}
		if err := json.Unmarshal(out, &info); err != nil {
			t.Fatal(err)
		}
		want := map[qcow2.Compression]string{qcow2.Zstd: "zstd", qcow2.ZstdFast: "zstd"}[c]
		if want == "" {
			want = "zlib"
		}
		d := info.Specific.Data
		if info.Format != "qcow2" || info.Virtual != 1<<20+512 || info.Cluster != 32<<10 || d.Compat != "1.1" || d.Refcounts != 16 || d.Corrupt || d.Compression != want {
			t.Errorf("%s: %s", c, out)
		}
	}
}

// hurdle is a source that fails, or ends, or has something done, at an offset.
type hurdle struct {
	size, at int64
	err      error
	do       func()
}

func (h hurdle) Size() int64 { return h.size }
func (h hurdle) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > h.at {
		if h.do != nil {
			h.do()
		}
		if h.err != nil {
			return 0, h.err
		}
	}
	random(p, uint64(off))
	return len(p), nil
}

func TestFailuresLeaveNothing(t *testing.T) {
	broken := errors.New("broken disk")
	for name, c := range map[string]struct {
		src  hurdle
		want error
	}{
		"source fails": {hurdle{size: 64 << 20, at: 30 << 20, err: broken}, broken},
		"source ends":  {hurdle{size: 64 << 20, at: 30 << 20, err: io.EOF}, io.ErrUnexpectedEOF},
		"cancelled":    {hurdle{size: 1 << 40, at: 30 << 20}, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.want == context.Canceled {
				c.src.do = cancel
			}
			dir := t.TempDir()
			if err := qcow2.Create(ctx, filepath.Join(dir, "disk.qcow2"), c.src, qcow2.Options{}); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			nothingIn(t, dir)
		})
	}
}

// smallDisk is a file system of a size, in place of which the test is skipped
// where it may not be mounted.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no small file system to fill: mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

func TestDiskFull(t *testing.T) {
	dir := smallDisk(t, "2m")
	path := filepath.Join(dir, "disk.qcow2")
	for _, c := range qcow2.Compressions() {
		err := qcow2.Create(t.Context(), path, hurdle{size: 64 << 20, at: 64 << 20}, qcow2.Options{Compression: c})
		if !errors.Is(err, syscall.ENOSPC) || !strings.HasPrefix(err.Error(), "write "+path+": the disk is full") {
			t.Errorf("%v", err)
		}
		nothingIn(t, dir)
	}
}

func TestProgress(t *testing.T) {
	const size = 3<<20 + 5
	var last int64
	calls := 0
	write(t, bytes.NewReader(make([]byte, size)), qcow2.Options{Progress: func(done, total int64) {
		calls++
		if done < last || total != size {
			t.Errorf("%d of %d, after %d", done, total, last)
		}
		last = done
	}})
	if last != size || calls == 0 {
		t.Errorf("the last of %d calls said %d", calls, last)
	}
}
