// A guest's serial console, served to whoever wants to look.

package watch

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"time"

	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/tmpdir"
)

// consoleSocket is the socket's name in its folder.
const consoleSocket = "console"

// Console hands a guest's serial console to whoever connects.
type Console struct {
	listener net.Listener
	remove   func() // removes the socket's folder
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

// Serve begins to serve the guest's console on a unix socket of its own, which
// Address names. Whoever connects reads the greeting first.
func (g *Guest) Serve(greeting []byte) (*Console, error) {
	return serveConsole(g.channels[0], g.VM.Serial, greeting)
}

func serveConsole(c *channel, serial io.Writer, greeting []byte) (*Console, error) {
	l, remove, err := listenShort()
	if err != nil {
		return nil, err
	}
	s := &Console{listener: l, remove: remove, channel: c, serial: serial, greeting: greeting, clients: map[*consoleClient]struct{}{}}
	tap := s.said
	c.tap.Store(&tap)
	s.all.Go(guard.Func(s.accept, func(error) { l.Close() }))
	return s, nil
}

// Address is the socket's path. It is shorter than a path in a working folder
// may be: sun_path has 104 bytes on macOS, 108 on Linux.
func (s *Console) Address() string { return s.listener.Addr().String() }

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

// Dial connects to a console that some imgasm serves at an address. One that
// no Serve has made is refused: it may come from a stranger, and nothing that is
// typed must reach it.
func Dial(address string) (net.Conn, error) {
	if filepath.Base(address) != consoleSocket || !tmpdir.Is(filepath.Dir(address)) {
		return nil, fmt.Errorf("%s: not a console of imgasm's", address)
	}
	return net.Dial("unix", address)
}

func (s *Console) accept() {
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
func (s *Console) write(c *consoleClient) {
	for p := range c.queue {
		if _, err := c.conn.Write(p); err != nil {
			s.drop(c)
		}
	}
	c.conn.Close()
}

// said takes what the guest says. A client that does not keep up is dropped:
// the guest waits for nobody.
func (s *Console) said(p []byte) {
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

func (s *Console) drop(c *consoleClient) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(c)
}

// forget ends a client; s.mu is held.
func (s *Console) forget(c *consoleClient) {
	if _, ok := s.clients[c]; ok {
		delete(s.clients, c)
		close(c.queue)
		_ = c.conn.SetDeadline(time.Unix(1, 0)) // neither reading nor writing waits any longer
	}
}

// Close ends the service and removes its socket. The guest must have ended.
func (s *Console) Close() {
	s.channel.tap.Store(nil)
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
