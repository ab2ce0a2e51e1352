// The network: one interface, by DHCP.

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/imgasm/imgasm/cmd/imgasm-guest/dhcp"
)

// startNetwork brings lo up and asks for an address on the first Ethernet
// interface; it returns when there is one.
func (s *system) startNetwork(ctx context.Context) {
	if err := setUp("lo"); err != nil {
		s.con.Raw("imgasm rehearsal: lo: " + err.Error() + "\n")
	}
	name, mac := ethernet()
	if name == "" {
		return
	}
	lease, err := s.address(ctx, name, mac)
	if err != nil {
		s.con.Unit("FAILED", "Failed to start", "network.service", name+": "+err.Error())
		return
	}
	s.con.Unit("OK", "Reached target", "network-online.target", "Network is Online")
	s.con.Raw(fmt.Sprintf("%s: %s\n", name, lease.Address))
	if lease.For > 0 {
		// The address is asked for again at half of its time (RFC 2131, section 4.4.5).
		time.AfterFunc(lease.For/2, func() { s.startNetwork(ctx) })
	}
}

func (s *system) address(ctx context.Context, name string, mac [6]byte) (*dhcp.Lease, error) {
	if err := setUp(name); err != nil {
		return nil, err
	}
	c, err := listenDHCP(name)
	if err != nil {
		return nil, err
	}
	defer unix.Close(int(c))
	var xid [4]byte
	rand.Read(xid[:])
	client := dhcp.Client{Conn: c, Hardware: mac, Hostname: s.hostname, XID: binary.BigEndian.Uint32(xid[:])}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	lease, err := client.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	if err := configure(name, lease); err != nil {
		return nil, err
	}
	var resolv bytes.Buffer
	for _, a := range lease.DNS {
		fmt.Fprintf(&resolv, "nameserver %s\n", a)
	}
	return lease, os.WriteFile("/etc/resolv.conf", resolv.Bytes(), 0o644)
}

// ethernet finds the first interface that is neither loopback nor without address.
func ethernet() (string, [6]byte) {
	all, _ := net.Interfaces()
	for _, i := range all {
		if i.Flags&net.FlagLoopback == 0 && len(i.HardwareAddr) == 6 {
			return i.Name, [6]byte(i.HardwareAddr)
		}
	}
	return "", [6]byte{}
}

// withSocket calls do with a socket that takes the ioctls of interfaces.
func withSocket(do func(fd int) error) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return do(fd)
}

func setUp(name string) error {
	return withSocket(func(fd int) error {
		r, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, r); err != nil {
			return err
		}
		r.SetUint16(r.Uint16() | unix.IFF_UP)
		return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
	})
}

// rtentry is struct rtentry of linux/route.h on 64-bit machines.
type rtentry struct {
	_                uint64
	dst, gw, mask    [16]byte
	flags            uint16
	_                [6]byte
	_, _             uint64
	metric           int16
	_                [6]byte
	dev, mtu, window uint64
	irtt             uint16
	_                [6]byte
}

func configure(name string, l *dhcp.Lease) error {
	return withSocket(func(fd int) error {
		r, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		a := l.Address.Addr().As4()
		if err := r.SetInet4Addr(a[:]); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(fd, unix.SIOCSIFADDR, r); err != nil {
			return fmt.Errorf("address %s: %w", l.Address, err)
		}
		mask := net.CIDRMask(l.Address.Bits(), 32)
		if err := r.SetInet4Addr(mask); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(fd, unix.SIOCSIFNETMASK, r); err != nil {
			return fmt.Errorf("netmask of %s: %w", l.Address, err)
		}
		if !l.Router.Is4() {
			return nil
		}
		route := rtentry{dst: sockaddr(netip.IPv4Unspecified()), gw: sockaddr(l.Router), mask: sockaddr(netip.IPv4Unspecified()), flags: unix.RTF_UP | unix.RTF_GATEWAY}
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCADDRT, uintptr(unsafe.Pointer(&route)))
		if errno != 0 && errno != unix.EEXIST {
			return fmt.Errorf("route by %s: %w", l.Router, errno)
		}
		return nil
	})
}

func sockaddr(a netip.Addr) (s [16]byte) {
	binary.NativeEndian.PutUint16(s[:], unix.AF_INET)
	b := a.As4()
	copy(s[4:], b[:])
	return s
}

// dhcpSocket is a UDP socket on port 68 of one interface.
type dhcpSocket int

func listenDHCP(name string) (dhcpSocket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return -1, err
	}
	for _, e := range []error{
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1),
		unix.SetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, name),
		unix.Bind(fd, &unix.SockaddrInet4{Port: 68}),
	} {
		if e != nil {
			unix.Close(fd)
			return -1, e
		}
	}
	return dhcpSocket(fd), nil
}

func (d dhcpSocket) Send(b []byte) error {
	return unix.Sendto(int(d), b, 0, &unix.SockaddrInet4{Port: 67, Addr: [4]byte{255, 255, 255, 255}})
}

func (d dhcpSocket) Receive(b []byte, deadline time.Time) (int, error) {
	for {
		left := time.Until(deadline)
		if left <= 0 {
			return 0, os.ErrDeadlineExceeded
		}
		tv := unix.NsecToTimeval(int64(left))
		if err := unix.SetsockoptTimeval(int(d), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
			return 0, err
		}
		n, _, err := unix.Recvfrom(int(d), b, 0)
		if err == syscall.EINTR {
			continue
		}
		if err == syscall.EAGAIN {
			return 0, os.ErrDeadlineExceeded
		}
		return n, err
	}
}
