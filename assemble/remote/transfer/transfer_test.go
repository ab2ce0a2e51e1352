package transfer_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
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
		if got := content(t, dst); !bytes.HasPrefix(want, got) || len(got) < n-2*mib {
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
	sum := sha256.Sum256(append(b[:len(b):len(b)], data...))
	return string(b) + string(sum[:]) + data
}

var hostile = map[string]struct{ stream, want string }{
	"other bytes":          {strings.Repeat("<html>", 10), "in its place"},
	"another kind":         {head('x', 0, 1, "a"), "which nobody sends"},
	"too long":             {head('d', 0, mib+1, ""), "which nobody sends"},
	"endless":              {head('d', 0, math.MaxUint64, ""), "which nobody sends"},
	"empty data":           {head('d', 0, 0, ""), "which nobody sends"},
	"an empty hole":        {head('h', 0, 0, ""), "which nobody sends"},
	"a long end":           {head('e', 0, 1, ""), "which nobody sends"},
	"a gap":                {head('d', 0, 1, "a") + head('d', 2, 1, "a"), "a run of byte 2 in its place"},
	"back":                 {head('d', 0, 1, "a") + head('d', 0, 1, "b"), "a run of byte 0 in its place"},
	"before the beginning": {head('d', math.MaxUint64, 1, "a"), "in its place"},
	"beyond the end":       {head('h', 0, 4096, "") + head('h', 4096, math.MaxInt64, ""), "which nobody sends"},
	"changed data":         {strings.Replace(head('d', 0, 3, "abc"), "abc", "abd", 1), "the 3 bytes from 0 on have another sum"},
	"a changed head":       {strings.Replace(head('h', 0, 4096, ""), "\x10\x00", "\x20\x00", 1), "have another sum"},
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

const receiver = "IMGASM_TEST_RECEIVE"

// TestMain receives into the file that the environment names, if it names one.
func TestMain(m *testing.M) {
	path := os.Getenv(receiver)
	if path == "" {
		os.Exit(m.Run())
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		err = transfer.Receive(context.Background(), os.Stdin, f, nil)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A receiver that is killed at any moment, in the middle of a write too, leaves a
// file that the next goes on with.
func TestKilledReceiver(t *testing.T) {
	src := file(t, 20*mib, -3*mib, 20*mib+5)
	dst := empty(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(5, 6))
	for kills := 0; ; kills++ {
		has := int64(len(content(t, dst)))
		here, err := transfer.Prefix(t.Context(), src, has)
		there, err2 := transfer.Prefix(t.Context(), dst, has)
		if err != nil || err2 != nil || here != there {
			t.Fatalf("after %d kills the first %d bytes differ: %v, %v", kills, has, err, err2)
		}
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), receiver+"="+dst.Name())
		in, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		if kills < 10 {
			at := random.Int64N(int64(10 * mib))
			// The rest is in the pipe, or nowhere.
			_ = transfer.Send(t.Context(), &killer{in, at, cmd.Process}, src, has, nil)
			_ = cmd.Wait()
			continue
		}
		if err := transfer.Send(t.Context(), in, src, has, nil); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		break
	}
	if !bytes.Equal(content(t, dst), content(t, src)) {
		t.Error("another content")
	}
}

// killer kills a process when it has passed on so many bytes.
type killer struct {
	w    io.Writer
	left int64
	p    *os.Process
}

func (k *killer) Write(b []byte) (int, error) {
	n := min(int64(len(b)), k.left)
	if _, err := k.w.Write(b[:n]); err != nil {
		return 0, err
	}
	if k.left -= n; k.left == 0 {
		return 0, errors.Join(errors.New("killed"), k.p.Kill())
	}
	return len(b), nil
}
