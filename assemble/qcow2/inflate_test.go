package qcow2

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"testing"
)

// deflated are streams of several compressors and kinds of blocks.
func deflated(t testing.TB) (streams [][]byte) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 1, 2, 300, 40000, 65536, 200000} {
		for kind := range 5 {
			plain := make([]byte, size)
			for i := range plain {
				switch kind {
				case 0:
					plain[i] = byte(r.Uint32())
				case 1:
					plain[i] = byte(r.NormFloat64() * 9)
				case 2:
					plain[i] = "qcow2 cluster table "[i%20]
				case 3:
					plain[i] = byte(r.ExpFloat64() * 3)
					if i > 5000 && r.IntN(30) == 0 {
						n := r.IntN(min(i, 2000))
						i += copy(plain[i:], plain[i-n:i])
					}
				}
			}
			for _, level := range []int{0, 1, 6, 9, flate.HuffmanOnly} {
				var b bytes.Buffer
				w, err := flate.NewWriter(&b, level)
				if err != nil {
					t.Fatal(err)
				}
				w.Write(plain[:size/2])
				w.Flush()
				w.Write(plain[size/2:])
				w.Close()
				streams = append(streams, b.Bytes())
			}
		}
	}
	return streams
}

// agree holds the inflater against compress/flate, for a buffer of size bytes.
func agree(t *testing.T, src []byte, size int) {
	t.Helper()
	want := make([]byte, size)
	n, theirs := io.ReadFull(flate.NewReader(bytes.NewReader(src)), want)
	ended := theirs == io.EOF || theirs == io.ErrUnexpectedEOF && complete(src)
	got := make([]byte, size)
	var d inflater
	for i := range d.literals { // what an earlier call may have left
		d.literals[i] = 0xffffffff
	}
	k, ours := d.inflate(got, src)
	switch {
	case theirs == nil || ended:
		if ours != nil || k != n || !bytes.Equal(got[:k], want[:n]) {
			t.Fatalf("%d bytes (%v), compress/flate has %d (%v)", k, ours, n, theirs)
		}
	case ours == nil && theirs == io.ErrUnexpectedEOF:
		// compress/flate wants as many bits as the block's end has, whatever comes,
		// and does not see the last codes of a stream that is cut off behind them.
		n, _ = io.ReadFull(flate.NewReader(bytes.NewReader(append(bytes.Clone(src), bytes.Repeat([]byte{0xff}, 8)...))), want)
		if n < k || !bytes.Equal(got[:k], want[:k]) {
			t.Fatalf("%d bytes of a stream that is cut off, compress/flate has %d with more bits", k, n)
		}
	case ours == nil:
		t.Fatalf("%d bytes and no error, compress/flate: %d and %v", k, n, theirs)
	}
}

// complete reports whether the whole of src is a good stream.
func complete(src []byte) bool {
	_, err := io.Copy(io.Discard, flate.NewReader(bytes.NewReader(src)))
	return err == nil
}

func TestInflate(t *testing.T) {
	for _, src := range deflated(t) {
		for _, size := range []int{1, 7, 4096, 65536, 200000} {
			agree(t, src, size)
			agree(t, src[:len(src)/2], size)
			agree(t, append(bytes.Clone(src), "rubbish behind the end"...), size)
		}
	}
}

func FuzzInflate(f *testing.F) {
	for _, src := range deflated(f) {
		if len(src) < 5000 {
			f.Add(src, 4096)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte, size int) {
		if size < 0 || size > 1<<18 {
			return
		}
		agree(t, src, size)
	})
}
