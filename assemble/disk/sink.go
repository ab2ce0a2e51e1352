// This file is where bytes go: a stream, any io.WriterAt, or a file, in which
// what stays zero is not written and contents are copied by the kernel.

package disk

import (
	"io"
	"os"

	"github.com/imgasm/imgasm/internal/tree"
)

// sink takes a disk's or partition's bytes in order.
type sink interface {
	io.Writer
	// Zero moves on by n bytes that must read as zero.
	Zero(n int64) error
	// Free moves on by n bytes that may hold anything.
	Free(n int64) error
	// Copy writes the contents of a file.
	Copy(f File) error
}

var zeroes [256 << 10]byte

// zeroFill writes n zeroes.
func zeroFill(w io.Writer, n int64) error {
	for n > 0 {
		k, err := w.Write(zeroes[:min(n, int64(len(zeroes)))])
		if err != nil {
			return err
		}
		n -= int64(k)
	}
	return nil
}

// stream is a sink that writes every byte.
type stream struct{ io.Writer }

func (s stream) Zero(n int64) error { return zeroFill(s.Writer, n) }
func (s stream) Free(n int64) error { return zeroFill(s.Writer, n) }
func (s stream) Copy(f File) error  { return tree.Copy(s.Writer, f) }

// seeker is a sink that writes at offsets and leaves out what it may.
type seeker struct {
	w     io.WriterAt
	pos   int64
	blank bool // the destination reads as zero where nothing was written
}

func (s *seeker) Write(p []byte) (int, error) {
	n, err := s.w.WriteAt(p, s.pos)
	s.pos += int64(n)
	return n, err
}

func (s *seeker) Zero(n int64) error {
	if s.blank {
		s.pos += n
		return nil
	}
	return zeroFill(s, n)
}

func (s *seeker) Free(n int64) error {
	s.pos += n
	return nil
}

func (s *seeker) Copy(f File) error {
	file, ok := s.w.(*os.File)
	if !ok {
		return tree.Copy(s, f)
	}
	// An *os.File writes at its own position, which lets the kernel copy.
	if _, err := file.Seek(s.pos, io.SeekStart); err != nil {
		return err
	}
	if err := tree.Copy(file, f); err != nil {
		return err
	}
	s.pos += f.SizeBytes
	return nil
}
