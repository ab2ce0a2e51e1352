// Package dhcp is a DHCP client (RFC 2131) for one interface that has no
// address yet: discover, offer, request, acknowledge.
package dhcp

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"
)

// Message types (RFC 2132, section 9.6).
const (
	discover = 1
	offer    = 2
	request  = 3
	ack      = 5
	nak      = 6
)

// Options (RFC 2132).
const (
	optMask      = 1
	optRouter    = 3
	optDNS       = 6
	optHostname  = 12
	optRequested = 50
	optLease     = 51
	optType      = 53
	optServer    = 54
	optAsk       = 55
	optEnd       = 255
)

var magic = [4]byte{99, 130, 83, 99}

// Lease is what the server gave.
type Lease struct {
	Address netip.Prefix
	Router  netip.Addr // invalid if there is none
	DNS     []netip.Addr
	Server  netip.Addr
	For     time.Duration
}

// message is the fixed part of 236 bytes and the options.
type message struct {
	reply    bool
	xid      uint32
	client   netip.Addr // ciaddr
	yours    netip.Addr // yiaddr
	hardware [6]byte
	kind     byte
	mask     netip.Addr
	router   netip.Addr
	dns      []netip.Addr
	server   netip.Addr
	lease    uint32 // seconds
}

var errShort = errors.New("dhcp: message cut short")

// marshal writes a client's message. The broadcast flag is set: a client
// without address cannot be told otherwise.
func (m *message) marshal(requested netip.Addr, hostname string) []byte {
	b := make([]byte, 240, 320)
	b[0], b[1], b[2] = 1, 1, 6
	binary.BigEndian.PutUint32(b[4:], m.xid)
	binary.BigEndian.PutUint16(b[10:], 0x8000)
	copy(b[28:], m.hardware[:])
	copy(b[236:], magic[:])
	b = append(b, optType, 1, m.kind)
	if requested.Is4() {
		a := requested.As4()
		b = append(append(b, optRequested, 4), a[:]...)
	}
	if m.server.Is4() {
		a := m.server.As4()
		b = append(append(b, optServer, 4), a[:]...)
	}
	if hostname != "" && len(hostname) < 64 {
		b = append(append(b, optHostname, byte(len(hostname))), hostname...)
	}
	b = append(b, optAsk, 4, optMask, optRouter, optDNS, optLease, optEnd)
	for len(b) < 300 { // the least that old servers take (RFC 1542, section 2.1)
		b = append(b, 0)
	}
	return b
}

// parse reads a server's message. Unknown options are passed over.
func parse(b []byte) (*message, error) {
	if len(b) < 240 {
		return nil, errShort
	}
	if b[0] != 2 || [4]byte(b[236:240]) != magic {
		return nil, errors.New("dhcp: not a server's reply")
	}
	m := &message{
		reply: true, xid: binary.BigEndian.Uint32(b[4:]),
		client: netip.AddrFrom4([4]byte(b[12:16])), yours: netip.AddrFrom4([4]byte(b[16:20])),
		hardware: [6]byte(b[28:34]),
	}
	for o := b[240:]; len(o) > 0; {
		if o[0] == 0 { // pad
			o = o[1:]
			continue
		}
		if o[0] == optEnd {
			break
		}
		if len(o) < 2 || len(o) < 2+int(o[1]) {
			return nil, errShort
		}
		m.option(o[0], o[2:2+int(o[1])])
		o = o[2+int(o[1]):]
	}
	return m, nil
}

func (m *message) option(code byte, v []byte) {
	addr := func(v []byte) netip.Addr {
		if len(v) < 4 {
			return netip.Addr{}
		}
		return netip.AddrFrom4([4]byte(v[:4]))
	}
	switch code {
	case optType:
		if len(v) == 1 {
			m.kind = v[0]
		}
	case optMask:
		m.mask = addr(v)
	case optRouter:
		m.router = addr(v)
	case optServer:
		m.server = addr(v)
	case optDNS:
		for ; len(v) >= 4 && len(m.dns) < 8; v = v[4:] {
			m.dns = append(m.dns, addr(v))
		}
	case optLease:
		if len(v) == 4 {
			m.lease = binary.BigEndian.Uint32(v)
		}
	}
}

// prefix makes an address with its network out of address and mask. Without a
// mask the address's old class would decide; /24 is what virtual networks have.
func (m *message) prefix() netip.Prefix {
	bits := 24
	if m.mask.Is4() {
		a := m.mask.As4()
		v := binary.BigEndian.Uint32(a[:])
		bits = 0
		for v&0x80000000 != 0 {
			bits, v = bits+1, v<<1
		}
	}
	return netip.PrefixFrom(m.yours, bits)
}
