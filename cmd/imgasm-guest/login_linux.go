// Ways in: ssh and the serial console. Commands run in processes of their own,
// as the user: the kernel keeps them to what the user may.

package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/term"

	"github.com/imgasm/imgasm/cmd/imgasm-guest/sshd"
)

const hostKeyFile = "/etc/ssh/ssh_host_ed25519_key"

// hostKey reads the host key, or makes one at the first boot.
func hostKey() (ssh.Signer, error) {
	if data, err := os.ReadFile(hostKeyFile); err == nil {
		return ssh.ParsePrivateKey(data)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "imgasm rehearsal")
	if err != nil {
		return nil, err
	}
	pub, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(hostKeyFile), 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(hostKeyFile, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(hostKeyFile+".pub", ssh.MarshalAuthorizedKey(pub), 0o644); err != nil {
		return nil, err
	}
	return ssh.NewSignerFromSigner(private)
}

// startSSH listens. s.shells serves the console too, even if this fails.
func (s *system) startSSH() error {
	s.shells = &sshd.Server{
		Banner: "imgasm rehearsal " + productVersion + ": not AlmaLinux\n",
		Account: func(name string) (sshd.Account, bool) {
			a, ok := accountNamed(name)
			if !ok {
				return sshd.Account{}, false
			}
			keys, _ := os.ReadFile(inHome(a, ".ssh/authorized_keys"))
			rules := sshRules(sshConfig())
			out := sshd.Account{Name: name, Hash: a.hash, Keys: keys, NoPassword: !rules.passwords}
			if a.uid == 0 {
				out.NoPassword = out.NoPassword || rules.root != "yes"
				out.NoLogin = rules.root == "no"
			}
			return out, true
		},
		Run:    runCommand,
		Prompt: s.prompt,
		Log:    func(text string) { s.con.Journal("sshd", 640, text) },
	}
	key, err := hostKey()
	if err != nil {
		return err
	}
	s.shells.HostKey = key
	l, err := net.Listen("tcp", ":22")
	if err != nil {
		return err
	}
	go s.shells.Serve(l)
	return nil
}

// sshConfig is sshd_config with what it includes in front, which wins.
func sshConfig() string {
	var b strings.Builder
	included, _ := filepath.Glob("/etc/ssh/sshd_config.d/*.conf")
	for _, f := range append(included, "/etc/ssh/sshd_config") {
		data, _ := os.ReadFile(f)
		b.Write(append(data, '\n'))
	}
	return b.String()
}

func (s *system) prompt(user, dir string) string {
	mark := "$ "
	if user == "root" {
		mark = "# "
	}
	if a, ok := accountNamed(user); dir == "" || ok && dir == a.home {
		dir = "~"
	}
	return "[" + user + "@" + s.hostname + " " + filepath.Base(dir) + "]" + mark
}

// runCommand runs a command line as a user and returns its exit status and the
// folder that it ended in.
func runCommand(ctx context.Context, c sshd.Command) (int, string) {
	a, ok := accountNamed(c.User)
	if !ok {
		return 255, ""
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe", scriptVerb, "-c", c.Text)
	if cmd.Dir = c.Dir; c.Dir == "" {
		cmd.Dir = a.home
	}
	if _, err := os.Stat(cmd.Dir); err != nil {
		cmd.Dir = "/"
	}
	cmd.Env = append(c.Env, "HOME="+a.home, "USER="+a.name, "PATH=/usr/local/bin:/usr/bin:/usr/local/sbin:/usr/sbin")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid), Groups: groupsOf(a.name)},
		Setpgid:    true,
	}
	// A command that does not read its input must not wait for the client's end.
	in, err := cmd.StdinPipe()
	if err != nil {
		return 255, ""
	}
	ended, tell, err := os.Pipe()
	if err != nil {
		return 255, ""
	}
	defer ended.Close()
	cmd.ExtraFiles = []*os.File{tell} // descriptor 3, see runScript
	cmd.Env = append(cmd.Env, endedIn+"=3")
	cmd.Stdout, cmd.Stderr = c.Stdout, c.Stderr
	cmd.WaitDelay = 2 * time.Second
	err = cmd.Start()
	tell.Close()
	if err != nil {
		io.WriteString(c.Stderr, err.Error()+"\n")
		return 255, ""
	}
	go func() {
		if c.Stdin != nil {
			io.Copy(in, c.Stdin)
		}
		in.Close()
	}()
	dir, _ := io.ReadAll(io.LimitReader(ended, 4096))
	err = cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, string(dir)
	case errors.As(err, &exit):
		return exit.ExitCode(), string(dir)
	}
	return 255, ""
}

// groupsOf are the numbers of the groups that a user is in.
func groupsOf(name string) []uint32 {
	data, _ := os.ReadFile("/etc/group")
	return memberships(string(data), name)
}

// login asks for names and passwords on the serial console, for ever.
func (s *system) login() {
	tty, err := os.OpenFile("/dev/console", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		forever()
	}
	s.con.Raw("\r\n" + strings.ReplaceAll(s.issue(), "\n", "\r\n"))
	if _, err := term.MakeRaw(int(tty.Fd())); err != nil {
		s.con.Raw("localhost login: ")
		forever()
	}
	for {
		t := term.NewTerminal(tty, s.hostname+" login: ")
		name, err := t.ReadLine()
		if err != nil {
			time.Sleep(time.Second)
			continue
		}
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		password, _ := t.ReadPassword("Password: ")
		a, ok := accountNamed(name)
		if fits, _ := sshd.CheckPassword(a.hash, password); !ok || !fits {
			time.Sleep(2 * time.Second)
			io.WriteString(t, "Login incorrect\n\n")
			continue
		}
		s.console(t, a)
	}
}

// console is a shell on the serial line until exit.
func (s *system) console(t *term.Terminal, a account) {
	if motd, err := os.ReadFile("/etc/motd"); err == nil {
		t.Write(motd)
	}
	s.shells.Lines(context.Background(), a.name, t, nil)
}
