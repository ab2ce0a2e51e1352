// This file hands whole files of an image on, in the cheapest way there is.

package iso

import (
	"context"
	"errors"
	"io"
)

// WriteTo implements io.WriterTo: the rest of the file goes to w. From a file
// to a file the kernel copies, and on some file systems shares the blocks.
func (f reader) WriteTo(w io.Writer) (done int64, err error) {
	skip, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	for _, e := range f.extents {
		if skip >= e.length {
			skip -= e.length
			continue
		}
		var n int64
		if n, err = f.m.copyExtent(w, extent{e.offset + skip, e.length - skip}); err != nil {
			return done + n, err
		}
		skip = 0
		done += n
	}
	_, err = f.Seek(0, io.SeekEnd)
	return done, err
}

// copyPiece is how much is copied before Image.Piece is called again: a second's
// work for a slow stick.
const copyPiece = 16 << 20

func (m *Image) copyExtent(w io.Writer, e extent) (done int64, err error) {
	piece := m.Piece
	if piece == nil {
		piece = func(int64) error { return nil }
	}
	err = piece(0)
	for done < e.length && err == nil {
		if err := context.Cause(m.ctx); err != nil {
			return done, err
		}
		var n int64
		n, err = m.copyPiece(w, extent{e.offset + done, min(e.length-done, copyPiece)})
		done += n
		if err == nil {
			err = piece(n)
		}
	}
	return done, err
}

func (m *Image) copyPiece(w io.Writer, e extent) (n int64, err error) {
	var from io.Reader = io.NewSectionReader(m.r, e.offset, e.length)
	if m.file != nil { // io.Copy lets the kernel copy from where a file stands
		m.position.Lock()
		defer m.position.Unlock()
		if _, err := m.file.Seek(e.offset, io.SeekStart); err != nil {
			return 0, err
		}
		from = m.file
	}
	n, err = io.CopyN(w, from, e.length)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // the image got shorter since it was opened
	}
	return n, err
}
