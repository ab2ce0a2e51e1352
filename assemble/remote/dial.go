package remote

// A connection, by the user's own ssh, to an imgasm of our version.
//
// ssh's command line is constant, so that every login shell reads it as it is
// meant, csh and fish too: a POSIX shell that reads lines to execute from its
// standard input. The first has the host say what it is and which imgasm it has.
// The second has imgasm serve in the shell's place: that one, or one of ours, which
// follows on the same connection if the host has not kept it from before. So there
// is one connection, and one question for a password, in any case. What start-up
// files print before is skipped: answers begin with a word of their own.

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// ErrConnection says that ssh has not reached a host, or has lost it; its own words
// are in the text.
var ErrConnection = fault.Class(fault.Host, "no connection to the host")

// errRefused is an ErrConnection for which time does little: the host lets nobody in
// who cannot be asked for a password, or is another one.
var errRefused = fault.Class(fault.Host, "the host refuses the connection")

// refusals are words of ssh's, which it does not translate.
var refusals = []string{"Permission denied (", "Host key verification failed"}

// Options say how a host is reached.
type Options struct {
	Host    string   // [ssh://][user@]host[:port]: see ParseAddress
	SSH     []string // the ssh command; nil: ssh
	Version string   // ours; the host's must be the same
	Serve   []string // the arguments by which imgasm serves there, such as the name of a command
	Binary  string   // the file of an imgasm for the host, which is copied if it has none of our version; "": chosen
	Self    string   // the file of our own executable
	Cache   string   // the folder of our cache, which may hold remote/imgasm-OS-ARCH
	Batch   bool     // nobody is asked for anything, such as a password: a reconnection
	// Note is told of what takes time: a binary that is copied. nil: nobody is.
	Note   func(text string)
	Stderr io.Writer // gets what ssh, and imgasm there, say on standard error; nil: only errors have it
}

// Conn is a connection to an imgasm on another host: what is written is its
// standard input, what is read its standard output. Reading and writing may go on
// at once. Read's error is io.EOF if imgasm there has ended well.
type Conn struct {
	host string
	by   []string // what a user does to reach it
	ssh  *proc.Process
	in   *os.File
	out  *os.File
	read *bufio.Reader
	once sync.Once
}

