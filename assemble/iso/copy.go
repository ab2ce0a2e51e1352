// This file hands whole files of an image on, in the cheapest way there is.

package iso

import (
	"context"
	"errors"
	"io"
	"os"
)

// copyBuffer is how much is read and written at once where the kernel cannot
// copy. Larger ones were no faster.
const copyBuffer = 1 << 20

// WriteTo implements io.WriterTo: the rest of the file goes to w. From a file
// to a file the kernel copies, and on some file systems shares the blocks.
func (f *openFile) WriteTo(w io.Writer) (int64, error) {
	var done int64
	skip := f.at
	for _, e := range f.extents {
		if skip >= e.length {
			skip -= e.length
			continue
		}
		n, err := f.m.copyExtent(w, extent{e.offset + skip, e.length - skip})
		skip = 0
		done += n
		f.at += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
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

func (m *Image) copyPiece(w io.Writer, e extent) (int64, error) {
	var done int64
	if to, ok := w.(*os.File); ok && m.file != nil {
		n, err := copyRange(to, m.file, e.offset, e.length)
		if err != nil || n == e.length {
			return n, err
		}
		done = n // the kernel cannot, or not further
	}
	buf := make([]byte, min(copyBuffer, max(1, e.length-done)))
	// Not io.Copy: it would ask the *os.File to copy again.
	for done < e.length {
		b := buf[:min(int64(len(buf)), e.length-done)]
		k, err := m.r.ReadAt(b, e.offset+done)
		if k < len(b) {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF // the image got shorter since it was opened
			}
			return done, err
		}
		if k, err = w.Write(b); err != nil {
			return done + int64(k), err
		}
		done += int64(k)
	}
	return done, nil
}
