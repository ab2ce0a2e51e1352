// What an ssh server behind a forwarded port says.

package boottest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// trySSH waits for a server behind the forwarded port and logs in as user.
// QEMU accepts connections before the guest does, so only a banner counts.
func trySSH(ctx context.Context, port int, user Login, see func(sighting)) {
	address := net.JoinHostPort("127.0.0.1", fmt.Sprint(port))
	told := false
	refused := 0
	for ctx.Err() == nil {
		banner, err := logIn(ctx, address, user)
		if banner != "" && !told {
			told = true
			see(sighting{banner: banner})
		}
		switch {
		case err == nil && user.Name != "":
			see(sighting{user: user.Name})
			return
		case err == nil:
			return
		case banner != "":
			// sshd answers before the users' database or pam may be ready: a
			// refusal counts when it has been repeated.
			if refused++; refused >= 5 {
				see(sighting{err: fmt.Errorf("ssh as %s: %w", user.Name, err)})
				return
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// bannerWait is how long a connection may take to give a banner. One that was made
// before the guest had a network may never.
const bannerWait = 10 * time.Second

// Banner is the version line of the ssh server behind a port of this host's
// loopback (RFC 4253, section 4.2), asked for once. QEMU takes connections before
// the guest does; there is no banner then, which is an error.
func Banner(ctx context.Context, port int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, bannerWait)
	defer cancel()
	banner, err := logIn(ctx, net.JoinHostPort("127.0.0.1", fmt.Sprint(port)), Login{})
	if err == nil && banner == "" {
		err = errors.New("what answers is no ssh server")
	}
	return banner, err
}

// logIn connects once. It returns the server's version line as soon as it is
// known, and nil if user could run a command, or if none is known.
func logIn(ctx context.Context, address string, user Login) (banner string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	tap := &bannerConn{Conn: conn}
	if user.Name == "" {
		buf := make([]byte, 256)
		n, err := tap.Read(buf)
		if n == 0 {
			return "", err
		}
		return tap.banner(), nil
	}
	c, channels, requests, err := ssh.NewClientConn(tap, address, &ssh.ClientConfig{
		User: user.Name,
		Auth: []ssh.AuthMethod{ssh.Password(user.Password)},
		// The server is the guest that we have just installed, on this host's
		// loopback: it made its key a moment ago and nobody knows it yet.
		HostKeyCallback: ssh.InsecureIgnoreHostKey(),
		Timeout:         30 * time.Second,
	})
	if err != nil {
		return tap.banner(), err
	}
	client := ssh.NewClient(c, channels, requests)
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return tap.banner(), err
	}
	defer session.Close()
	return tap.banner(), session.Run("true")
}

// bannerConn remembers the first line that the server sends.
type bannerConn struct {
	net.Conn
	first []byte
}

func (c *bannerConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if room := 255 - len(c.first); room > 0 {
		c.first = append(c.first, p[:min(n, room)]...)
	}
	return n, err
}

// banner is the server's version line (RFC 4253, section 4.2), "" until it came.
func (c *bannerConn) banner() string {
	line, _, _ := strings.Cut(string(c.first), "\n")
	if !strings.HasPrefix(line, "SSH-") {
		return ""
	}
	return strings.TrimSpace(line)
}
