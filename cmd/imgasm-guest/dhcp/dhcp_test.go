package dhcp

import (
	"bytes"
	"context"
	"encoding/binary"
	"net/netip"
	"os"
	"testing"
	"time"
)

var mac = [6]byte{0x52, 0x54, 0, 0x12, 0x34, 0x56}

// server answers as QEMU's user-mode network does.
type server struct {
	silent  int // messages not answered at first
	refuse  bool
	queue   [][]byte
	sent    [][]byte
	garbage bool
}

func (s *server) Send(b []byte) error {
	s.sent = append(s.sent, bytes.Clone(b))
	if s.silent > 0 {
		s.silent--
		return nil
	}
	if s.garbage {
		s.queue = append(s.queue, []byte("noise"), make([]byte, 300))
	}
	kind := byte(offer)
	if requestKind(b) == request {
		kind = ack
		if s.refuse {
			kind, s.refuse = nak, false
		}
	}
	r := make([]byte, 240)
	r[0] = 2
	copy(r[4:8], b[4:8])
	copy(r[16:], []byte{10, 0, 2, 15})
	copy(r[28:34], b[28:34])
	copy(r[236:], magic[:])
	r = append(r, optType, 1, kind, 0, optMask, 4, 255, 255, 255, 0, optRouter, 4, 10, 0, 2, 2, optServer, 4, 10, 0, 2, 2,
		optDNS, 8, 10, 0, 2, 3, 1, 1, 1, 1, 77, 2, 1, 2, optLease, 4)
	r = binary.BigEndian.AppendUint32(r, 86400)
	s.queue = append(s.queue, append(r, optEnd))
	return nil
}

// requestKind finds the message type of a client's message.
func requestKind(b []byte) byte {
	for o := b[240:]; len(o) > 2 && o[0] != optEnd; o = o[2+int(o[1]):] {
		if o[0] == optType {
			return o[2]
		}
	}
	return 0
}

func (s *server) Receive(b []byte, _ time.Time) (int, error) {
	if len(s.queue) == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(b, s.queue[0])
	s.queue = s.queue[1:]
	return n, nil
}

func TestAcquire(t *testing.T) {
	for name, s := range map[string]*server{"at once": {}, "late": {silent: 2}, "refused first": {refuse: true}, "noisy": {garbage: true}} {
		t.Run(name, func(t *testing.T) {
			c := Client{Conn: s, Hardware: mac, Hostname: "guest", XID: 0x1234}
			l, err := c.Acquire(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if l.Address != netip.MustParsePrefix("10.0.2.15/24") || l.Router != netip.MustParseAddr("10.0.2.2") ||
				len(l.DNS) != 2 || l.DNS[0] != netip.MustParseAddr("10.0.2.3") || l.For != 24*time.Hour {
				t.Errorf("lease %+v", l)
			}
			last := s.sent[len(s.sent)-1]
			if len(last) < 300 || requestKind(last) != request || !bytes.Contains(last, []byte{optRequested, 4, 10, 0, 2, 15}) {
				t.Errorf("last message % x", last)
			}
		})
	}
}

func TestAcquireEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (&Client{Conn: &server{silent: 1 << 30}, Hardware: mac}).Acquire(ctx); err == nil {
		t.Error("no error")
	}
}

func FuzzParse(f *testing.F) {
	s := &server{}
	m := message{xid: 1, hardware: mac, kind: discover}
	s.Send(m.marshal(netip.Addr{}, "x"))
	f.Add(s.queue[0])
	f.Add(s.queue[0][:245])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parse(b)
		if err == nil {
			if p := m.prefix(); p.Bits() > 32 {
				t.Errorf("prefix %v", p)
			}
			if len(m.dns) > 8 {
				t.Errorf("%d name servers", len(m.dns))
			}
		}
	})
}
