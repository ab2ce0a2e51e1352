// Reading a guest's channels: whoever reads a guest never stops reading.

package watch

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imgasm/imgasm/internal/guard"
)

// silence is how long a channel must say nothing before what it has said
// without a newline (a prompt) is looked at. It has a part in how soon a question
// that nobody answers is known: see BenchmarkDetection.
const silence = 200 * time.Millisecond

// shortSilence says that nothing is left to read, where somebody waits for that.
const shortSilence = 20 * time.Millisecond

// channel is a connection to the guest that is read to its end.
type channel struct {
	conn  net.Conn
	write func([]byte)                 // takes what was read
	flush func(last bool)              // the channel has fallen silent; last: for good, as far as anybody waits for it
	tap   atomic.Pointer[func([]byte)] // takes what was read too, if set

	ended chan struct{} // closed at the channel's end

	mu       sync.Mutex      // also: setting conn's deadline for reading
	barriers []chan struct{} // each is closed when a silence that began after it has ended
}

// readChannel starts reading conn. write and flush are called by one goroutine;
// failed is told when one of them panics, and then nothing more is read.
func readChannel(conn net.Conn, write func([]byte), flush func(last bool), failed func(error)) *channel {
	c := &channel{conn: conn, write: write, flush: flush, ended: make(chan struct{})}
	go guard.Func(c.read, failed)()
	return c
}

func (c *channel) read() {
	defer close(c.ended)
	buf := make([]byte, 64<<10)
	var waiting []chan struct{} // barriers that are older than the read that follows
	for {
		c.mu.Lock()
		waiting, c.barriers = append(waiting, c.barriers...), nil
		patience := silence
		if len(waiting) > 0 {
			patience = shortSilence
		}
		begun := time.Now()
		_ = c.conn.SetReadDeadline(begun.Add(patience))
		c.mu.Unlock()
		n, err := c.conn.Read(buf)
		if n > 0 {
			c.write(buf[:n])
			if tap := c.tap.Load(); tap != nil {
				(*tap)(buf[:n])
			}
		}
		switch {
		case err == nil:
		case !errors.Is(err, os.ErrDeadlineExceeded):
			c.flush(true)
			return
		case n == 0 && time.Since(begun) >= patience: // else a barrier has woken us
			c.flush(len(waiting) > 0)
			for _, b := range waiting {
				close(b)
			}
			waiting = nil
		}
	}
}

// barrier returns a channel that is closed once everything that the guest had
// sent before the call has been read.
func (c *channel) barrier() <-chan struct{} {
	b := make(chan struct{})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.barriers = append(c.barriers, b)
	_ = c.conn.SetReadDeadline(time.Now()) // wakes the reader
	return b
}

// settle waits until everything that the guest had sent before the call has
// been read, or until most has passed.
func settle(most time.Duration, channels ...*channel) {
	deadline := time.NewTimer(most)
	defer deadline.Stop()
	barriers := make([]<-chan struct{}, len(channels))
	for i, c := range channels {
		barriers[i] = c.barrier()
	}
	for i, c := range channels {
		select {
		case <-barriers[i]:
		case <-c.ended:
		case <-deadline.C:
			return
		}
	}
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
