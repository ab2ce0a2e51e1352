// Reading a guest's channels: whoever reads a guest never stops reading.

package assemble

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// silence is how long a channel must say nothing before what it has said
// without a newline (a prompt) is looked at.
const silence = 500 * time.Millisecond

// channel is a connection to the guest that is read to its end.
type channel struct {
	conn  net.Conn
	write func([]byte)                 // takes what was read
	flush func()                       // the channel has fallen silent, or has ended
	tap   atomic.Pointer[func([]byte)] // takes what was read too, if set

	hurry atomic.Bool   // a barrier waits: look soon whether anything is left
	idle  chan struct{} // one token each time nothing was left to read
	ended chan struct{} // closed at the channel's end
}

// readChannel starts reading conn. write and flush are called by one goroutine.
func readChannel(conn net.Conn, write func([]byte), flush func()) *channel {
	c := &channel{conn: conn, write: write, flush: flush, idle: make(chan struct{}, 1), ended: make(chan struct{})}
	go c.read()
	return c
}

func (c *channel) read() {
	defer close(c.ended)
	buf := make([]byte, 64<<10)
	for {
		patience := silence
		if c.hurry.Load() {
			patience = 20 * time.Millisecond
		}
		_ = c.conn.SetReadDeadline(time.Now().Add(patience))
		n, err := c.conn.Read(buf)
		if n > 0 {
			c.write(buf[:n])
			if tap := c.tap.Load(); tap != nil {
				(*tap)(buf[:n])
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			c.flush()
			select {
			case c.idle <- struct{}{}:
			default:
			}
		default:
			c.flush()
			return
		}
	}
}

// settle waits until everything that the guest had sent before the call has
// been read, or until most has passed.
func settle(most time.Duration, channels ...*channel) {
	deadline := time.After(most)
	var wait sync.WaitGroup
	for _, c := range channels {
		wait.Add(1)
		go func() {
			defer wait.Done()
			c.hurry.Store(true)
			defer c.hurry.Store(false)
			select { // a token of before proves nothing
			case <-c.idle:
			default:
			}
			_ = c.conn.SetReadDeadline(time.Now())
			// The first silence may have begun before the call; the second has not.
			for range 2 {
				select {
				case <-c.idle:
				case <-c.ended:
					return
				case <-deadline:
					return
				}
			}
		}()
	}
	wait.Wait()
}

// maxChannelLine bounds one line of a log or progress port, in bytes.
const maxChannelLine = 64 << 10

// lineSplitter cuts a stream into lines without their ends and numbers them.
// What a line has beyond maxChannelLine is left out.
type lineSplitter struct {
	emit func(line int, text string)
	line int
	part []byte
}

// Write takes the next bytes; it never fails.
func (s *lineSplitter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		piece := p
		if i >= 0 {
			piece = p[:i]
		}
		if room := maxChannelLine - len(s.part); room > 0 {
			s.part = append(s.part, piece[:min(room, len(piece))]...)
		}
		if i < 0 {
			break
		}
		s.end()
		p = p[i+1:]
	}
	return n, nil
}

func (s *lineSplitter) end() {
	s.line++
	s.emit(s.line, string(bytes.TrimSuffix(s.part, []byte("\r"))))
	s.part = s.part[:0]
}

// Close hands over a last line that has no newline.
func (s *lineSplitter) Close() error {
	if len(s.part) > 0 {
		s.end()
	}
	return nil
}

var _ io.WriteCloser = (*lineSplitter)(nil)
