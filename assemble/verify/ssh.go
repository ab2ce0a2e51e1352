// Our own ssh client: what it takes to log in to a guest and run commands.

package verify

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/imgasm/imgasm/internal/fault"
)

// seedKey is a key pair that lives as long as the verification.
type seedKey struct {
	signer ssh.Signer
	public string // a line of authorized_keys
	id     string // tells this verification's machines from others'
}

func newKey() (k seedKey, err error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return k, err
	}
	if k.signer, err = ssh.NewSignerFromKey(private); err != nil {
		return k, err
	}
	k.public = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k.signer.PublicKey()))) + " imgasm-verify"
	k.id = hex.EncodeToString(public[:8])
	return k, nil
}

// account is somebody whom we try to log in as.
type account struct {
	user, how string // how: "the seed's key"
	auth      ssh.AuthMethod
	proofOnly bool
}

// findAccounts lists those to try, in order.
func (r *run) findAccounts() (all []account, err error) {
	if r.reads() {
		all = append(all, account{r.seededUser(), "the seed's key", ssh.PublicKeys(r.key.signer), false})
	}
	for _, l := range []struct {
		Login
		proofOnly bool
	}{{r.Login, false}, {r.Account, true}} {
		switch {
		case l.Name == "":
		case l.proofOnly && r.Inside != nil && r.Inside.CloudInit: // the seed's key proves more
		case l.Key != "":
			signer, err := ssh.ParsePrivateKey([]byte(l.Key))
			if err != nil {
				return nil, &fault.Error{Class: ErrOption, Field: "Identity", Err: err, Do: "give a private key without a passphrase, such as ~/.ssh/id_ed25519"}
			}
			all = append(all, account{l.Name, "the given key", ssh.PublicKeys(signer), l.proofOnly})
		case l.Password != "":
			all = append(all, account{l.Name, "a password", ssh.PasswordCallback(func() (string, error) {
				r.asked.Store(true)
				return l.Password, nil
			}), l.proofOnly})
		}
	}
	return all, nil
}

// reads reports whether the image may read a seed: it does, or is not known not to.
func (r *run) reads() bool { return r.Inside == nil || r.Inside.CloudInit }

