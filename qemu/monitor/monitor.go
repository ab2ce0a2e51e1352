// Package monitor speaks the QEMU Machine Protocol (QMP).
//
// It uses go-qemu's types, over a transport of our own: replies of any size, a
// context for every command, errors with QEMU's class, and events that block
// nothing. Specification: QEMU's docs/interop/qmp-spec.
package monitor

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/digitalocean/go-qemu/qmp"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/guard"
)

// ErrClosed is returned for every command once the connection has ended,
// whichever side ended it. It may be wrapped together with the cause.
var ErrClosed = fault.Class(fault.Host, "QMP connection closed")

// Error is QEMU's own refusal of a command (qmp-spec, section 2.4.2).
type Error struct {
	Command string // the command that was refused
	Class   string // "GenericError", "CommandNotFound", "DeviceNotFound", …
	Desc    string // QEMU's words, for a person
}

func (e *Error) Error() string { return fmt.Sprintf("QMP %s: %s", e.Command, e.Desc) }

// writeTimeout bounds the writing of one command: QEMU reads its monitor
// always, or it hangs.
const writeTimeout = 10 * time.Second

// Client is one QMP connection. All methods may be called by any goroutine.
type Client struct {
	conn net.Conn
	r    *bufio.Reader

	writing sync.Mutex // held while a command's bytes are written

	mu        sync.Mutex
	version   qmp.Version
	connected bool
	next      uint64
	waiting   map[uint64]chan reply
	subs      map[*Subscription]struct{}
	err       error // why the connection ended; nil while it lives

	closed chan struct{} // closed when the reader has ended
}

type reply struct {
	ret json.RawMessage
	err *wireError
}

// New wraps a connection to QEMU's monitor socket. Nothing is sent or read
// before Handshake.
func New(conn net.Conn) *Client {
	return &Client{
		conn:    conn,
		r:       bufio.NewReaderSize(conn, 64<<10),
		waiting: make(map[uint64]chan reply),
		subs:    make(map[*Subscription]struct{}),
		closed:  make(chan struct{}),
	}
}

// Handshake reads QEMU's greeting, negotiates capabilities and starts the
// reader. It must be called once, first. On an error the connection is closed.
func (c *Client) Handshake(ctx context.Context) error {
	c.mu.Lock()
	if c.connected {
		c.mu.Unlock()
		return errors.New("QMP handshake: already done")
	}
	c.connected = true
	c.mu.Unlock()
	stop := context.AfterFunc(ctx, func() { c.conn.SetDeadline(time.Unix(1, 0)) })
	line, err := readLine(c.r, maxLine)
	if !stop() {
		// The context has ended: the deadline stands or is about to.
		err = context.Cause(ctx)
	}
	if err != nil {
		err = fmt.Errorf("QMP greeting: %w", noEOF(err))
		c.end(err)
		close(c.closed)
		return err
	}
	var greeting struct {
		QMP *struct {
			Version qmp.Version `json:"version"`
		} `json:"QMP"`
	}
	if err := json.Unmarshal(line, &greeting); err != nil || greeting.QMP == nil {
		err = fmt.Errorf("QMP greeting: not QEMU's: %.80q", line)
		c.end(err)
		close(c.closed)
		return err
	}
	c.mu.Lock()
	c.version = greeting.QMP.Version
	c.mu.Unlock()
	go guard.Func(c.read, c.end)()
	if err := c.Do(ctx, "qmp_capabilities", nil, nil); err != nil {
		c.Disconnect()
		return err
	}
	return nil
}

// Version is what QEMU's greeting said; zero before the handshake.
func (c *Client) Version() qmp.Version {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.version
}

// Disconnect closes the connection and waits for the reader's end. Running
// commands return ErrClosed; subscriptions end when they have been read empty.
func (c *Client) Disconnect() {
	c.end(ErrClosed)
	c.mu.Lock()
	connected := c.connected
	c.mu.Unlock()
	if connected {
		<-c.closed
	}
}

// end closes the connection, notes why, and lets every waiting command go.
// Only the first call's reason counts.
func (c *Client) end(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = why
	c.conn.Close()
	for id, ch := range c.waiting {
		delete(c.waiting, id)
		close(ch)
	}
	for s := range c.subs {
		s.finish()
	}
	clear(c.subs)
}

// reason is why the connection ended, as an error that is ErrClosed.
func (c *Client) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err == nil || errors.Is(c.err, ErrClosed):
		return ErrClosed
	case errors.Is(c.err, io.EOF):
		return fmt.Errorf("%w by QEMU", ErrClosed)
	default:
		return fmt.Errorf("%w: %w", ErrClosed, c.err)
	}
}

// read is the reader: it never waits for anybody but QEMU.
func (c *Client) read() {
	defer close(c.closed)
	for {
		line, err := readLine(c.r, maxLine)
		if err != nil {
			c.end(err)
			return
		}
		m, err := decode(line)
		if err != nil {
			c.end(err)
			return
		}
		c.dispatch(m)
	}
}

func (c *Client) dispatch(m message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.Event != nil {
		for s := range c.subs {
			s.put(*m.Event)
		}
		return
	}
	if m.ID == nil {
		return // an answer to something that was not JSON: we send none
	}
	if ch, ok := c.waiting[*m.ID]; ok {
		delete(c.waiting, *m.ID)
		ch <- reply{ret: m.Return, err: m.Error} // has room for one
	}
}

// Do runs a command. args is encoded as the command's "arguments" object (nil:
// none); the answer's "return" is decoded into result (nil: ignored), leniently:
// fields that result does not know are skipped. Errors: *Error when QEMU
// refuses, ErrClosed when the connection has ended, or the context's; then the
// command may still take effect.
func (c *Client) Do(ctx context.Context, command string, args, result any) error {
	ret, err := c.execute(ctx, command, args)
	if err != nil {
		return err
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(ret, result); err != nil {
		return fmt.Errorf("QMP %s: answer: %w", command, err)
	}
	return nil
}

func (c *Client) execute(ctx context.Context, command string, args any) (json.RawMessage, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("QMP %s: %w", command, context.Cause(ctx))
	}
	ch := make(chan reply, 1)
	c.mu.Lock()
	if c.err != nil || !c.connected {
		c.mu.Unlock()
		return nil, fmt.Errorf("QMP %s: %w", command, c.reason())
	}
	c.next++
	id := c.next
	c.waiting[id] = ch
	c.mu.Unlock()

	request, err := json.Marshal(struct {
		Execute string `json:"execute"`
		Args    any    `json:"arguments,omitempty"`
		ID      uint64 `json:"id"`
	}{command, args, id})
	if err == nil {
		err = c.write(append(request, '\n'))
	}
	if err != nil {
		c.forget(id)
		return nil, fmt.Errorf("QMP %s: %w", command, err)
	}
	select {
	case r, ok := <-ch:
		switch {
		case !ok:
			return nil, fmt.Errorf("QMP %s: %w", command, c.reason())
		case r.err != nil:
			return nil, &Error{Command: command, Class: r.err.Class, Desc: r.err.Desc}
		}
		return r.ret, nil
	case <-ctx.Done():
		c.forget(id)
		return nil, fmt.Errorf("QMP %s: %w", command, context.Cause(ctx))
	}
}

func (c *Client) forget(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

// write sends one command whole. A command that was sent in part leaves
// nothing to go on with: the connection is ended.
func (c *Client) write(b []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := c.conn.Write(b); err != nil {
		c.end(err)
		return c.reason()
	}
	return nil
}