// Dial connects to a host and has imgasm serve there. The context is that of
// connecting alone. A Ctrl-C at the terminal does not reach ssh, which may ask
// there, but our death ends it. Errors are ErrAddress, ErrConnection, ErrVersion,
// those of ssh's start (exec.ErrNotFound) and of the binary's file, or why ctx ended.
func Dial(ctx context.Context, o Options) (*Conn, error) {
	c, err := o.start()
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, c.ssh.Terminate)
	err = c.begin(ctx, o)
	if !stop() {
		err = context.Cause(ctx)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// shell is what ssh runs: no login shell finds anything of its own in it.
const shell = `exec /bin/sh -c 'IFS= read -r line; eval "$line"'`

// start starts ssh.
func (o Options) start() (*Conn, error) {
	to, err := ParseAddress(o.Host)
	if err != nil {
		return nil, err
	}
	ssh := o.SSH
	if len(ssh) == 0 {
		ssh = []string{"ssh"}
	}
	// No forwarding of the user's configuration is wanted, and none may fail; other
	// sessions must not end with this one.
	args := append(slices.Clone(ssh[1:]), "-T", "-a", "-x", "-o", "ClearAllForwardings=yes", "-o", "RemoteCommand=none", "-o", "ControlMaster=no",
		"-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4")
	by := append(slices.Clone(ssh), "-T")
	if o.Batch {
		args = append(args, "-o", "BatchMode=yes", "-o", "ConnectTimeout=20")
		by = append(by, "-o", "BatchMode=yes") // who can give a password would see nothing wrong
	}
	c := &Conn{host: o.Host, by: append(by, to.arguments()...)}
	stdin, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	out, stdout, err := os.Pipe()
	if err != nil {
		in.Close()
		return nil, err
	}
	defer stdout.Close()
	proc.Widen(in)
	proc.Widen(out)
	c.in, c.out, c.read = in, out, bufio.NewReader(out)
	c.ssh, err = proc.Cmd{Path: ssh[0], Args: slices.Concat(args, to.arguments(), []string{shell}), Stdin: stdin, Stdout: stdout, Stderr: o.Stderr, Terminal: true}.Start()
	if err != nil {
		in.Close()
		out.Close()
		return nil, err
	}
	return c, nil
}

// word begins the lines that are answers.
const word = "imgasm-dial:"

// ask has the host say what it is.
const ask = `v=$(imgasm --version </dev/null 2>/dev/null | head -n 1); printf '\n` + word + ` %s %s %s\n' "$(uname -s)" "$(uname -m)" "$v"; IFS= read -r line; eval "$line"` + "\n"

// keep has the host serve by the binary with the sum and size that it begins with,
// and ask for it before if it has none that is whole.
const keep = `; case $(uname -s) in Darwin) c=$HOME/Library/Caches;; *) c=${XDG_CACHE_HOME:-$HOME/.cache};; esac; ` +
	`d=${IMGASM_CACHE:-$c/imgasm}/remote/bin; f=$d/$sum; ` +
	`of() { { sha256sum || shasum -a 256; } <"$1" 2>/dev/null | cut -c 1-64; }; ` +
	`if ! test -f "$f" || test "$(of "$f")" != $sum; then ` +
	`umask 077; mkdir -p "$d" && t=$(mktemp "$d/new.XXXXXX") || exit 1; trap 'rm -f "$t"; exit 1' HUP INT TERM PIPE; ` +
	`echo "` + word + ` send"; head -c $size >"$t"; is=$(of "$t"); ` +
	`if test "$is" != $sum; then rm -f "$t"; echo "` + word + ` differs $is"; exit 1; fi; ` +
	`chmod 700 "$t" && mv -f "$t" "$f" || exit 1; fi; ` +
	`echo "` + word + ` ready $("$f" --version </dev/null 2>&1 | head -n 1)"; exec "$f" `

// begin makes of a shell there an imgasm that serves.
func (c *Conn) begin(ctx context.Context, o Options) error {
	// Errors of writing are seen when nothing comes back, with ssh's words.
	_, _ = io.WriteString(c, ask)
	said, err := c.answer()
	if err != nil {
		return err
	}
	fields := strings.SplitN(said, " ", 3)
	if len(fields) < 3 {
		return c.failed(fmt.Errorf("it calls itself %q", said))
	}
	there := platform{fields[0], fields[1], version(fields[2])}
	if there.version == o.Version {
		_, _ = io.WriteString(c, "exec imgasm "+proc.Quote(o.Serve)+"\n")
		return nil
	}
	path, err := o.binary(there)
	if err != nil {
		return err
	}
	sum, size, err := digest.File(ctx, path)
	if err != nil {
		return err
	}
	_, _ = io.WriteString(c, fmt.Sprintf("sum=%s; size=%d%s%s\n", sum, size, keep, proc.Quote(o.Serve)))
	said, err = c.answer()
	if err == nil && said == "send" {
		said, err = c.copy(path, size, o.Note)
	}
	if err != nil {
		return err
	}
	says, ready := strings.CutPrefix(said, "ready ")
	switch {
	case !ready:
		return c.failed(fmt.Errorf("the copy of %s there is not what was sent: %s", path, cmp.Or(strings.TrimSpace(said), "no sum of it can be made")))
	case version(says) != o.Version:
		return o.copied(path, says)
	}
	return nil
}

// version is that of the imgasm that says so of itself.
func version(says string) string {
	v, _ := strings.CutPrefix(strings.TrimSpace(says), "imgasm version ")
	return v
}

// copy sends a binary that the host waits for, and returns its answer.
func (c *Conn) copy(path string, size int64, note func(string)) (string, error) {
	if note != nil {
		note(fmt.Sprintf("copying %s to %s, which keeps it", path, c.host))
	}
	f, err := smallfile.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	_, sent := io.CopyN(c, f, size)
	said, err := c.answer() // why it takes no more, if it does not
	return said, cmp.Or(err, sent)
}

// noisy bounds what a host may print before it answers, in bytes.
const noisy = 1 << 20

// answer reads the host's next one.
func (c *Conn) answer() (string, error) {
	var noise []byte
	for {
		line, err := c.read.ReadSlice('\n')
		if said, ok := strings.CutPrefix(string(line), word+" "); ok && err == nil {
			return strings.TrimSuffix(said, "\n"), nil
		}
		noise = append(noise, line...)
		if errors.Is(err, bufio.ErrBufferFull) {
			err = nil // no answer is so long
		}
		if err == nil && len(noise) > noisy {
			err = fmt.Errorf("it prints more than %d bytes, and no answer", noisy)
		}
		if err != nil {
			return "", c.failed(&unanswered{c.why(err), lastLine(noise)})
		}
	}
}

// unanswered is a shell that does not do what it is told.
type unanswered struct {
	err  error
	said string // its last line
}

func (u *unanswered) Error() string {
	text := u.err.Error()
	if errors.Is(u.err, io.EOF) {
		text = "the shell there has ended without a word of imgasm's"
	}
	if u.said != "" {
		text += "; it printed: " + u.said
	}
	return text
}

func (u *unanswered) Unwrap() error { return u.err }

func lastLine(b []byte) string {
	b = bytes.TrimSpace(b)
	return string(bytes.TrimSpace(b[bytes.LastIndexByte(b, '\n')+1:]))
}

func (c *Conn) failed(err error) error {
	if slices.ContainsFunc(refusals, func(words string) bool { return strings.Contains(err.Error(), words) }) {
		err = &fault.Error{Class: errRefused, Err: err}
	}
	return &fault.Error{Class: ErrConnection, Err: fmt.Errorf("%s: %w", c.host, err), Do: "see whether this prints ok, and nothing else: " + proc.Quote(append(slices.Clone(c.by), "echo", "ok"))}
}

// why is ssh's own reason where reading or writing has failed because it ended.
func (c *Conn) why(err error) error {
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case <-c.ssh.Done():
		return cmp.Or(c.ssh.Wait(), err)
	case <-t.C:
		return err
	}
}

// Read implements io.Reader.
func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.read.Read(b)
	if errors.Is(err, io.EOF) {
		if err = c.why(err); !errors.Is(err, io.EOF) {
			err = c.failed(err)
		}
	}
	return n, err
}

// Write implements io.Writer.
func (c *Conn) Write(b []byte) (int, error) {
	n, err := c.in.Write(b)
	if err != nil {
		err = c.failed(c.why(err))
	}
	return n, err
}

// CloseWrite ends the standard input there.
func (c *Conn) CloseWrite() error { return c.in.Close() }

// Close ends the connection, and returns when ssh has ended.
func (c *Conn) Close() error {
	c.once.Do(func() {
		_ = c.in.Close()
		t := time.NewTimer(time.Second)
		defer t.Stop()
		select {
		case <-c.ssh.Done():
		case <-t.C:
			c.ssh.Stop(0)
		}
		_ = c.out.Close()
	})
	return nil
}
