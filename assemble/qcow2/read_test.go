package qcow2_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// qemu runs one of QEMU's disk tools.
func qemu(t testing.TB, tool string, args ...string) {
	t.Helper()
	if out, err := exec.Command(hosttool.Find(t, tool, "qemu-utils"), args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v: %s", tool, args, err, out)
	}
}

func open(t testing.TB, path string, o qcow2.OpenOptions) *qcow2.Image {
	t.Helper()
	m, err := qcow2.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// readsAs holds what an image gives, in every way it can be asked, against the
// bytes that it should have.
func readsAs(t *testing.T, m *qcow2.Image, want []byte) {
	t.Helper()
	if m.Size() != int64(len(want)) {
		t.Fatalf("%d bytes, want %d", m.Size(), len(want))
	}
	whole, err := io.ReadAll(io.NewSectionReader(m, 0, m.Size()))
	if err != nil || !bytes.Equal(whole, want) {
		t.Errorf("read from end to end: %v, or other bytes", err)
	}
	raw, err := os.Create(filepath.Join(t.TempDir(), "out.raw"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if err := qcow2.WriteRaw(t.Context(), raw, m, qcow2.CopyOptions{}); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(raw.Name()); err != nil || !bytes.Equal(b, want) {
		t.Errorf("as a raw file: %v, or other bytes", err)
	}
	if err := qcow2.Compare(t.Context(), m, bytes.NewReader(want), qcow2.CopyOptions{}); err != nil {
		t.Error(err)
	}
	for off := int64(0); off < m.Size(); {
		e, err := m.Extent(off)
		if err != nil || e.Offset != off || e.Length <= 0 || e.Length > m.Size()-off {
			t.Fatalf("extent at %d: %+v, %v", off, e, err)
		}
		if e.Kind != qcow2.Data && !bytes.Equal(want[off:off+e.Length], make([]byte, e.Length)) {
			t.Errorf("%+v is not zero", e)
		}
		off += e.Length
	}
	var all sync.WaitGroup
	for seed := range uint64(4) {
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, 9))
			for range 20 {
				if len(want) == 0 {
					return
				}
				off := r.IntN(len(want))
				p := make([]byte, r.IntN(200000))
				n, err := m.ReadAt(p, int64(off))
				expect := want[off:min(off+len(p), len(want))]
				if (err != nil) != (len(expect) < len(p)) || !bytes.Equal(p[:n], expect) {
					t.Errorf("%d bytes at %d: %d, %v, or other bytes", len(p), off, n, err)
				}
			}
		})
	}
	all.Wait()
}

func TestReadOurs(t *testing.T) {
	for _, cluster := range []int64{4 << 10, 64 << 10, 2 << 20} {
		for _, c := range qcow2.Compressions() {
			for _, size := range []int64{0, 512, 3*cluster + 512, 5 << 20} {
				b := make([]byte, size)
				mixed(b, uint64(size))
				image := write(t, bytes.NewReader(b), qcow2.Options{Compression: c, ClusterSize: cluster})
				m, err := qcow2.New(bytes.NewReader(image), int64(len(image)), qcow2.OpenOptions{})
				if err != nil {
					t.Fatal(err)
				}
				readsAs(t, m, b)
				want := qcow2.Zlib
				if c == qcow2.Zstd || c == qcow2.ZstdFast {
					want = qcow2.Zstd
				}
				if h := m.Header(); h.ClusterSize != cluster || h.Compression != want || h.Version != 3 || h.RefcountBits != 16 {
					t.Errorf("%+v", h)
				}
			}
		}
	}
}

