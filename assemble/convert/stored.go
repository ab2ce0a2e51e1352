// A gzip member that compresses nothing: its content lies in it in pieces, each
// behind the header of a stored block (RFC 1951, section 3.2.4), and can therefore
// be written here and there. It is for what is compressed already and must be
// called gzip all the same.

package convert

import (
	"context"
	"encoding/binary"
	"hash"
	"hash/crc32"
	"io"
)

// stored is the content of such a member, a File itself.
type stored struct {
	dst  *part
	size int64
}

const (
	maxStored    = 1<<16 - 1 // bytes in a block
	storedHeader = 5
)

// block is where a piece of content lies, of those n bytes that begin at off.
func (s *stored) block(off int64, n int) (at int64, length int) {
	return int64(len(gzipHeader)) + off + storedHeader*(off/maxStored+1), int(min(int64(n), maxStored-off%maxStored))
}

func (s *stored) WriteAt(b []byte, off int64) (int, error) { return s.each(b, off, s.dst.WriteAt) }
func (s *stored) ReadAt(b []byte, off int64) (int, error)  { return s.each(b, off, s.dst.ReadAt) }

// each does something with the pieces of b.
func (s *stored) each(b []byte, off int64, do func([]byte, int64) (int, error)) (done int, err error) {
	for done < len(b) {
		at, length := s.block(off+int64(done), len(b)-done)
		n, err := do(b[done:done+length], at)
		if done += n; err != nil {
			return done, err
		}
	}
	return done, nil
}

func (s *stored) Truncate(size int64) error {
	s.size = size
	return s.dst.Truncate(s.blocksEnd())
}

func (s *stored) blocksEnd() int64 {
	return int64(len(gzipHeader)) + s.size + storedHeader*max(1, (s.size+maxStored-1)/maxStored)
}

// close writes the headers of all blocks, and what begins and ends the member.
// The content goes through h too.
func (s *stored) close(ctx context.Context, h hash.Hash) error {
	if _, err := s.dst.WriteAt([]byte(gzipHeader), 0); err != nil {
		return err
	}
	sum := crc32.NewIEEE()
	b := make([]byte, maxStored)
	for off := int64(0); off == 0 || off < s.size; off += maxStored {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n := int(min(maxStored, s.size-off))
		if _, err := io.ReadFull(io.NewSectionReader(s, off, int64(n)), b[:n]); err != nil {
			return err
		}
		sum.Write(b[:n])
		h.Write(b[:n])
		header := make([]byte, 1, storedHeader)
		if off+int64(n) == s.size {
			header[0] = 1 // the last one
		}
		header = binary.LittleEndian.AppendUint16(header, uint16(n))
		header = binary.LittleEndian.AppendUint16(header, ^uint16(n))
		at, _ := s.block(off, n)
		if _, err := s.dst.WriteAt(header, at-storedHeader); err != nil {
			return err
		}
	}
	end := s.blocksEnd()
	s.dst.size = end + 8
	trailer := binary.LittleEndian.AppendUint32(nil, sum.Sum32())
	_, err := s.dst.WriteAt(binary.LittleEndian.AppendUint32(trailer, uint32(s.size)), end)
	return err
}
