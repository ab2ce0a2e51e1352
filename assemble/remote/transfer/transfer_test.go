package transfer_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/imgasm/imgasm/assemble/remote/transfer"
)

const mib = 1 << 20

// file makes a file of pieces: data of a length, or, where it is negative, a hole.
func file(t testing.TB, pieces ...int64) *os.File {
	t.Helper()
	f := empty(t)
	random, at := rand.NewChaCha8([32]byte{1}), int64(0)
	for _, n := range pieces {
		if n > 0 {
			if _, err := io.Copy(io.NewOffsetWriter(f, at), io.LimitReader(random, n)); err != nil {
				t.Fatal(err)
			}
		}
		at += max(n, -n)
	}
	if err := f.Truncate(at); err != nil {
		t.Fatal(err)
	}
	return f
}

// empty makes a file with some content.
func empty(t testing.TB, content ...byte) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func content(t testing.TB, f *os.File) []byte {
	t.Helper()
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func stream(t testing.TB, f *os.File, from int64) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := transfer.Send(t.Context(), &b, f, from, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var shapes = map[string][]int64{
	"nothing":            {},
	"a byte":             {1},
	"a run":              {mib},
	"a run and a byte":   {mib + 1},
	"a hole":             {-3 * mib},
	"a hole first":       {-(2*mib + 4096), 5000},
	"a hole in between":  {300_000, -(4*mib + 8192), mib + 7},
	"a hole last":        {mib + 4096, -(mib + 1)},
	"many small holes":   {4096, -65536, 4096, -65536, 4096, -mib, 4096, -(8*mib - 4096), 1},
	"no boundary is met": {1234567, -1234567, 1234567, -7654321, 3},
}

func TestRoundTrip(t *testing.T) {
	for name, pieces := range shapes {
		t.Run(name, func(t *testing.T) {
			src := file(t, pieces...)
			want := content(t, src)
			sent := stream(t, src, 0)
			for name, reader := range map[string]func(io.Reader) io.Reader{
				"whole": func(r io.Reader) io.Reader { return r }, "halves": iotest.HalfReader, "data and EOF": iotest.DataErrReader,
			} {
				dst, moved := empty(t), int64(0)
				rest := strings.NewReader("what follows")
				r := io.MultiReader(reader(bytes.NewReader(sent)), rest)
				if err := transfer.Receive(t.Context(), r, dst, func(n int64) { moved += n }); err != nil {
					t.Fatal(name, err)
				}
				if !bytes.Equal(content(t, dst), want) || moved != int64(len(want)) || rest.Len() != 12 {
					t.Errorf("%s: another content, or moved %d of %d, or %d bytes are left of what follows", name, moved, len(want), rest.Len())
				}
			}
		})
	}
}

func TestResumeAnywhere(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, pieces := range shapes {
		src := file(t, pieces...)
		want := content(t, src)
		for _, at := range []int{0, 1, mib - 1, mib, mib + 1, len(want) - 1, len(want), random.IntN(len(want) + 1), random.IntN(len(want) + 1)} {
			if at < 0 || at > len(want) {
				continue
			}
			dst := empty(t, want[:at]...)
			here, err := transfer.Prefix(t.Context(), src, int64(at))
			there, err2 := transfer.Prefix(t.Context(), dst, int64(at))
			if err != nil || err2 != nil || here != there {
				t.Errorf("%s: the first %d bytes: %s %v, and as data %s %v", name, at, here, err, there, err2)
			}
			if err := transfer.Receive(t.Context(), bytes.NewReader(stream(t, src, int64(at))), dst, nil); err != nil {
				t.Fatal(name, at, err)
			}
			if !bytes.Equal(content(t, dst), want) {
				t.Errorf("%s: another content when it goes on at %d", name, at)
			}
		}
	}
}

// What has come of a stream that ends anywhere is right as far as the file's length.
func TestCutAnywhere(t *testing.T) {
	src := file(t, shapes["a hole in between"]...)
	want, sent := content(t, src), stream(t, src, 0)
	random := rand.New(rand.NewPCG(3, 4))
	for range 40 {
		dst, n := empty(t), random.IntN(len(sent))
		err := transfer.Receive(t.Context(), bytes.NewReader(sent[:n]), dst, nil)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%d bytes of %d: %v", n, len(sent), err)
		}
		if got := content(t, dst); !bytes.HasPrefix(want, got) || len(got) < n-mib {
			t.Errorf("after %d bytes of the stream the file's %d are not the first of what was sent", n, len(got))
		}
	}
}

func TestPrefixTellsFilesApart(t *testing.T) {
	seen := map[string]string{}
	for name, f := range map[string]*os.File{"data": file(t, 2*mib), "hole": file(t, -2*mib), "data, hole": file(t, mib, -mib), "longer hole": file(t, mib, -mib-1), "hole, data": file(t, -mib, mib), "empty": file(t)} {
		sum, err := transfer.Prefix(t.Context(), f, int64(len(content(t, f))))
		if other, there := seen[sum]; there || err != nil {
			t.Errorf("%s and %s: %s %v", name, other, sum, err)
		}
		seen[sum] = name
	}
}

// A large hole costs nothing, wherever zeros are holes or only looked like them.
func TestHolesAreFree(t *testing.T) {
	const size = 64 << 30
	src := file(t, 4096, -(size - 8192), 4096)
	begun := time.Now()
	sent := stream(t, src, 0)
	dst := empty(t)
	if err := transfer.Receive(t.Context(), bytes.NewReader(sent), dst, nil); err != nil {
		t.Fatal(err)
	}
	if info, err := dst.Stat(); err != nil || info.Size() != size {
		t.Fatalf("%v %v", info, err)
	}
	here, err := transfer.Prefix(t.Context(), src, size-1)
	there, err2 := transfer.Prefix(t.Context(), dst, size-1)
	if err != nil || err2 != nil || here != there {
		t.Errorf("%s %v, %s %v", here, err, there, err2)
	}
	if len(sent) > 2*mib+4096 {
		t.Errorf("%d bytes have travelled", len(sent))
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestChangedFile(t *testing.T) {
	f := file(t, 4096)
	_, err := transfer.Prefix(t.Context(), f, 4097)
	for _, err := range []error{err, transfer.Send(t.Context(), io.Discard, f, 4097, nil), transfer.Send(t.Context(), io.Discard, f, -1, nil)} {
		if !errors.Is(err, transfer.ErrChanged) || !strings.Contains(err.Error(), "has 4096 bytes, and not ") {
			t.Errorf("%v", err)
		}
	}
	f = file(t, 64*mib)
	shrinks := func(int64) { f.Truncate(mib) }
	if err := transfer.Send(t.Context(), io.Discard, f, 0, shrinks); !errors.Is(err, transfer.ErrChanged) {
		t.Errorf("%v", err)
	}
}

func TestContextEnds(t *testing.T) {
	why := errors.New("enough")
	for name, do := range map[string]func(context.Context, *os.File, func(int64)) error{
		"send": func(ctx context.Context, f *os.File, moved func(int64)) error {
			return transfer.Send(ctx, io.Discard, f, 0, moved)
		},
		"receive": func(ctx context.Context, f *os.File, moved func(int64)) error {
			return transfer.Receive(ctx, bytes.NewReader(stream(t, f, 0)), empty(t), moved)
		},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		if err := do(ctx, file(t, 32*mib), func(int64) { cancel(why) }); !errors.Is(err, why) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// head is a run as a stream has it.
func head(kind byte, off, size uint64, data string) string {
	b := []byte{kind}
	b = binary.BigEndian.AppendUint64(b, off)
	b = binary.BigEndian.AppendUint64(b, size)
	b = append(b, data...)
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		panic(err)
	}
	mac, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return string(mac.Seal(nil, make([]byte, 12), nil, b)) + string(b)
}

var hostile = map[string]struct{ stream, want string }{
	"other bytes":          {strings.Repeat("<html>", 10), "in its place"},
	"another kind":         {head('x', 0, 1, "a"), "which nobody sends"},
	"too long":             {head('d', 0, mib+1, ""), "which nobody sends"},
	"endless":              {head('d', 0, math.MaxUint64, ""), "which nobody sends"},
	"empty data":           {head('d', 0, 0, ""), "which nobody sends"},
	"an empty hole":        {head('h', 0, 0, ""), "which nobody sends"},
	"a long end":           {head('e', 0, 1, ""), "which nobody sends"},
	"a gap":                {head('d', 0, 1, "a") + head('d', 2, 1, "a"), "a run of byte 2 is in its place"},
	"back":                 {head('d', 0, 1, "a") + head('d', 0, 1, "b"), "a run of byte 0 is in its place"},
	"before the beginning": {head('d', math.MaxUint64, 1, "a"), "in its place"},
	"beyond the end":       {head('h', 0, 4096, "") + head('h', 4096, math.MaxInt64, ""), "which nobody sends"},
	"changed data":         {strings.Replace(head('d', 0, 3, "abc"), "abc", "abd", 1), "the next 3 bytes are not those that were sent"},
	"a changed head":       {strings.Replace(head('h', 0, 4096, ""), "\x10\x00", "\x20\x00", 1), "are not those that were sent"},
}

func TestHostileStreams(t *testing.T) {
	for name, c := range hostile {
		dst := empty(t)
		err := transfer.Receive(t.Context(), strings.NewReader(c.stream+head('e', 1, 0, "")), dst, nil)
		if !errors.Is(err, transfer.ErrStream) || !strings.Contains(fmt.Sprint(err), c.want) || !strings.Contains(fmt.Sprint(err), dst.Name()) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
		if got := string(content(t, dst)); got != "" && got != "a" && got != strings.Repeat("\x00", 4096) {
			t.Errorf("%s: wrote %q", name, got)
		}
	}
}

// What Receive takes is as Send would have it; what it refuses has harmed nothing.
func FuzzReceive(f *testing.F) {
	f.Add([]byte(head('d', 0, 2, "ab") + head('h', 2, 5000, "") + head('d', 5002, 1, "c") + head('e', 5003, 0, "")))
	for _, c := range hostile {
		f.Add([]byte(c.stream))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		dst := empty(t)
		moved := int64(0)
		err := transfer.Receive(t.Context(), bytes.NewReader(b), dst, func(n int64) { moved += n })
		info, serr := dst.Stat()
		if serr != nil || info.Size() != moved {
			t.Fatalf("%d bytes moved, and the file has %v: %v", moved, info, serr)
		}
		if err != nil || moved > 64*mib {
			return
		}
		again := empty(t)
		if err := transfer.Receive(t.Context(), bytes.NewReader(stream(t, dst, 0)), again, nil); err != nil || !bytes.Equal(content(t, dst), content(t, again)) {
			t.Errorf("sent on: %v", err)
		}
	})
}
