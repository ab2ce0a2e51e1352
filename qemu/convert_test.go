package qemu

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// sourceImage writes a raw image of data that compresses, data that does not,
// zeros that are stored, and holes.
func sourceImage(t testing.TB, path string, mib int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("the kernel found no root device and asks for a shell package installed verifying cleanup")
	block := make([]byte, 1<<20)
	for i := range mib {
		switch i % 8 {
		case 0, 1, 2, 3:
			b := block[:0]
			for len(b) < 1<<20-16 {
				b = append(append(b, words[r.IntN(len(words))]...), byte(r.IntN(256)))
			}
		case 4:
			for j := range block {
				block[j] = byte(r.Uint32())
			}
		case 5:
			clear(block)
		default:
			continue
		}
		if _, err := f.WriteAt(block, int64(i)<<20); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(int64(mib)<<20 + 512); err != nil { // no multiple of a cluster
		t.Fatal(err)
	}
}

func needTools(t testing.TB) {
	t.Helper()
	if _, err := anyQEMU(); err != nil {
		t.Skip(err)
	}
	hosttool.Find(t, "qemu-img", "qemu-utils")
}

func qemuImg(t testing.TB, args ...string) []byte {
	t.Helper()
	out, err := exec.Command("qemu-img", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("qemu-img %q: %v: %s", args, err, out)
	}
	return out
}

func TestConvert(t *testing.T) {
	needTools(t)
	dir := t.TempDir()
	src := filepath.Join(dir, "src, with: commas.raw")
	sourceImage(t, src, 32)
	tests := []struct {
		o           ConvertOptions
		compression string
		cluster     int
		most        int64 // bytes of the result: 20 MiB of data, of which 16 compress
	}{
		{ConvertOptions{}, "zlib", 65536, 12 << 20},
		{ConvertOptions{Compression: Zstd, ClusterSize: 256 << 10}, "zstd", 256 << 10, 14 << 20},
		{ConvertOptions{Compression: Uncompressed}, "zlib", 65536, 21 << 20},
	}
	for _, tt := range tests {
		t.Run(string(tt.o.Compression), func(t *testing.T) {
			dst := filepath.Join(dir, "dst-"+string(tt.o.Compression)+".qcow2")
			if err := os.WriteFile(dst, []byte("what was there"), 0o644); err != nil {
				t.Fatal(err)
			}
			var done, total int64
			tt.o.Progress = func(d, n int64) {
				if d < done || d > n {
					t.Errorf("progress went from %d to %d of %d", done, d, n)
				}
				done, total = d, n
			}
			if err := Convert(t.Context(), src, dst, tt.o); err != nil {
				t.Fatal(err)
			}
			if done != total || total != 32<<20+512 {
				t.Errorf("progress ended at %d of %d", done, total)
			}
			qemuImg(t, "check", "-q", dst)
			qemuImg(t, "compare", "-q", "-f", "raw", "-F", "qcow2", src, dst)
			var info struct {
				Format      string `json:"format"`
				ClusterSize int    `json:"cluster-size"`
				VirtualSize int64  `json:"virtual-size"`
				Specific    struct {
					Data struct {
						Compression string `json:"compression-type"`
					} `json:"data"`
				} `json:"format-specific"`
			}
			if err := json.Unmarshal(qemuImg(t, "info", "--output=json", dst), &info); err != nil {
				t.Fatal(err)
			}
			if info.Format != "qcow2" || info.ClusterSize != tt.cluster || info.VirtualSize != 32<<20+512 || info.Specific.Data.Compression != tt.compression {
				t.Errorf("%+v", info)
			}
			if st, err := os.Stat(dst); err != nil || st.Size() > tt.most {
				t.Errorf("%d bytes (%v), at most %d expected", st.Size(), err, tt.most)
			}
			noPartials(t, dir)
		})
	}
}

// The same source gives the same bytes.
func TestConvertReproducible(t *testing.T) {
	needTools(t)
	dir := t.TempDir()
	src := filepath.Join(dir, "src.raw")
	sourceImage(t, src, 64)
	var first []byte
	for _, name := range []string{"a", "b", "c"} {
		dst := filepath.Join(dir, name)
		if err := Convert(t.Context(), src, dst, ConvertOptions{Compression: Zstd, Reproducible: true}); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(dst)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b
			qemuImg(t, "compare", "-q", "-f", "raw", "-F", "qcow2", src, dst)
		} else if !bytes.Equal(b, first) {
			t.Errorf("%s differs from the first", name)
		}
	}
}

func noPartials(t *testing.T, dir string) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(dir, ".*.partial")); left != nil {
		t.Errorf("left: %q", left)
	}
}

