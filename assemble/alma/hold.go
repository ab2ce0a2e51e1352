// Holding a guest that failed (--keep-vm): imgasm waits with it and serves its
// serial console, so that somebody can look. QEMU still ends when imgasm does.

package alma

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/internal/tmpdir"
)

// consoleFile in a working folder names the socket at which a held guest's
// console is served. The socket itself needs a shorter path than a working
// folder may have: sun_path has 104 bytes on macOS, 108 on Linux.
const consoleFile = "console"

// consoleSocket is that socket's name in its folder.
const consoleSocket = "console"

// hold keeps a guest that failed with err, paused or running as it is, until ctx
// or QEMU ends. What failed is told first: the build's own error comes after that.
func (b *build) hold(ctx context.Context, f *follower, what string, err error) {
	defer func() {
		f.vm.Kill()
		b.makeRoom()
	}()
	state := "as it is"
	asking, cancel := context.WithTimeout(ctx, 5*time.Second)
	if s, err := f.vm.Status(asking); err == nil {
		state = "as it is, " + s.Status
	}
	cancel()
	b.emit(event.Event{Kind: event.Warning, Text: err.Error(), Hint: hint(err)})
	text := fmt.Sprintf("the guest of %s is kept %s, until Ctrl-C", what, state)
	log := serialFile
	if what == theBootTest {
		log = testSerialFile
	}
	server, err := serveConsole(b.ws.root, f.channels[0], f.vm.Serial, lastLines(b.ws.root, log, 4<<10))
	if err != nil {
		b.emit(event.Event{Kind: event.Warning, Text: text + "; its console cannot be reached: " + err.Error()})
	} else {
		b.emit(event.Event{Kind: event.Warning, Text: text, Hint: "to talk to it, run in another terminal: " + proc.Quote([]string{"imgasm", "console", b.Out})})
	}
	select {
	case <-ctx.Done():
	case <-f.vm.Done():
		b.emit(event.Event{Kind: event.Note, Text: "the kept guest is gone: QEMU has ended"})
	}
	f.vm.Kill() // whoever writes to the guest is let go
	if server != nil {
		server.close()
	}
}

// lastLines is the end of a log, from the beginning of a line.
func lastLines(root *os.Root, name string, most int64) []byte {
	f, err := root.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	from := max(0, info.Size()-most)
	text := make([]byte, info.Size()-from)
	n, _ := f.ReadAt(text, from) // what is there is shown
	text = text[:n]
	if _, rest, ok := strings.Cut(string(text), "\n"); ok && from > 0 {
		return []byte(rest)
	}
	return text
}

// consoleServer hands a guest's serial console to whoever connects.
type consoleServer struct {
	listener net.Listener
	root     *os.Root // whose file consoleFile names the socket
	remove   func()   // takes the socket's folder away
	channel  *channel
	serial   io.Writer
	greeting []byte

	mu      sync.Mutex
	clients map[*consoleClient]struct{}
	ended   bool
	all     sync.WaitGroup
}

type consoleClient struct {
	conn  net.Conn
	queue chan []byte
}

// serveConsole begins to serve the console that channel reads and serial
// writes to, and names its socket in a file of the working folder root.
func serveConsole(root *os.Root, c *channel, serial io.Writer, greeting []byte) (*consoleServer, error) {
	l, remove, err := listenShort()
	if err != nil {
		return nil, err
	}
	s := &consoleServer{listener: l, root: root, remove: remove, channel: c, serial: serial, greeting: greeting, clients: map[*consoleClient]struct{}{}}
	if err := root.WriteFile(consoleFile, []byte(l.Addr().String()), 0o600); err != nil {
		s.close()
		return nil, err
	}
	tap := s.said
	c.tap.Store(&tap)
	s.all.Go(guard.Func(s.accept, func(error) { l.Close() }))
	return s, nil
}

// listenShort listens on a unix socket in a folder of its own, mode 0700, with
// a path that is short enough.
func listenShort() (net.Listener, func(), error) {
	var first error
	for _, base := range []string{"", "/tmp"} {
		dir, remove, err := tmpdir.New(base)
		if err == nil {
			var l net.Listener
			if l, err = net.Listen("unix", filepath.Join(dir, consoleSocket)); err == nil {
				return l, remove, nil
			}
			remove()
		}
		if first == nil {
			first = err
		}
	}
	return nil, nil, first
}

