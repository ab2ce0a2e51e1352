// The exchange of messages.

package dhcp

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Conn carries messages to and from the broadcast address of one interface.
type Conn interface {
	Send(b []byte) error
	// Receive waits for one datagram, at most until the deadline; the error is
	// then a time-out.
	Receive(b []byte, deadline time.Time) (int, error)
}

// Client asks for an address.
type Client struct {
	Conn     Conn
	Hardware [6]byte // the interface's MAC address
	Hostname string  // told to the server; may be empty
	XID      uint32  // names this exchange; any number
	// Wait is the time for one answer; zero: 2 seconds. It doubles up to 16 seconds.
	Wait time.Duration
}

// Acquire repeats the exchange until a server has acknowledged, or ctx ends.
func (c *Client) Acquire(ctx context.Context) (*Lease, error) {
	wait := c.Wait
	if wait <= 0 {
		wait = 2 * time.Second
	}
	last := errors.New("no answer")
	for ctx.Err() == nil {
		lease, err := c.once(ctx, wait)
		if err == nil {
			return lease, nil
		}
		last = err
		wait = min(2*wait, 16*time.Second)
	}
	return nil, fmt.Errorf("dhcp: %w: %w", ctx.Err(), last)
}

func (c *Client) once(ctx context.Context, wait time.Duration) (*Lease, error) {
	m := message{xid: c.XID, hardware: c.Hardware, kind: discover}
	if err := c.Conn.Send(m.marshal(netip.Addr{}, c.Hostname)); err != nil {
		return nil, err
	}
	o, err := c.await(ctx, wait, offer)
	if err != nil {
		return nil, err
	}
	m.kind, m.server = request, o.server
	if err := c.Conn.Send(m.marshal(o.yours, c.Hostname)); err != nil {
		return nil, err
	}
	a, err := c.await(ctx, wait, ack)
	if err != nil {
		return nil, err
	}
	return &Lease{Address: a.prefix(), Router: a.router, DNS: a.dns, Server: a.server, For: time.Duration(a.lease) * time.Second}, nil
}

// await reads datagrams until one is the answer that is waited for.
func (c *Client) await(ctx context.Context, wait time.Duration, kind byte) (*message, error) {
	deadline := time.Now().Add(wait)
	b := make([]byte, 1500)
	for {
		n, err := c.Conn.Receive(b, deadline)
		if err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		m, err := parse(b[:n])
		if err != nil || m.xid != c.XID || m.hardware != c.Hardware {
			continue
		}
		switch {
		case m.kind == nak:
			return nil, errors.New("the server refused")
		case m.kind == kind && m.yours.IsValid() && !m.yours.IsUnspecified():
			return m, nil
		}
	}
}
