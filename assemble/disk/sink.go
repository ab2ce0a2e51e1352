// This file is where bytes go: any io.WriterAt, or a file, in which what stays
// zero is not written and contents are copied by the kernel.

package disk

import (
	"cmp"
	"io"
	"os"

	"github.com/imgasm/imgasm/internal/tree"
)

// sink takes a disk's or partition's bytes in order, and leaves out what it may.
type sink struct {
	w     io.WriterAt
	pos   int64
	blank bool  // the destination reads as zero where nothing was written
	err   error // the first; nothing is written behind it
}

func (s *sink) Write(p []byte) (n int, err error) {
	if s.err == nil {
		n, s.err = s.w.WriteAt(p, s.pos)
		s.pos += int64(n)
	}
	return n, s.err
}

var zeroes [256 << 10]byte

// Put is Write for who asks for err in the end.
func (s *sink) Put(p []byte) { _, _ = s.Write(p) }

// Zero moves on by n bytes that must read as zero.
func (s *sink) Zero(n int64) {
	if s.blank {
		s.Free(n)
		return
	}
	for n > 0 && s.err == nil {
		k, _ := s.Write(zeroes[:min(n, int64(len(zeroes)))])
		n -= int64(k)
	}
}

// Free moves on by n bytes that may hold anything.
func (s *sink) Free(n int64) { s.pos += n }

// Copy writes the contents of a file.
func (s *sink) Copy(f File) {
	file, ok := s.w.(*os.File)
	if !ok {
		s.err = cmp.Or(s.err, tree.Copy(s, f))
		return
	}
	// An *os.File writes at its own position, which lets the kernel copy.
	if s.err == nil {
		_, s.err = file.Seek(s.pos, io.SeekStart)
	}
	if s.err == nil {
		s.err = tree.Copy(file, f)
	}
	s.pos += f.SizeBytes
}
