// The boot test: the finished image starts on its own, from its own boot
// loader, and somebody can log in. It writes nothing to the image.

package assemble

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/qemu/console"
)

// loginPrompt is getty's prompt on the serial console: "localhost login: ".
var loginPrompt = regexp.MustCompile(`^\S+ login:\s*$`)

// sighting is a sign of life of the booted image.
type sighting struct {
	login  string // the prompt
	banner string // ssh's version line
	user   string // who has logged in
	err    error  // why the login failed, for good
}

// bootTest watches the machine that f follows until the image has proven that
// it boots: by ssh where port is set and a user is known, else by whatever
// comes first of an ssh banner and a login prompt.
func bootTest(ctx context.Context, f *follower, port int, user Login, timeout time.Duration) (*BootTest, *anaconda.Failure, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	seen := make(chan sighting, 16)
	see := func(s sighting) {
		select {
		case seen <- s:
		case <-ctx.Done():
		}
	}
	prompted := false
	f.record = func(r console.Record) {
		if !prompted && loginPrompt.MatchString(r.Text) {
			prompted = true
			see(sighting{login: strings.TrimSpace(r.Text)})
		}
	}
	type end struct {
		failure *anaconda.Failure
		err     error
	}
	ended := make(chan end, 1)
	go func() {
		failure, err := f.follow(ctx, followOptions{timeout: timeout, what: theBootTest})
		ended <- end{failure, err}
	}()
	if port != 0 {
		go func() { trySSH(ctx, port, user, see) }()
	}
	test := &BootTest{}
	for {
		select {
		case s := <-seen:
			if s.err != nil {
				return nil, nil, &BootTestError{Err: s.err}
			}
			if s.login != "" {
				test.Login = s.login
			}
			if s.banner != "" {
				test.SSH = s.banner
			}
			if s.user != "" {
				test.User = s.user
			}
			enough := test.User != "" || user.Name == "" && (test.SSH != "" || test.Login != "")
			if enough {
				test.Seconds = time.Since(f.begun).Seconds()
				test.Off = f.powerOff(ctx)
				return test, nil, nil
			}
		case e := <-ended:
			if e.err == nil && e.failure == nil {
				e.err = &BootTestError{Err: errors.New("the image powered off before anybody could log in")}
			}
			return nil, e.failure, e.err
		}
	}
}

// BootTestError is an image that was installed and did not show that it boots.
type BootTestError struct {
	Err    error
	Bundle string
}

func (e *BootTestError) Error() string {
	text := "the installed image failed its boot test: " + e.Err.Error()
	if e.Bundle != "" {
		text += "; its logs are in " + e.Bundle
	}
	return text
}
func (e *BootTestError) Unwrap() error { return e.Err }

// Hint says how to go on.
func (e *BootTestError) Hint() string {
	return "boot-serial.log shows how far it came; --no-boot-test publishes without having seen it boot"
}

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

// powerOff asks the guest to power off and reports whether it did, in time.
func (f *follower) powerOff(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, f.powerOffTime)
	defer cancel()
	down := f.vm.Events("SHUTDOWN")
	defer down.Close()
	if err := f.vm.Monitor.Do(ctx, "system_powerdown", nil, nil); err != nil {
		return false
	}
	select {
	case <-down.C():
		return true
	case <-f.vm.Done():
		return true
	case <-ctx.Done():
		f.emit(event.Event{Kind: event.Note, Text: fmt.Sprintf("the image did not power off within %s of being asked to; it was switched off", f.powerOffTime)})
		return false
	}
}
