// A guest's serial console, served to whoever wants to look.

package console

import (
	"io"
	"net"
	"sync"
	"time"

	"github.com/imgasm/imgasm/internal/guard"
)

// Server hands a guest's serial console to whoever connects.
type Server struct {
	listener net.Listener
	serial   io.Writer
	greeting func() []byte

	mu      sync.Mutex
	clients map[*client]struct{}
	ended   bool
	all     sync.WaitGroup
}

// maxBehind is how far, in bytes, a client may be behind the guest: a terminal
// that is held by Ctrl-S for as long as it takes to read a few screens.
const maxBehind = 1 << 20

type client struct {
	conn   net.Conn
	unsent []byte        // guarded by Server.mu
	more   chan struct{} // of one place: there is something in unsent; closed when the client is dropped
}

// Serve begins to serve the console whose guest is written to by serial; what it
// says is handed to Said. Whoever connects to l reads the greeting first, which is
// asked for then. nil: there is none.
func Serve(l net.Listener, serial io.Writer, greeting func() []byte) *Server {
	s := &Server{listener: l, serial: serial, greeting: greeting, clients: map[*client]struct{}{}}
	s.all.Go(guard.Func(s.accept, func(error) { l.Close() }))
	return s
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return // closed
		}
		c := &client{conn: conn, more: make(chan struct{}, 1)}
		s.mu.Lock()
		if s.ended {
			s.mu.Unlock()
			conn.Close()
			return
		}
		s.clients[c] = struct{}{}
		if s.greeting != nil {
			s.queue(c, s.greeting())
		}
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
func (s *Server) write(c *client) {
	for range c.more {
		s.mu.Lock()
		p := c.unsent
		c.unsent = nil
		s.mu.Unlock()
		if _, err := c.conn.Write(p); err != nil {
			s.drop(c)
		}
	}
	c.conn.Close()
}

// Said takes what the guest says. A client that does not keep up is dropped:
// the guest waits for nobody.
func (s *Server) Said(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.clients {
		if len(c.unsent)+len(p) > maxBehind {
			s.forget(c)
			continue
		}
		s.queue(c, p)
	}
}

// queue has a client told something; s.mu is held.
func (s *Server) queue(c *client, p []byte) {
	c.unsent = append(c.unsent, p...)
	select {
	case c.more <- struct{}{}:
	default:
	}
}

func (s *Server) drop(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(c)
}

// forget ends a client; s.mu is held.
func (s *Server) forget(c *client) {
	if _, ok := s.clients[c]; ok {
		delete(s.clients, c)
		close(c.more)
		_ = c.conn.SetDeadline(time.Unix(1, 0)) // neither reading nor writing waits any longer
	}
}

// Close ends the service, and what is listened on. The guest must have ended, or
// a write to it may be waited for.
func (s *Server) Close() {
	_ = s.listener.Close()
	s.mu.Lock()
	s.ended = true
	for c := range s.clients {
		s.forget(c)
	}
	s.mu.Unlock()
	s.all.Wait()
}
