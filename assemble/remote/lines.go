package remote

// What a job says, while it says it.

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// lines reads what a job says while it is written.
type lines struct {
	f *os.File
	r *bufio.Reader
	// part is the beginning of a line whose end is still to come.
	part []byte
}

// openLines opens a job's lines, and leaves the first ones out.
func openLines(path string, from int64) (*lines, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, privateMode)
	if err != nil {
		return nil, err
	}
	l := &lines{f: f, r: bufio.NewReaderSize(f, 64<<10)}
	for range from {
		if _, ok, err := l.next(); err != nil || !ok {
			f.Close()
			return nil, errors.Join(err, fmt.Errorf("the job has not said %d lines", from))
		}
	}
	return l, nil
}

func (l *lines) Close() error { return l.f.Close() }

// next is the next line, if it is there whole.
func (l *lines) next() (string, bool, error) {
	for {
		part, err := l.r.ReadSlice('\n')
		l.part = append(l.part, part...)
		switch {
		case err == nil:
			line := string(bytes.TrimSuffix(l.part, []byte("\n")))
			l.part = l.part[:0]
			return line, true, nil
		case errors.Is(err, io.EOF):
			return "", false, nil
		case !errors.Is(err, bufio.ErrBufferFull) || len(l.part) > maxLine:
			return "", false, err
		}
	}
}
