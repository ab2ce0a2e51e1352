package boottest_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/boottest"

	"golang.org/x/crypto/ssh"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/qemu/console"
)

// guest says lines on its console and then ends, or lives on.
type guest struct {
	lines   []string
	ends    bool
	failure *anaconda.Failure
}

func (g *guest) Follow(ctx context.Context, record func(console.Record)) (*anaconda.Failure, error) {
	for _, l := range g.lines {
		record(console.Record{Text: l})
	}
	if g.ends {
		return g.failure, nil
	}
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

func (g *guest) PowerOff(context.Context) bool { return true }

// sshd is a server on this host that knows one password; it returns its port.
func sshd(t *testing.T, password string) int {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{ServerVersion: "SSH-2.0-test", PasswordCallback: func(_ ssh.ConnMetadata, given []byte) (*ssh.Permissions, error) {
		if string(given) != password {
			return nil, errors.New("wrong password")
		}
		return nil, nil
	}}
	config.AddHostKey(signer)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	serve := func(conn net.Conn) {
		defer conn.Close()
		_, channels, requests, err := ssh.NewServerConn(conn, config)
		if err != nil {
			return
		}
		go ssh.DiscardRequests(requests)
		for c := range channels {
			session, requests, err := c.Accept()
			if err != nil {
				return
			}
			for r := range requests {
				_ = r.Reply(true, nil)
				_, _ = session.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{0}))
				_ = session.Close()
			}
		}
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func TestRun(t *testing.T) {
	known := boottest.Login{"admin", "secret"}
	prompt := []string{"Welcome", "localhost login: "}
	for _, c := range []struct {
		name  string
		guest guest
		ssh   bool
		user  boottest.Login
		want  string // of the proof, or after "!" of the error
	}{
		{"a prompt, and nobody known", guest{lines: prompt}, false, boottest.Login{}, `prompt "localhost login:", powered off when asked to`},
		{"a banner, and nobody known", guest{}, true, boottest.Login{}, "SSH-2.0-test, powered off when asked to"},
		{"a login", guest{}, true, known, "ssh as admin, powered off when asked to"},
		{"a prompt is not enough for a known user", guest{lines: prompt, ends: true}, false, known, "!before anybody could log in"},
		{"a refusal", guest{lines: prompt}, true, boottest.Login{"admin", "wrong"}, "!ssh as admin"},
		{"a failure", guest{ends: true, failure: &anaconda.Failure{Meaning: "the kernel panicked"}}, false, boottest.Login{}, "!the kernel panicked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port := 0
			if c.ssh {
				port = sshd(t, known.Password)
			}
			proof, failure, err := boottest.Run(t.Context(), &c.guest, time.Now(), port, c.user)
			want, bad := strings.CutPrefix(c.want, "!")
			got := fmt.Sprint(proof, err)
			if failure != nil {
				got = failure.Meaning
			}
			if bad != (proof == nil) || !strings.Contains(got, want) || err != nil && !errors.Is(err, boottest.ErrUnproven) {
				t.Errorf("%v, %v, %v; want %q", proof, failure, err, c.want)
			}
		})
	}
}
