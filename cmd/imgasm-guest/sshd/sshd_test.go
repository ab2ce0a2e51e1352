package sshd

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/imgasm/imgasm/kickstart"
)

func signer(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// start serves on a local port and returns its address and admin's key.
func start(t *testing.T) (address string, key ssh.Signer, logged func() string) {
	t.Helper()
	hash, err := kickstart.HashPassword("secret", []byte("seed"), "admin")
	if err != nil {
		t.Fatal(err)
	}
	key = signer(t)
	lines := make(chan string, 100)
	s := &Server{
		HostKey: signer(t), Banner: "rehearsal\n",
		Account: func(name string) (Account, bool) {
			switch name {
			case "admin":
				return Account{Name: name, Hash: hash, Keys: append([]byte("# a comment\nnonsense\n"), ssh.MarshalAuthorizedKey(key.PublicKey())...)}, true
			case "root":
				return Account{Name: name, Hash: hash, NoPassword: true}, true
			case "locked":
				return Account{Name: name, Hash: "!" + hash}, true
			case "yescrypt":
				return Account{Name: name, Hash: "$y$j9T$abc$def"}, true
			case "barred":
				return Account{Name: name, Hash: hash, Keys: ssh.MarshalAuthorizedKey(key.PublicKey()), NoLogin: true}, true
			}
			return Account{}, false
		},
		Run: func(_ context.Context, c Command) (int, string) {
			fmt.Fprintf(c.Stdout, "%s runs %q\n", c.User, c.Text)
			if c.Text == "cat" {
				io.Copy(c.Stdout, c.Stdin)
			}
			return len(c.Text), "/after/" + c.Text
		},
		Prompt: func(user, dir string) string { return user + dir + "$ " },
		Log:    func(line string) { lines <- line },
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		l.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return l.Addr().String(), key, func() string {
		var all []string
		for len(lines) > 0 {
			all = append(all, <-lines)
		}
		return strings.Join(all, "\n")
	}
}

func dial(address, user string, auth ...ssh.AuthMethod) (*ssh.Client, error) {
	return ssh.Dial("tcp", address, &ssh.ClientConfig{User: user, Auth: auth, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 30 * time.Second})
}

func TestLogins(t *testing.T) {
	address, key, logged := start(t)
	for _, c := range []struct {
		user string
		auth ssh.AuthMethod
		ok   bool
	}{
		{"admin", ssh.Password("secret"), true}, {"admin", ssh.Password("wrong"), false}, {"admin", ssh.Password(""), false},
		{"admin", ssh.PublicKeys(key), true}, {"admin", ssh.PublicKeys(signer(t)), false},
		{"root", ssh.Password("secret"), false}, {"locked", ssh.Password("secret"), false}, {"yescrypt", ssh.Password("secret"), false},
		{"barred", ssh.Password("secret"), false}, {"barred", ssh.PublicKeys(key), false}, {"nobody", ssh.Password("secret"), false},
	} {
		client, err := dial(address, c.user, c.auth)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.user, err)
		}
		if err == nil {
			client.Close()
		}
	}
	if text := logged(); !strings.Contains(text, "yescrypt is hashed in a way") || !strings.Contains(text, "Accepted login for admin") {
		t.Errorf("log: %s", text)
	}
}

func TestSessions(t *testing.T) {
	address, key, _ := start(t)
	client, err := dial(address, "admin", ssh.PublicKeys(key))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	session := func() *ssh.Session {
		s, err := client.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := session()
	s.Stdin = strings.NewReader("input")
	out, err := s.Output("cat")
	var exit *ssh.ExitError
	if string(out) != "admin runs \"cat\"\ninput" || !errors.As(err, &exit) || exit.ExitStatus() != 3 {
		t.Errorf("%q %v", out, err)
	}
	s = session()
	s.Stdin = strings.NewReader("a script")
	var b bytes.Buffer
	s.Stdout = &b
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 8 || b.String() != "admin runs \"a script\"\n" {
		t.Errorf("a script by standard input: %q %v", b.String(), err)
	}
	s = session()
	if err := s.RequestPty("vt220", 24, 80, ssh.TerminalModes{}); err != nil {
		t.Fatal(err)
	}
	in, _ := s.StdinPipe()
	b.Reset()
	s.Stdout = &b
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	io.WriteString(in, "hello\rexit\r")
	if err := s.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 5 || !strings.Contains(b.String(), "admin$ hello") || !strings.Contains(b.String(), "admin/after/hello$ exit") || !strings.Contains(b.String(), `runs "hello"`) {
		t.Errorf("a shell: %q %v", b.String(), err)
	}
	if err := session().RequestSubsystem("sftp"); err == nil {
		t.Error("a subsystem was granted")
	}
	if _, err := client.Dial("tcp", "127.0.0.1:1"); err == nil {
		t.Error("a forwarding was granted")
	}
}

func TestCheckPassword(t *testing.T) {
	for hash, known := range map[string]bool{"": true, "!": true, "!$6$a$b": true, "*": true, "$y$j9T$a$b": false, "plain": false, "$6$": true, "$6$rounds=x$a$b": true} {
		if fits, k := CheckPassword(hash, "plain"); fits || k != known {
			t.Errorf("%q: fits %v, known %v", hash, fits, k)
		}
	}
}
