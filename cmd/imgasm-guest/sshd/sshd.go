// Package sshd is the ssh server of the rehearsal's system: passwords and
// authorized keys, commands and a line-edited shell. It forwards nothing and
// has no subsystems.
package sshd

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/GehirnInc/crypt"
	_ "github.com/GehirnInc/crypt/sha256_crypt" // $5$
	_ "github.com/GehirnInc/crypt/sha512_crypt" // $6$
	"golang.org/x/crypto/ssh"
	"golang.org/x/term"
)

// Account is what the server knows of a user.
type Account struct {
	Name string
	Hash string // of the password, as in shadow(5); "" and what begins with "!" lock it
	Keys []byte // the content of authorized_keys
	// NoPassword and NoLogin are what sshd_config says of this user.
	NoPassword, NoLogin bool
}

// Command is something to run for a user.
type Command struct {
	User           string
	Text           string // the command line
	Dir            string // working folder; empty: the user's home
	Env            []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Server answers connections.
type Server struct {
	HostKey ssh.Signer
	Banner  string
	// Account looks a user up. It is asked at every login.
	Account func(name string) (Account, bool)
	// Run runs a command and returns its exit status and the folder that it
	// ended in, where the next line of a shell goes on.
	Run func(ctx context.Context, c Command) (code int, dir string)
	// Prompt is shown by the shell; dir is empty for the user's home.
	Prompt func(user, dir string) string
	// Log takes a line about each login and each failure; may be nil.
	Log func(string)
}

// errRefused tells the client nothing about why.
var errRefused = errors.New("permission denied")

// CheckPassword tells whether a password fits a hash of shadow(5). Hashes of
// kinds that cannot be computed here fit nothing; known tells them apart.
func CheckPassword(hash, password string) (fits, known bool) {
	if hash == "" || hash[0] == '!' || hash[0] == '*' || !crypt.IsHashSupported(hash) {
		return false, hash == "" || hash[0] == '!' || hash[0] == '*'
	}
	return crypt.NewFromHash(hash).Verify(hash, []byte(password)) == nil, true
}

func (s *Server) log(text string) {
	if s.Log != nil {
		s.Log(text)
	}
}

func (s *Server) config() *ssh.ServerConfig {
	c := &ssh.ServerConfig{
		MaxAuthTries:  6,
		ServerVersion: "SSH-2.0-imgasm_rehearsal",
		PasswordCallback: func(conn ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			a, ok := s.Account(conn.User())
			if !ok || a.NoLogin || a.NoPassword {
				return nil, errRefused
			}
			fits, known := CheckPassword(a.Hash, string(password))
			if !known {
				s.log("the password of " + a.Name + " is hashed in a way that the rehearsal cannot compute")
			}
			if !fits {
				return nil, errRefused
			}
			return nil, nil
		},
		PublicKeyCallback: func(conn ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			a, ok := s.Account(conn.User())
			if ok && !a.NoLogin && authorized(a.Keys, key) {
				return nil, nil
			}
			return nil, errRefused
		},
	}
	if s.Banner != "" {
		c.BannerCallback = func(ssh.ConnMetadata) string { return s.Banner }
	}
	c.AddHostKey(s.HostKey)
	return c
}

// authorized looks for a key in the text of authorized_keys; lines that are
// none are passed over. Options in front of a key are ignored.
func authorized(text []byte, key ssh.PublicKey) bool {
	want := string(key.Marshal())
	for len(text) > 0 {
		k, _, _, rest, err := ssh.ParseAuthorizedKey(text)
		if err != nil {
			return false // no further key in the rest
		}
		if string(k.Marshal()) == want {
			return true
		}
		text = rest
	}
	return false
}

// Serve answers until the listener is closed.
func (s *Server) Serve(l net.Listener) error {
	config := s.config()
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go s.serve(conn, config)
	}
}

func (s *Server) serve(conn net.Conn, config *ssh.ServerConfig) {
	defer conn.Close()
	// A login takes at most two minutes, as with OpenSSH's LoginGraceTime.
	conn.SetDeadline(time.Now().Add(2 * time.Minute))
	sc, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	conn.SetDeadline(time.Time{})
	s.log("Accepted login for " + sc.User() + " from " + conn.RemoteAddr().String())
	go ssh.DiscardRequests(requests)
	for ch := range channels {
		if ch.ChannelType() != "session" {
			ch.Reject(ssh.UnknownChannelType, "the rehearsal offers sessions only")
			continue
		}
		channel, reqs, err := ch.Accept()
		if err != nil {
			return
		}
		go s.session(sc.User(), channel, reqs)
	}
}

// session runs one command or shell; what it may be told before is kept.
func (s *Server) session(user string, ch ssh.Channel, reqs <-chan *ssh.Request) {
	ctx, cancel := context.WithCancel(context.Background())
	var once sync.Once
	var env []string
	var size [2]uint32
	pty := false
	start := func(run func() int) {
		once.Do(func() {
			go func() {
				code := run()
				ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{uint32(code)}))
				ch.Close()
			}()
		})
	}
	defer cancel()
	for req := range reqs {
		ok := true
		switch req.Type {
		case "env":
			var kv struct{ Key, Value string }
			if ok = ssh.Unmarshal(req.Payload, &kv) == nil; ok && len(env) < 64 {
				env = append(env, kv.Key+"="+kv.Value)
			}
		case "pty-req":
			var p struct {
				Term                         string
				Columns, Rows, Width, Height uint32
				Modes                        string
			}
			ok = ssh.Unmarshal(req.Payload, &p) == nil
			pty, size = ok, [2]uint32{p.Columns, p.Rows}
		case "window-change":
		case "exec":
			var c struct{ Text string }
			if ok = ssh.Unmarshal(req.Payload, &c) == nil; ok {
				start(func() int {
					code, _ := s.Run(ctx, Command{User: user, Text: c.Text, Env: env, Stdin: ch, Stdout: ch, Stderr: ch.Stderr()})
					return code
				})
			}
		case "shell":
			start(func() int { return s.shell(ctx, user, ch, env, pty, size) })
		default:
			ok = false
		}
		if req.WantReply {
			req.Reply(ok, nil)
		}
	}
}

// shell reads lines and runs each; without a terminal the whole input is a script.
func (s *Server) shell(ctx context.Context, user string, ch ssh.Channel, env []string, pty bool, size [2]uint32) int {
	if !pty {
		text, err := io.ReadAll(io.LimitReader(ch, 1<<20))
		if err != nil {
			return 1
		}
		code, _ := s.Run(ctx, Command{User: user, Text: string(text), Env: env, Stdout: ch, Stderr: ch.Stderr()})
		return code
	}
	t := term.NewTerminal(ch, "")
	t.SetSize(int(min(size[0], 1000)), int(min(size[1], 1000)))
	return s.Lines(ctx, user, t, env)
}

// Lines is a shell on a terminal: each line is run, until exit.
func (s *Server) Lines(ctx context.Context, user string, t *term.Terminal, env []string) int {
	code, dir := 0, ""
	for {
		t.SetPrompt(s.Prompt(user, dir))
		line, err := t.ReadLine()
		if err != nil || line == "exit" || line == "logout" {
			return code
		}
		if line != "" {
			code, dir = s.Run(ctx, Command{User: user, Text: line, Dir: dir, Env: env, Stdout: t, Stderr: t})
		}
	}
}
