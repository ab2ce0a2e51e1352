// The logs of a guest that are kept: bounded, whatever it says.

package watch

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
)

// How much of a guest's log is kept, in bytes: its beginning, and its end.
// Consoles of whole installations have some 100 KB.
const (
	keptHead = 16 << 20
	keptTail = 4 << 20
)

// KeptLog writes what a guest says to a file. Of a guest that says too much the
// beginning and the end are kept, with a line between them that says what was
// left out. The beginning is written as it comes, the end by Finish.
type KeptLog struct {
	mu         sync.Mutex
	file       io.WriteCloser
	head, tail int // bytes of each that are kept
	written    int
	lines      int    // line feeds written
	end        []byte // what came behind the head, at most twice tail
	cut        int    // bytes left out of it
	cutLines   int    // and line feeds
	failed     error
}

// NewKeptLog returns a log that is kept in f, which it closes.
func NewKeptLog(f *os.File) *KeptLog {
	return &KeptLog{file: f, head: keptHead, tail: keptTail}
}

// Write takes what the guest says. It never fails: Finish tells.
func (k *KeptLog) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := len(p)
	if k.file == nil {
		return n, nil
	}
	if room := min(k.head-k.written, len(p)); room > 0 {
		k.put(p[:room])
		p = p[room:]
	}
	k.end = append(k.end, p...)
	if over := len(k.end) - k.tail; over > k.tail {
		k.leaveOut(over)
	}
	return n, nil
}

func (k *KeptLog) put(p []byte) {
	if k.failed != nil {
		return
	}
	n, err := k.file.Write(p)
	k.written, k.failed = k.written+n, err
	k.lines += bytes.Count(p[:n], []byte("\n"))
}

// leaveOut forgets the first n bytes of the end.
func (k *KeptLog) leaveOut(n int) {
	k.cut += n
	k.cutLines += bytes.Count(k.end[:n], []byte("\n"))
	k.end = append(k.end[:0:0], k.end[n:]...)
}

// Finish writes the end and closes the file. What comes after it is not kept. It
// may be called again.
func (k *KeptLog) Finish() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.file == nil {
		return k.failed
	}
	if over := len(k.end) - k.tail; over > 0 {
		k.leaveOut(over)
	}
	if k.cut > 0 {
		if i := bytes.IndexByte(k.end, '\n'); i >= 0 { // of a line that has lost its beginning nothing is kept
			k.leaveOut(i + 1)
		}
		k.put(fmt.Appendf(nil, "\n[imgasm has left out %d bytes here: the next line was line %d]\n", k.cut, k.lines+k.cutLines+1))
	}
	k.put(k.end)
	if err := k.file.Close(); k.failed == nil {
		k.failed = err
	}
	k.file, k.end = nil, nil
	return k.failed
}