// logIn waits for the ssh server of a machine and logs in. QEMU accepts
// connections before the guest does, so only a banner counts. The error, or
// c.noLogin, is why nobody could.
func (r *run) logIn(ctx context.Context, c *clone) error {
	accounts := r.accounts
	known := len(accounts) > 0
	if !known {
		accounts = []account{{user: "nobody", how: "nothing"}} // to learn the server's key
	}
	c.noLogin = errors.New("no ssh server has answered")
	// A server may answer before cloud-init has written the keys, and lets nobody but
	// root in until systemd-user-sessions has run: it is tried for Grace.
	var since time.Time // when it first answered
	pause := 500 * time.Millisecond
	for ctx.Err() == nil {
		for _, a := range accounts {
			s, banner, err := dial(ctx, c.port, a, c.hostKeys)
			if banner != "" && since.IsZero() {
				since, c.greeting = time.Now(), banner
				c.alive()
				close(c.banner)
			}
			if banner == "" {
				break // no server yet
			}
			if s != nil {
				c.login = s
				return nil
			}
			c.noLogin = fmt.Errorf("ssh as %s by %s: %w", a.user, a.how, err)
			// OpenSSH 9.8 and later shut out for 15 s who fails thrice within them.
			pause = min(6*time.Second, r.Grace/4)
		}
		switch {
		case !known && !since.IsZero():
			return errors.New("nothing in the image reads a seed (no cloud-init), and no account is known: {Login} and {Identity} name one")
		case !since.IsZero() && time.Since(since) > r.Grace:
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

// hostKeys is what a server has identified itself by.
type hostKeys struct {
	mu   sync.Mutex
	seen string // the fingerprint
}

func (h *hostKeys) note(key ssh.PublicKey) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen == "" {
		h.seen = ssh.FingerprintSHA256(key)
	}
}

func (h *hostKeys) fingerprint() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.seen
}

// session is somebody who is logged in.
type session struct {
	*ssh.Client
	user, how string
	proofOnly bool
	sudo      bool // commands are run as root by sudo
}

// dial connects once. It returns the server's version line as soon as it is known,
// and who is logged in, or why nobody is.
func dial(ctx context.Context, port int, a account, keys *hostKeys) (_ *session, banner string, err error) {
	limited, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tap, err := connect(limited, port)
	if err != nil {
		return nil, "", err
	}
	stop := context.AfterFunc(limited, func() { tap.Close() })
	config := &ssh.ClientConfig{
		User: a.user,
		// The guest is on this host's loopback and has made its key a moment ago.
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error { keys.note(key); return nil },
	}
	if a.auth != nil {
		config.Auth = []ssh.AuthMethod{a.auth}
	}
	c, channels, requests, err := ssh.NewClientConn(tap, tap.RemoteAddr().String(), config)
	if err != nil || !stop() {
		tap.Close()
		return nil, tap.banner(), err
	}
	s := &session{Client: ssh.NewClient(c, channels, requests), user: a.user, how: a.how, proofOnly: a.proofOnly}
	out, err := s.run(limited, "true")
	if err == nil && out.status != 0 {
		err = fmt.Errorf("the shell of %s ends with %d: %s", s.user, out.status, out.text)
	}
	if err != nil {
		s.Close()
		return nil, tap.banner(), err
	}
	if s.user != "root" {
		out, err := s.run(limited, "sudo -n true")
		s.sudo = err == nil && out.status == 0
	}
	return s, tap.banner(), nil
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
	conn, err := connect(ctx, port)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := io.ReadAtLeast(conn, make([]byte, 256), len("SSH-")); err != nil {
		return "", err
	}
	if conn.banner() == "" {
		return "", errors.New("what answers is no ssh server")
	}
	return conn.banner(), nil
}

func connect(ctx context.Context, port int) (*bannerConn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", fmt.Sprint(port)))
	return &bannerConn{Conn: conn}, err
}

// output is what a command has said, and how it ended.
type output struct {
	text   string // stdout
	errs   string // stderr
	status int
}

// lines are all that was said.
func (o output) lines() []string {
	var all []string
	for _, text := range []string{o.text, o.errs} {
		if text = strings.TrimRight(text, "\n"); text != "" {
			all = append(all, strings.Split(text, "\n")...)
		}
	}
	return all
}

// mostOutput bounds what is kept of a command's output, in bytes of each stream.
const mostOutput = 256 << 10

// head keeps the beginning of what is written to it.
type head struct{ bytes.Buffer }

func (h *head) Write(p []byte) (int, error) {
	if room := mostOutput - h.Len(); room > 0 {
		h.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// run runs a script by the guest's /bin/sh, as root where the account may become
// that. The error is that of the connection, or the context's cause.
func (s *session) run(ctx context.Context, script string) (output, error) {
	channel, err := s.NewSession()
	if err != nil {
		return output{}, err
	}
	defer channel.Close()
	stop := context.AfterFunc(ctx, func() { channel.Close() })
	defer stop()
	var out, errs head
	channel.Stdout, channel.Stderr = &out, &errs
	command := "/bin/sh -c '" + strings.ReplaceAll(script, "'", `'\''`) + "'"
	if s.sudo {
		command = "sudo -n " + command
	}
	err = channel.Run(command)
	o := output{text: out.String(), errs: errs.String()}
	var exit *ssh.ExitError
	switch {
	case ctx.Err() != nil:
		return o, context.Cause(ctx)
	case errors.As(err, &exit):
		if o.status = exit.ExitStatus(); exit.Signal() != "" {
			o.errs += "ended by SIG" + exit.Signal() + "\n"
		}
		return o, nil
	}
	return o, err
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
