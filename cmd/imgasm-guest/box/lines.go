// Reading input of any length in bounded memory: an installer has no swap, and
// a script may read what has no end.

package box

import (
	"bufio"
	"errors"
	"io"
)

// maxTail bounds what commands keep of their input that need all of it.
const maxTail = 16 << 20

// maxLine is the longest line that commands read.
const maxLine = 1 << 20

var (
	errLongLine = errors.New("line too long")
	errTooMuch  = errors.New("input too long")
	errEnough   = errors.New("enough lines") // ends eachLine, and is no error
)

// eachLine calls use for each line of r, with its line end if it has one.
func eachLine(r io.Reader, use func(line string) error) error {
	b := bufio.NewReader(r)
	for {
		var line []byte
		for {
			part, err := b.ReadSlice('\n')
			line = append(line, part...)
			if len(line) > maxLine {
				return errLongLine
			}
			if err == nil {
				break
			}
			if err == bufio.ErrBufferFull {
				continue
			}
			if err == io.EOF && len(line) > 0 {
				return ignoreEnough(use(string(line)))
			}
			return ignoreEOF(err)
		}
		if err := use(string(line)); err != nil {
			return ignoreEnough(err)
		}
	}
}

func ignoreEnough(err error) error {
	if err == errEnough {
		return nil
	}
	return err
}

func ignoreEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// readAll is io.ReadAll with the bound maxTail.
func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxTail+1))
	if err == nil && len(data) > maxTail {
		return nil, errTooMuch
	}
	return data, err
}

// readEnd returns the last bytes of r, maxTail at most.
func readEnd(r io.Reader) ([]byte, error) {
	var kept []byte
	chunk := make([]byte, 64<<10)
	for {
		n, err := r.Read(chunk)
		if kept = append(kept, chunk[:n]...); len(kept) >= 2*maxTail {
			kept = append(kept[:0], kept[len(kept)-maxTail:]...)
		}
		if err != nil {
			return kept[max(len(kept)-maxTail, 0):], ignoreEOF(err)
		}
	}
}