// Images as QEMU makes them.
func TestReadQEMU(t *testing.T) {
	b := make([]byte, 2<<20+512)
	mixed(b, 11)
	for _, c := range []struct {
		name    string
		options string
		packed  bool
	}{
		{"version 2", "compat=0.10", true},
		{"version 3", "", false},
		{"zlib", "", true},
		{"zstd", "compression_type=zstd", true},
		{"zstd 2 MiB", "compression_type=zstd,cluster_size=2M", true},
		{"512", "cluster_size=512", true},
		{"4 KiB", "cluster_size=4k", false},
		{"2 MiB", "cluster_size=2M", true},
		{"extended L2", "extended_l2=on,cluster_size=64k", false},
		{"extended L2, compressed", "extended_l2=on,cluster_size=16k", true},
		{"lazy refcounts", "lazy_refcounts=on,refcount_bits=64", false},
		{"preallocated", "preallocation=metadata", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			rawFile(t, dir, b)
			raw, image := filepath.Join(dir, "disk.raw"), filepath.Join(dir, "disk.qcow2")
			args := []string{"convert", "-f", "raw", "-O", "qcow2"}
			if c.packed {
				args = append(args, "-c")
			}
			if c.options != "" {
				args = append(args, "-o", c.options)
			}
			qemu(t, "qemu-img", append(args, raw, image)...)
			readsAs(t, open(t, image, qcow2.OpenOptions{}), b)
			// Changed by QEMU: zeros written and discarded, clusters in disorder, a snapshot.
			qemu(t, "qemu-img", "snapshot", "-c", "before", image)
			want := bytes.Clone(b)
			script := []string{}
			for i := range 7 {
				at, n := i*250000/512*512, (i+1)*4096
				script = append(script, "-c", fmt.Sprintf("write -q -P %d %d %d", i+1, at, n))
				for k := range n {
					want[at+k] = byte(i + 1)
				}
				at, n = at+(100<<10), 70<<10
				if at+n < len(want) {
					script = append(script, "-c", fmt.Sprintf("write -q -z %d %d", at, n))
					clear(want[at : at+n])
				}
			}
			qemu(t, "qemu-io", append(script, "-f", "qcow2", image)...)
			m := open(t, image, qcow2.OpenOptions{})
			readsAs(t, m, want)
			if m.Header().Snapshots != 1 {
				t.Errorf("%+v", m.Header())
			}
		})
	}
}

