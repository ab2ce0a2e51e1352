package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/hosttool"
)

// typedLines are lines as they are typed, with tabs, and what the shell then runs.
var typedLines = []struct {
	keys string
	want []string
}{
	{"imgasm al\t", []string{"alma"}},
	{"imgasm kickstart li\tk\t", []string{"kickstart", "lint", "ks.cfg"}},
	{"imgasm alma --prof\tcl\t", []string{"alma", "--profile", "cloud"}},
	{"imgasm alma --arch aa\t--acc\tkv\t", []string{"alma", "--arch", "aarch64", "--accel", "kvm"}},
	{"imgasm alma --iso su\tin\t", []string{"alma", "--iso", "sub/installer.iso"}},
	{"imgasm alma --kickstart=k\t", []string{"alma", "--kickstart=ks.cfg"}},
	{"imgasm alma --ssh-key ~/.ssh/id\t", []string{"alma", "--ssh-key", "HOME/.ssh/id.pub"}},
	{"imgasm convert di\tout.raw --for az\t", []string{"convert", "disk.qcow2", "out.raw", "--for", "azure"}},
	{"imgasm run my\t", []string{"run", "my disk.qcow2"}},
	{"imgasm run my\\ d\t", []string{"run", "my disk.qcow2"}},
	{"imgasm build we\t", []string{"build", "web"}},
	{"imgasm nixos --on ssh://bui\t", []string{"nixos", "--on", "ssh://builder"}},
	{"imgasm cp my\t", []string{"cp", "my disk.qcow2:"}},
}

// Lines are completed in the real shells, in a terminal, as people have them.
func TestCompletionInShells(t *testing.T) {
	for name, shell := range map[string]struct {
		argv []string
		load string
	}{
		"bash":        {[]string{"bash", "--norc", "--noprofile", "-i"}, "source <(imgasm completion bash)"},
		"zsh":         {[]string{"zsh", "-f", "-i"}, "autoload -U compinit; compinit -u; source <(imgasm completion zsh)"},
		"zsh's fpath": {[]string{"zsh", "-f", "-i"}, "imgasm completion zsh >_imgasm; fpath=($PWD $fpath); autoload -U compinit; compinit -u"},
		"fish":        {[]string{"fish", "--no-config", "-i"}, "imgasm completion fish | source"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hosttool.Find(t, shell.argv[0], shell.argv[0])
			home := completionHome(t)
			person, program := terminalPair(t)
			cmd := exec.Command(shell.argv[0], shell.argv[1:]...)
			cmd.Dir = home
			cmd.Env = []string{"HOME=" + home, "TERM=xterm", "LANG=C.UTF-8", "PATH=" + home + "/bin:" + os.Getenv("PATH"), "XDG_STATE_HOME=" + home}
			cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			})
			program.Close()
			said := make(chan string, 1)
			go func() {
				text, _ := io.ReadAll(person) // until the shell is gone
				said <- string(text)
			}()
			enter := func(keys string, want []string) {
				t.Helper()
				if _, err := person.WriteString(keys + "\r"); err != nil {
					t.Fatal(err)
				}
				for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
					ran, err := os.ReadFile(filepath.Join(home, "ran"))
					if err != nil && time.Now().Before(deadline) {
						continue
					}
					got := strings.Split(strings.ReplaceAll(strings.TrimSuffix(string(ran), "\n"), home, "HOME"), "\n")
					if err != nil || !slices.Equal(got, want) {
						_ = cmd.Process.Kill()
						t.Fatalf("%q runs %q, want %q; the terminal has %q", keys, got, want, <-said)
					}
					if err := os.Remove(filepath.Join(home, "ran")); err != nil {
						t.Fatal(err)
					}
					return
				}
			}
			enter(shell.load+"; imgasm ready", []string{"ready"})
			for _, l := range typedLines {
				enter(l.keys, l.want)
			}
		})
	}
}
