package qemu

// The sockets between QEMU and us. We listen and QEMU connects, so there is
// nothing to poll for: either it has connected or it has ended.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/tmpdir"
)

// listenNetwork is how QEMU reaches us. Builds of QEMU for Windows have long
// been without unix sockets: there it is TCP on the loopback.
func listenNetwork(goos string) string {
	if goos == "windows" {
		return "tcp"
	}
	return "unix"
}

// link is one socket and what came in by it.
type link struct {
	name string // for messages: "QMP", "serial console", …
	addr string // as Links has it
	l    net.Listener
	conn net.Conn
}

// listen opens one socket, in dir if it is a unix socket.
func listen(goos, dir, file, name string) (*link, error) {
	network := listenNetwork(goos)
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(dir, file)
		if most := tmpdir.MaxSocketPath(goos); len(addr) > most {
			return nil, fmt.Errorf("socket %s: a path of %d bytes, %d is the most that %s allows: choose a shorter run directory (TMPDIR)",
				addr, len(addr), most, goos)
		}
		if st, err := os.Lstat(addr); err == nil && st.Mode()&os.ModeSocket != 0 {
			os.Remove(addr) // of a run that was killed: the directory is ours alone
		}
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		return nil, fmt.Errorf("socket for the %s: %w", name, err)
	}
	if network == "unix" {
		os.Chmod(addr, 0o600) // the directory is ours alone already
	}
	return &link{name: name, addr: l.Addr().String(), l: l}, nil
}

// links are a machine's sockets: QMP, serial, ports in order.
type links []*link

func openLinks(goos, dir string, ports []Port) (links, error) {
	var ls links
	add := func(file, name string) error {
		l, err := listen(goos, dir, file, name)
		if err == nil {
			ls = append(ls, l)
		}
		return err
	}
	err := errors.Join(add("qmp", "QMP monitor"), add("serial", "serial console"))
	for i, p := range ports {
		err = errors.Join(err, add(fmt.Sprintf("port%d", i), "port "+p.Name))
	}
	if err != nil {
		ls.close()
		return nil, err
	}
	return ls, nil
}

// links is what QEMU's arguments say.
func (ls links) links() Links {
	l := Links{QMP: ls[0].addr, Serial: ls[1].addr}
	for _, p := range ls[2:] {
		l.Ports = append(l.Ports, p.addr)
	}
	return l
}

// accept waits until QEMU has connected to every socket. It ends early when
// ctx ends, or when exited is closed.
func (ls links) accept(ctx context.Context, exited <-chan struct{}) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go guard.Func(func() {
		select {
		case <-exited:
			cancel(errExited)
		case <-ctx.Done():
		}
	}, cancel)()
	for _, k := range ls {
		stop := context.AfterFunc(ctx, func() { k.l.(deadliner).SetDeadline(time.Unix(1, 0)) })
		conn, err := k.l.Accept()
		stop()
		if err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return fmt.Errorf("%s: %w", k.name, err)
		}
		k.conn = conn
		k.l.Close() // nobody else may connect; the socket's file goes too
	}
	return nil
}

type deadliner interface{ SetDeadline(time.Time) error }

// errExited: QEMU ended before it had connected.
var errExited = errors.New("QEMU has ended")

// close closes all that is open.
func (ls links) close() {
	for _, k := range ls {
		k.l.Close()
		if k.conn != nil {
			k.conn.Close()
		}
	}
}

// runDir makes the directory of a machine's sockets; remove takes it away.
func runDir(given string) (dir string, remove func(), err error) {
	if given != "" {
		return given, func() {}, nil
	}
	if dir, remove, err = tmpdir.Sockets(len("port99")); err != nil {
		return "", nil, fmt.Errorf("run directory: %w", err)
	}
	return dir, remove, nil
}
