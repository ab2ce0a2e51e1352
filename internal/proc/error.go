package proc

// What a child's failure says: its command in a form that can be pasted into a
// shell, and the tail of its stderr.

import (
	"path/filepath"
	"strings"
	"sync"
)

// Error is a child that could not be started, exited with an error or was ended by us.
type Error struct {
	Argv   []string // the command's words
	Code   int      // exit status; -1: none (not started, or ended by a signal)
	Stderr string   // tail of its stderr
	Err    error    // *exec.ExitError, exec.ErrNotFound, the context's error, …
}

// errorLines is how many of the last lines of stderr an error's text repeats:
// more than that is for a log.
const errorLines = 6

func (e *Error) Error() string {
	name := "process"
	if len(e.Argv) > 0 {
		name = filepath.Base(e.Argv[0])
	}
	text := name + ": " + e.Err.Error()
	if lines := lastLines(e.Stderr, errorLines); lines != "" {
		text += ": " + lines
	}
	return text
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// lastLines joins the last n non-empty lines by "; ".
func lastLines(s string, n int) string {
	var lines []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "; ")
}

// Quote joins a command's words so that a POSIX shell reads them back as they are.
func Quote(argv []string) string {
	var b strings.Builder
	for i, word := range argv {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(quoteWord(word))
	}
	return b.String()
}

// plain are the bytes that no shell takes for anything but themselves, in any place of a word.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%"

func quoteWord(w string) string {
	if w != "" && strings.Trim(w, plain) == "" {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

// Tail is a writer that keeps only the last bytes written to it. It is safe
// for use by several goroutines.
type Tail struct {
	mu   sync.Mutex
	buf  []byte
	max  int
	over bool // something was thrown away
}

// NewTail keeps the last max bytes; max <= 0: 8 KiB.
func NewTail(max int) *Tail {
	if max <= 0 {
		max = 8 << 10
	}
	return &Tail{max: max}
}

// Write never fails.
func (t *Tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(b)
	if n >= t.max {
		t.over = t.over || n > t.max || len(t.buf) > 0
		t.buf = append(t.buf[:0], b[n-t.max:]...)
		return n, nil
	}
	if drop := len(t.buf) + n - t.max; drop > 0 {
		t.over = true
		t.buf = append(t.buf[:0], t.buf[drop:]...)
	}
	t.buf = append(t.buf, b...)
	return n, nil
}

// String is what is kept. If earlier bytes were lost, it begins with a whole
// line (where there is one).
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := string(t.buf)
	if t.over {
		if _, rest, ok := strings.Cut(s, "\n"); ok {
			s = rest
		}
	}
	return s
}