func TestBackingFile(t *testing.T) {
	dir := t.TempDir()
	b := make([]byte, 1<<20+512)
	mixed(b, 12)
	rawFile(t, dir, b)
	raw, image := filepath.Join(dir, "disk.raw"), filepath.Join(dir, "top.qcow2")
	qemu(t, "qemu-img", "create", "-q", "-f", "qcow2", "-b", raw, "-F", "raw", image, "3M")
	qemu(t, "qemu-io", "-c", "write -q -P 7 70000 1000", "-c", "write -q -z 131072 65536", "-f", "qcow2", image)
	want := make([]byte, 3<<20)
	copy(want, b)
	for i := range 1000 {
		want[70000+i] = 7
	}
	clear(want[131072:196608])

	if _, err := qcow2.Open(image, qcow2.OpenOptions{}); !errors.Is(err, qcow2.ErrBackingFile) || !strings.Contains(err.Error(), raw) {
		t.Errorf("%v", err)
	}
	m := open(t, image, qcow2.OpenOptions{Backing: func(name, format string) (qcow2.Source, error) {
		if name != raw || format != "raw" {
			t.Errorf("asked for %q, %q", name, format)
		}
		return bytes.NewReader(b), nil
	}})
	readsAs(t, m, want)
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	data, outside := filepath.Join(dir, "data.raw"), filepath.Join(dir, "outside.qcow2")
	qemu(t, "qemu-img", "create", "-q", "-f", "qcow2", "-o", "data_file="+data, outside, "1M")
	encrypted := filepath.Join(dir, "encrypted.qcow2")
	qemu(t, "qemu-img", "create", "-q", "-f", "qcow2", "--object", "secret,id=s,data=passphrase", "-o", "encrypt.format=aes,encrypt.key-secret=s", encrypted, "1M")
	for path, says := range map[string]string{outside: `in another file, which it names "` + data + `"`, encrypted: "is encrypted"} {
		if _, err := qcow2.Open(path, qcow2.OpenOptions{}); !errors.Is(err, qcow2.ErrUnsupported) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}

	good := write(t, bytes.NewReader(make([]byte, 1<<20)), qcow2.Options{})
	be := binary.BigEndian
	for _, c := range []struct {
		name   string
		change func(b []byte) []byte
		is     error
		says   string
	}{
		{"empty", func([]byte) []byte { return nil }, qcow2.ErrNotQcow2, ""},
		{"raw", func(b []byte) []byte { b[0] = 'X'; return b }, qcow2.ErrNotQcow2, ""},
		{"short", func(b []byte) []byte { return b[:50] }, qcow2.ErrDamaged, "ends after 50 bytes"},
		{"short v3", func(b []byte) []byte { return b[:80] }, qcow2.ErrDamaged, "ends after 80 bytes"},
		{"version 4", func(b []byte) []byte { b[7] = 4; return b }, qcow2.ErrUnsupported, "version 4"},
		{"cluster bits", func(b []byte) []byte { b[23] = 63; return b }, qcow2.ErrDamaged, "2^63"},
		{"size", func(b []byte) []byte { b[24] = 0x80; return b }, qcow2.ErrDamaged, "a disk of"},
		{"size and L1", func(b []byte) []byte { b[25] = 0x80; return b }, qcow2.ErrDamaged, "needs"},
		{"L1 size", func(b []byte) []byte { be.PutUint32(b[36:], 1<<31); return b }, qcow2.ErrDamaged, "L1 table of 2147483648 entries"},
		{"large L1 past the end", func(b []byte) []byte { be.PutUint32(b[36:], 4<<20); be.PutUint64(b[24:], 1<<50); return b }, qcow2.ErrDamaged, "past the file's end"},
		{"L1 offset", func(b []byte) []byte { b[47] = 8; return b }, qcow2.ErrDamaged, "in the midst of a cluster"},
		{"L1 far away", func(b []byte) []byte { b[41] = 8; return b }, qcow2.ErrDamaged, "past the file's end"},
		{"feature", func(b []byte) []byte { b[79] = 32; return b }, qcow2.ErrUnsupported, "incompatible features 0x20"},
		{"compression", func(b []byte) []byte { b[79], b[104] = 8, 9; return b }, qcow2.ErrUnsupported, "type 9"},
		{"header length", func(b []byte) []byte { b[100] = 1; return b }, qcow2.ErrDamaged, "a header of"},
		{"extension", func(b []byte) []byte { b[116] = 1; return b }, qcow2.ErrDamaged, "header extension"},
		{"backing name", func(b []byte) []byte { b[15], b[19] = 200, 255; b[18] = 255; return b }, qcow2.ErrDamaged, "backing file's name"},
	} {
		b := c.change(bytes.Clone(good))
		_, err := qcow2.New(bytes.NewReader(b), int64(len(b)), qcow2.OpenOptions{})
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v: %s", c.name, err, c.is, c.says)
		}
	}
}

