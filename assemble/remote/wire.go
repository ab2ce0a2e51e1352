package remote

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// NewID is a name for a job that no other has.
func NewID() string { return strings.ToLower(rand.Text()[:12]) }

// maxLine bounds a line, in bytes: a request holds kickstarts, a reply a list of files.
const maxLine = 16 << 20

// wire is a connection.
type wire struct {
	r *bufio.Reader
	w io.Writer
}

func newWire(r io.Reader, w io.Writer) *wire { return &wire{bufio.NewReaderSize(r, 64<<10), w} }

func (w *wire) send(v any) error {
	line, err := json.Marshal(v)
	if err == nil {
		_, err = w.w.Write(append(line, '\n'))
	}
	return err
}

// receive reads a line into v. io.EOF: there is none.
func (w *wire) receive(v any) error {
	var line []byte
	for {
		part, err := w.r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			if err := json.Unmarshal(line, v); err != nil {
				return fmt.Errorf("the other side speaks something else: %.100q", line)
			}
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			if errors.Is(err, io.EOF) && len(line) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return err
		case len(line) > maxLine:
			return fmt.Errorf("a line of more than %d bytes", maxLine)
		}
	}
}
