// This file is where bytes go: any io.WriterAt, or a file, in which what stays
// zero is not written and contents are copied by the kernel.

package disk

import (
	"io"
	"os"

	"github.com/imgasm/imgasm/internal/tree"
)

// sink takes a disk's or partition's bytes in order, and leaves out what it may.
type sink struct {
	w     io.WriterAt
	pos   int64
	blank bool // the destination reads as zero where nothing was written
}

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.w.WriteAt(p, s.pos)
	s.pos += int64(n)
	return n, err
}

var zeroes [256 << 10]byte

// Zero moves on by n bytes that must read as zero.
func (s *sink) Zero(n int64) error {
	if s.blank {
		s.Free(n)
		return nil
	}
	for n > 0 {
		k, err := s.Write(zeroes[:min(n, int64(len(zeroes)))])
		if err != nil {
			return err
		}
		n -= int64(k)
	}
	return nil
}

// Free moves on by n bytes that may hold anything.
func (s *sink) Free(n int64) { s.pos += n }

// Copy writes the contents of a file.
func (s *sink) Copy(f File) error {
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
