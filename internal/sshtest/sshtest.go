// Package sshtest runs a real sshd on this host's loopback for tests: with keys of
// its own, no root, and nothing of this host's configuration of ssh.
package sshtest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/proc"
)

// Server lets this host's user log in, by one key, under any host's name.
type Server struct {
	Config string // for ssh -F and scp -F
	Port   int    // on 127.0.0.1
	Home   string // the sessions' HOME
	Log    string // the file with what sshd says

	t      testing.TB
	sshd   string
	config string
	base   string
	all    sync.WaitGroup

	mu     sync.Mutex
	closed bool
	conns  []*net.TCPConn
}

// Start serves until the test ends, or skips it aloud. env are variables of the
// sessions (NAME=VALUE), which have few others.
func Start(t testing.TB, env ...string) *Server {
	t.Helper()
	sshd, keygen := hosttool.Find(t, "sshd", "openssh-server"), hosttool.Find(t, "ssh-keygen", "openssh-client")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	s := &Server{Config: path("ssh_config"), Home: path("home"), Log: path("log"), t: t, sshd: sshd, config: path("sshd_config")}
	for _, name := range []string{"host", "user"} {
		if _, err := (proc.Cmd{Path: keygen, Args: []string{"-q", "-t", "ed25519", "-N", "", "-f", path(name)}}).Output(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	public, err := os.ReadFile(path("host.pub"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	s.Port = l.Addr().(*net.TCPAddr).Port
	var quoted []string
	for _, v := range append(env, "HOME="+s.Home) {
		quoted = append(quoted, `"`+v+`"`)
	}
	s.base = fmt.Sprintf("HostKey %s\nAuthorizedKeysFile %s\nSetEnv %s\nStrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nSubsystem sftp internal-sftp\n",
		path("host"), path("user.pub"), strings.Join(quoted, " "))
	client := fmt.Sprintf("Host *\nHostName 127.0.0.1\nPort %d\nUser %s\nIdentityFile %s\nIdentitiesOnly yes\nHostKeyAlias sshtest\nUserKnownHostsFile %s\nGlobalKnownHostsFile /dev/null\n",
		s.Port, me.Username, path("user"), path("known_hosts"))
	err = errors.Join(os.Mkdir(s.Home, 0o700), os.WriteFile(s.Config, []byte(client), 0o600),
		os.WriteFile(path("known_hosts"), append([]byte("sshtest "), public...), 0o600))
	if os.Getuid() == 0 {
		err = errors.Join(err, os.MkdirAll("/run/sshd", 0o755)) // where root's sshd locks up its untrusted half
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Set()
	s.all.Go(guard.Func(func() { s.serve(l) }, func(err error) { t.Error(err) }))
	t.Cleanup(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		l.Close()
		s.Cut()
		s.all.Wait()
		if log, err := os.ReadFile(s.Log); t.Failed() {
			t.Logf("sshd said: %s%v", log, err)
		}
	})
	return s
}

// Command is the ssh command that reaches the server, and nothing else.
func (s *Server) Command() []string { return []string{"ssh", "-F", s.Config} }

// Set has lines of sshd_config(5) count for new connections, in the place of those
// that were set before.
func (s *Server) Set(lines ...string) {
	s.t.Helper()
	if err := os.WriteFile(s.config, []byte(strings.Join(lines, "\n")+"\n"+s.base), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// Cut ends all connections, as a network does: what runs in a session goes on.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		_ = c.CloseRead() // of the socket itself, whoever has it
		_ = c.CloseWrite()
	}
}

// serve starts an sshd for each connection, as inetd does.
func (s *Server) serve(l *net.TCPListener) {
	for {
		c, err := l.AcceptTCP()
		if err != nil {
			return
		}
		s.mu.Lock()
		if !s.closed {
			s.conns = append(s.conns, c)
			s.all.Go(guard.Func(func() { s.session(c) }, func(err error) { s.t.Error(err) }))
		}
		s.mu.Unlock()
	}
}

func (s *Server) session(c *net.TCPConn) {
	defer func() {
		s.mu.Lock()
		s.conns = slices.DeleteFunc(s.conns, func(x *net.TCPConn) bool { return x == c })
		s.mu.Unlock()
		c.Close()
	}()
	socket, err := c.File()
	if err != nil {
		s.t.Error(err)
		return
	}
	p, err := proc.Cmd{Path: s.sshd, Args: []string{"-i", "-f", s.config, "-E", s.Log}, Stdin: socket, Stdout: socket}.Start()
	socket.Close()
	if err != nil {
		s.t.Error(err)
		return
	}
	_ = p.Wait() // 255 when it was cut
}
