// A followed guest's serial console, served to whoever wants to look.

package watch

import (
	"fmt"
	"net"
	"path/filepath"

	"github.com/imgasm/imgasm/internal/tmpdir"
	"github.com/imgasm/imgasm/qemu/console"
)

// consoleSocket is the socket's name in its folder.
const consoleSocket = "console"

// Console is a guest's console that is served on a unix socket.
type Console struct {
	server  *console.Server
	address string
	remove  func() // removes the socket's folder
	channel *channel
}

// Serve begins to serve the guest's console on a unix socket of its own, which
// Address names. Whoever connects reads the greeting first.
func (g *Guest) Serve(greeting []byte) (*Console, error) {
	dir, remove, err := tmpdir.Sockets(len(consoleSocket))
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", filepath.Join(dir, consoleSocket))
	if err != nil {
		remove()
		return nil, err
	}
	c := &Console{address: l.Addr().String(), remove: remove, channel: g.channels[0]}
	c.server = console.Serve(l, g.VM.Serial, func() []byte { return greeting })
	tap := c.server.Said
	c.channel.tap.Store(&tap)
	return c, nil
}

// Address is the socket's path. It is shorter than a path in a working folder
// may be: sun_path has 104 bytes on macOS, 108 on Linux.
func (c *Console) Address() string { return c.address }

// Close ends the service and removes its socket. The guest must have ended.
func (c *Console) Close() {
	c.channel.tap.Store(nil)
	c.server.Close()
	c.remove()
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