func (s *consoleServer) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return // closed
		}
		c := &consoleClient{conn: conn, queue: make(chan []byte, 256)}
		c.queue <- s.greeting
		s.mu.Lock()
		if s.ended {
			s.mu.Unlock()
			conn.Close()
			return
		}
		s.clients[c] = struct{}{}
		s.mu.Unlock()
		drop := func(error) { s.drop(c) }
		s.all.Go(guard.Func(func() { s.write(c) }, drop))
		s.all.Go(guard.Func(func() {
			_, err := io.Copy(s.serial, conn)
			drop(err)
		}, drop))
	}
}

// write passes on what the guest says, until the client is dropped.
func (s *consoleServer) write(c *consoleClient) {
	for p := range c.queue {
		if _, err := c.conn.Write(p); err != nil {
			s.drop(c)
		}
	}
	c.conn.Close()
}

// said takes what the guest says. A client that does not keep up is dropped:
// the guest waits for nobody.
func (s *consoleServer) said(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p = append([]byte(nil), p...)
	for c := range s.clients {
		select {
		case c.queue <- p:
		default:
			s.forget(c)
		}
	}
}

func (s *consoleServer) drop(c *consoleClient) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(c)
}

// forget ends a client; s.mu is held.
func (s *consoleServer) forget(c *consoleClient) {
	if _, ok := s.clients[c]; ok {
		delete(s.clients, c)
		close(c.queue)
		_ = c.conn.SetDeadline(time.Unix(1, 0)) // neither reading nor writing waits any longer
	}
}

// close ends the service and removes its files. The guest must have ended.
func (s *consoleServer) close() {
	s.channel.tap.Store(nil)
	_ = s.root.Remove(consoleFile)
	_ = s.listener.Close()
	s.mu.Lock()
	s.ended = true
	for c := range s.clients {
		s.forget(c)
	}
	s.mu.Unlock()
	s.all.Wait()
	s.remove()
}

// NoConsoleError is an output for which no guest is held.
type NoConsoleError struct{ Out string }

func (e *NoConsoleError) Error() string { return e.Out + ": no imgasm holds a guest for this output" }

// Hint says what holds a guest.
func (e *NoConsoleError) Hint() string {
	return "imgasm alma --keep-vm holds a guest whose installation fails; imgasm console OUT takes the same OUT"
}

// DialConsole connects to the serial console of the guest that a build of out
// holds. "" stands for the only one in the current folder.
//
// Errors: *NoConsoleError; *InputError if "" names several.
func DialConsole(out string) (net.Conn, error) {
	if out == "" {
		held, err := filepath.Glob(filepath.Join(".*.imgasm", consoleFile))
		if err != nil {
			return nil, err
		}
		var names []string
		for _, h := range held {
			names = append(names, strings.TrimSuffix(strings.TrimPrefix(filepath.Dir(h), "."), ".imgasm"))
		}
		switch len(names) {
		case 0:
			return nil, &NoConsoleError{Out: "this folder"}
		case 1:
			out = names[0]
		default:
			return nil, &InputError{Err: fmt.Errorf("there are several: %s", strings.Join(names, ", ")), Do: "imgasm console " + names[0]}
		}
	}
	path, err := filepath.Abs(out)
	if err != nil {
		return nil, &InputError{Err: err}
	}
	root, err := openOwn(workDir(path))
	var foreign *ForeignFolderError
	switch {
	case errors.As(err, &foreign):
		return nil, err
	case err != nil:
		return nil, &NoConsoleError{out}
	}
	defer root.Close()
	address, err := root.ReadFile(consoleFile)
	// The folder may have come with an archive of a stranger's: what is typed goes
	// to no socket but one that listenShort made.
	if err != nil || filepath.Base(string(address)) != consoleSocket || !tmpdir.Is(filepath.Dir(string(address))) {
		return nil, &NoConsoleError{out}
	}
	conn, err := net.Dial("unix", string(address))
	if err != nil { // a build that was killed
		return nil, &NoConsoleError{out}
	}
	return conn, nil
}
