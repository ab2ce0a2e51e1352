package ext4

import (
	"errors"
	"io"
)

// streamBytes of a write at once stay in a processor's cache from the reading to
// the writing: with 1 MiB and more the same took a third more CPU.
const streamBytes = 256 << 10

// stream gathers what is written into large pieces. Of a block that is written
// in part the rest is zeros.
type stream struct {
	w   io.WriterAt
	at  int64 // where buf begins
	buf []byte
	one [1]byte
}

func newStream(w io.WriterAt) stream { return stream{w: w, buf: make([]byte, 0, streamBytes)} }

func (s *stream) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	_, err := s.w.WriteAt(s.buf, s.at)
	s.at += int64(len(s.buf))
	s.buf = s.buf[:0]
	return err
}

// room returns where at least a block's bytes go that belong at off.
func (s *stream) room(off int64) ([]byte, error) {
	end := s.at + int64(len(s.buf))
	if end != off || len(s.buf) == cap(s.buf) {
		if err := s.flush(); err != nil {
			return nil, err
		}
		s.at = off
	}
	return s.buf[len(s.buf):cap(s.buf)], nil
}

// wrote takes n bytes of room into the stream, and zeros to the end of the block.
func (s *stream) wrote(n int) {
	end := len(s.buf) + n
	s.buf = s.buf[:(end+blockBytes-1)/blockBytes*blockBytes]
	clear(s.buf[end:])
}

// copy writes n bytes of r at off, where a block begins. It is an
// io.ErrUnexpectedEOF if there are fewer.
func (s *stream) copy(off int64, r io.Reader, n int64) error {
	for n > 0 {
		room, err := s.room(off)
		if err != nil {
			return err
		}
		room = room[:min(int64(len(room)), n)]
		if _, err := io.ReadFull(r, room); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		s.wrote(len(room))
		off, n = off+int64(len(room)), n-int64(len(room))
	}
	return nil
}

// block returns an empty block to be filled, of the number; it is written when
// the next is asked for.
func (s *stream) block(number int64) ([]byte, error) {
	room, err := s.room(number * blockBytes)
	if err != nil {
		return nil, err
	}
	room = room[:blockBytes]
	clear(room)
	s.wrote(blockBytes)
	return room, nil
}
