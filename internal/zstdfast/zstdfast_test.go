package zstdfast_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/zstdfast"
)

// blocks are of all kinds that a disk has.
func blocks(t *testing.T) map[string][]byte {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	noise, random := make([]byte, zstdfast.MaxSize), rand.NewChaCha8([32]byte{1})
	random.Read(noise)
	text := func(n int, line string) []byte {
		var b bytes.Buffer
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, line, i, i*i)
		}
		return b.Bytes()[:n]
	}
	few := slices.Clone(noise)
	for i := range few {
		few[i] = "AC"[few[i]&1]
	}
	skewed := slices.Clone(noise) // nothing repeats, but few bytes are frequent
	for i := range skewed {
		skewed[i] = min(skewed[i], byte(random.Uint64()), byte(random.Uint64()))
	}
	all := map[string][]byte{
		"noise":       noise,
		"noise again": bytes.Repeat(noise[:4<<10], 16),
		"two letters": few,
		"skewed":      skewed,
		"zeros":       make([]byte, zstdfast.MaxSize),
		"a's":         bytes.Repeat([]byte("a"), zstdfast.MaxSize),
		"period 7":    bytes.Repeat([]byte("abcdefg"), 10000)[:zstdfast.MaxSize],
		"end differs": append(bytes.Repeat([]byte("a"), zstdfast.MaxSize-1), 'b'),
		"text":        text(zstdfast.MaxSize, "line %d of a log: %d\n"),
		"short text":  text(5000, "%d,%d\n"),
		"smallest":    noise[:zstdfast.MinSize],
		"letters":     []byte(strings.Repeat("the quick brown fox ", 15)),
	}
	for i := range 64 {
		all[fmt.Sprint("program ", i)] = program[i<<16 : i<<16+zstdfast.MaxSize-i*i]
	}
	return all
}

// What it writes is read by the reference implementation and by the library.
func TestAppend(t *testing.T) {
	reference := hosttool.Find(t, "zstd", "zstd")
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	e := new(zstdfast.Encoder)
	var frames, want []byte
	for name, src := range blocks(t) {
		frame := e.Append(nil, src)
		if len(frame) > len(src)+10 {
			t.Errorf("%s: %d bytes of %d", name, len(frame), len(src))
		}
		if got, err := decoder.DecodeAll(frame, nil); err != nil || !bytes.Equal(got, src) {
			t.Errorf("%s: the library reads %d bytes, %v", name, len(got), err)
		}
		if first := new(zstdfast.Encoder).Append(nil, src); !bytes.Equal(first, frame) {
			t.Errorf("%s: the blocks before show in the frame", name)
		}
		frames, want = append(frames, frame...), append(want, src...)
	}
	cmd := exec.Command(reference, "-dc")
	cmd.Stdin = bytes.NewReader(frames)
	if got, err := cmd.Output(); err != nil || !bytes.Equal(got, want) {
		t.Errorf("zstd reads %d bytes of %d, %v", len(got), len(want), err)
	}
}

// Frames are as small as those of the library's fastest level.
func TestSize(t *testing.T) {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithAllLitEntropyCompression(true))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	e := new(zstdfast.Encoder)
	ours, theirs := 0, 0
	for name, src := range blocks(t) {
		n, m := len(e.Append(nil, src)), len(w.EncodeAll(src, nil))
		if n > m+m/20+16 {
			t.Errorf("%s: %d bytes, the library's are %d", name, n, m)
		}
		ours, theirs = ours+n, theirs+m
	}
	t.Logf("%d bytes, the library's are %d", ours, theirs)
	if ours > theirs {
		t.Errorf("%d bytes, the library's are %d", ours, theirs)
	}
}

func FuzzAppend(f *testing.F) {
	f.Add([]byte("abc"), uint8(1), uint16(1000))
	f.Add([]byte{0, 1, 2, 0, 1, 2, 0, 0, 0, 0, 9}, uint8(200), uint16(65535))
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		f.Fatal(err)
	}
	e := new(zstdfast.Encoder)
	f.Fuzz(func(t *testing.T, data []byte, seed uint8, size uint16) {
		n := max(zstdfast.MinSize, int(size)+1)
		src := data
		for r := rand.New(rand.NewPCG(uint64(seed), 1)); len(src) < n; { // copies, as a block has them
			k := min(len(src), 4+r.IntN(60))
			at := r.IntN(len(src) - k + 1)
			src = append(append(src[:len(src):len(src)], src[at:at+k]...), byte(r.Uint32()>>seed%32))
		}
		src = src[:n]
		if got, err := decoder.DecodeAll(e.Append(nil, src), nil); err != nil || !bytes.Equal(got, src) {
			t.Fatalf("%d bytes of %d, %v", len(got), n, err)
		}
	})
}
