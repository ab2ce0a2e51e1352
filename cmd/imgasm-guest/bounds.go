// Bounds for what scripts write, however much that is.

package main

import (
	"bytes"
	"io"
)

// lastBytes keeps the end of what is written to it. The buffer is no embedded
// one: io.Copy would write around the bound, by its ReadFrom.
type lastBytes struct {
	kept bytes.Buffer
	max  int
}

func (l *lastBytes) Write(p []byte) (int, error) {
	n := len(p)
	if over := n - l.max; over > 0 {
		p = p[over:]
	}
	if over := l.kept.Len() + len(p) - l.max; over > 0 {
		l.kept.Next(over)
	}
	l.kept.Write(p)
	return n, nil
}

// firstBytes passes the beginning of what is written to it on. The writer
// learns nothing of the rest, nor of a disk that is full.
type firstBytes struct {
	to   io.Writer
	left int
}

const leftOut = "\nimgasm-guest: the rest is left out\n"

func (f *firstBytes) Write(p []byte) (int, error) {
	n := len(p)
	switch {
	case f.left <= 0:
	case n < f.left:
		f.left -= n
		f.to.Write(p)
	default:
		f.to.Write(append(p[:f.left:f.left], leftOut...))
		f.left = 0
	}
	return n, nil
}