// What goes wrong leaves what was there, and nothing half-written.
func TestConvertFails(t *testing.T) {
	dir := t.TempDir()
	src, dst := filepath.Join(dir, "src.raw"), filepath.Join(dir, "dst.qcow2")
	odd := filepath.Join(dir, "odd.raw")
	empty := filepath.Join(dir, "empty.raw")
	for path, b := range map[string][]byte{src: make([]byte, 1<<20), odd: make([]byte, 1000), empty: nil, dst: []byte("old")} {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	concluded := func(problem string) map[string]json.RawMessage {
		return map[string]json.RawMessage{
			"blockdev-add": json.RawMessage(`{}`), "blockdev-create": json.RawMessage(`{}`), "blockdev-backup": json.RawMessage(`{}`),
			"job-dismiss": json.RawMessage(`{}`), "blockdev-del": json.RawMessage(`{}`),
			"query-jobs": json.RawMessage(`[{"id":"create","status":"concluded"},{"id":"copy","status":"` + problem),
		}
	}
	tests := []struct {
		name     string
		src, dst string
		script   qemutest.Script
		want     string
	}{
		{"no source", filepath.Join(dir, "none"), dst, qemutest.Script{}, "no such file"},
		{"source is a directory", dir, dst, qemutest.Script{}, "not a disk image"},
		{"no multiple of a sector", odd, dst, qemutest.Script{}, "1000 bytes, which is no multiple of 512"},
		{"empty", empty, dst, qemutest.Script{}, "0 bytes"},
		{"no directory", src, filepath.Join(dir, "none", "x"), qemutest.Script{}, "no such file"},
		{"refused", src, dst, qemutest.Script{Refusals: map[string]string{"blockdev-add": "Could not lock"}}, "Could not lock"},
		{"job fails", src, dst, qemutest.Script{Replies: concluded(`concluded","error":"No space left on device"}]`)}, "convert " + src + " to " + dst + ": the host's disk is full"},
		{"job vanishes", src, dst, qemutest.Script{Replies: concluded(`running"}]`), Steps: qemutest.Steps(qemutest.Await("blockdev-backup"), qemutest.Crash())}, "QMP connection closed"},
		{"QEMU does not start", src, dst, qemutest.Script{EarlyExit: qemutest.Status(1), Stderr: "qemu: no\n"}, "qemu: no"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := Convert(t.Context(), tt.src, tt.dst, ConvertOptions{Binary: qemutest.Executable(t, tt.script)})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if full := errors.Is(err, syscall.ENOSPC); full != (tt.name == "job fails") {
				t.Errorf("%v: ENOSPC %v", err, full)
			}
			if b, _ := os.ReadFile(dst); string(b) != "old" {
				t.Errorf("what was there is now %q", b)
			}
			noPartials(t, dir)
		})
	}
}

func TestConvertCancelled(t *testing.T) {
	dir := t.TempDir()
	src, dst := filepath.Join(dir, "src.raw"), filepath.Join(dir, "dst.qcow2")
	if err := os.WriteFile(src, bytes.Repeat([]byte("x"), 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	running := json.RawMessage(`[{"id":"create","status":"concluded"},{"id":"copy","status":"running","current-progress":1,"total-progress":9}]`)
	empty := json.RawMessage(`{}`)
	binary := qemutest.Executable(t, qemutest.Script{Replies: map[string]json.RawMessage{
		"blockdev-add": empty, "blockdev-create": empty, "blockdev-backup": empty, "job-dismiss": empty, "query-jobs": running}})
	ctx, cancel := context.WithCancel(t.Context())
	err := Convert(ctx, src, dst, ConvertOptions{Binary: binary, Progress: func(done, total int64) {
		if done != 1 || total != 1<<20 {
			t.Errorf("progress %d of %d", done, total)
		}
		cancel()
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(dst); !os.IsNotExist(err) {
		t.Errorf("%v", err)
	}
	noPartials(t, dir)
}

// A disk image of 128 MiB, half of it data, written as qcow2 by imgasm and by
// qemu-img in turns: the medians' ratios, and that of the results' sizes.
func BenchmarkConvert(b *testing.B) {
	needTools(b)
	dir := b.TempDir()
	src := filepath.Join(dir, "src.raw")
	ours, theirs := filepath.Join(dir, "ours.qcow2"), filepath.Join(dir, "theirs.qcow2")
	sourceImage(b, src, 128)
	size := func(path string) float64 {
		st, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		return float64(st.Size())
	}
	for _, c := range []Compression{Uncompressed, Zlib, Zstd} {
		args := []string{"convert", "-O", "qcow2", src, theirs}
		if c != Uncompressed {
			args = append([]string{"convert", "-c", "-o", "compression_type=" + string(c)}, args[1:]...)
		}
		b.Run(string(c), func(b *testing.B) {
			var ratios []float64
			for b.Loop() {
				began := time.Now()
				if err := Convert(b.Context(), src, ours, ConvertOptions{Compression: c}); err != nil {
					b.Fatal(err)
				}
				between := time.Now()
				if out, err := exec.Command("qemu-img", args...).CombinedOutput(); err != nil {
					b.Fatalf("qemu-img: %v: %s", err, out)
				}
				ratios = append(ratios, between.Sub(began).Seconds()/time.Since(between).Seconds())
			}
			slices.Sort(ratios)
			b.Logf("wall ratios %.2f", ratios)
			b.ReportMetric(ratios[len(ratios)/2], "wall-ratio")
			b.ReportMetric(size(ours)/size(theirs), "size-ratio")
		})
	}
}