// A truncated download does not read as zeros.
func TestTruncated(t *testing.T) {
	b := make([]byte, 4<<20)
	random(b, 1)
	for _, c := range []qcow2.Compression{qcow2.Uncompressed, qcow2.Zlib} {
		image := write(t, bytes.NewReader(b), qcow2.Options{Compression: c})
		image = image[:len(image)/2]
		m, err := qcow2.New(bytes.NewReader(image), int64(len(image)), qcow2.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.ReadAt(make([]byte, len(b)), 0); !errors.Is(err, qcow2.ErrDamaged) {
			t.Errorf("%s: %v", c, err)
		}
	}
}

func TestCompare(t *testing.T) {
	a := make([]byte, 3<<20)
	mixed(a, 2)
	for _, at := range []int{0, 65535, 65536, 1<<20 + 1, 3<<20 - 1} {
		b := bytes.Clone(a)
		b[at] ^= 1
		var d *qcow2.DifferenceError
		if err := qcow2.Compare(t.Context(), bytes.NewReader(a), bytes.NewReader(b), qcow2.CopyOptions{}); !errors.As(err, &d) || d.Offset != int64(at) {
			t.Errorf("%v, want a difference at %d", err, at)
		}
	}
	longer := append(bytes.Clone(a), 0, 0, 0)
	if err := qcow2.Compare(t.Context(), bytes.NewReader(a), bytes.NewReader(longer), qcow2.CopyOptions{}); err != nil {
		t.Error(err)
	}
	longer[len(a)+1] = 1
	for _, pair := range [][2][]byte{{a, longer}, {longer, a}} {
		if err := qcow2.Compare(t.Context(), bytes.NewReader(pair[0]), bytes.NewReader(pair[1]), qcow2.CopyOptions{}); err == nil {
			t.Error("the longer one's last bytes were not seen")
		}
	}
}

// What a hostile image can make of 64 KiB: nothing large.
func TestMemoryBound(t *testing.T) {
	image := write(t, bytes.NewReader(make([]byte, 1<<20)), qcow2.Options{})
	be := binary.BigEndian
	be.PutUint64(image[24:], 1<<40) // the disk
	be.PutUint32(image[36:], 2048)  // L1 entries
	// L1 and L2 point to one another's cluster, full of compressed clusters.
	l1 := int(be.Uint64(image[40:]))
	for i := range 2048 {
		be.PutUint64(image[l1+8*i:], uint64(l1))
		if i%2 == 1 {
			be.PutUint64(image[l1+8*i:], 1<<62|0xff<<54|uint64(l1))
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := qcow2.New(bytes.NewReader(image), int64(len(image)), qcow2.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for off := int64(0); off < m.Size(); off += 17 << 20 {
		if _, err := m.ReadAt(make([]byte, 10), off); err != nil {
			failed++
		}
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 64<<20 || failed == 0 {
		t.Errorf("%d MiB more, %d reads failed", grown>>20, failed)
	}
}

func FuzzImage(f *testing.F) {
	b := make([]byte, 20000)
	text(b[:9000], 1)
	for _, c := range qcow2.Compressions() {
		f.Add(write(f, bytes.NewReader(b), qcow2.Options{Compression: c, ClusterSize: 4 << 10}))
	}
	f.Fuzz(func(t *testing.T, image []byte) {
		qcow2.Check(t.Context(), bytes.NewReader(image), int64(len(image)))
		m, err := qcow2.New(bytes.NewReader(image), int64(len(image)), qcow2.OpenOptions{})
		if err != nil {
			return
		}
		p := make([]byte, 30000)
		m.ReadAt(p, 0)
		m.ReadAt(p[:100], m.Size()/2)
		off := int64(0)
		for i := 0; i < 100 && off < m.Size() && m.Header().Size < 1<<40; i++ {
			e, err := m.Extent(off)
			if err != nil {
				return
			}
			if e.Length <= 0 || e.Length > m.Size()-off {
				t.Fatalf("extent at %d of %d: %+v", off, m.Size(), e)
			}
			off += e.Length
		}
	})
}

// unreadable is a disk of which nothing can be read.
type unreadable struct{ size int64 }

func (u unreadable) Size() int64 { return u.size }

func (unreadable) ReadAt([]byte, int64) (int, error) { return 0, errUnreadable }

var errUnreadable = errors.New("input/output error")

// What cannot be read is equal to nothing.
func TestCompareUnreadable(t *testing.T) {
	whole, broken := bytes.NewReader(make([]byte, 1<<20)), unreadable{1 << 20}
	for _, disks := range [][2]qcow2.Source{{whole, broken}, {broken, whole}, {broken, broken}} {
		if err := qcow2.Compare(t.Context(), disks[0], disks[1], qcow2.CopyOptions{}); !errors.Is(err, errUnreadable) {
			t.Errorf("%T and %T: %v", disks[0], disks[1], err)
		}
	}
}
