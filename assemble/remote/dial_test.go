//go:build unix

package remote

// Dial, on a real sshd. The imgasm there is a shell script that says its version,
// and serves by echoing.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/sshtest"
)

// imgasm writes a program that stands for it.
func imgasm(t *testing.T, path, version string) string {
	t.Helper()
	text := fmt.Sprintf("#!/bin/sh\ncase $1 in\n--version) echo 'imgasm version %s' ;;\nserve) shift; echo \"$0: $*\"; exec cat ;;\nesac\n", version)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o700)); err != nil {
		t.Fatal(err)
	}
	return path
}

// host is a test's other host.
type host struct {
	*sshtest.Server
	t     *testing.T
	bin   string // a folder in the PATH of its sessions
	notes []string
}

func newHost(t *testing.T, env ...string) *host {
	t.Helper()
	bin := t.TempDir()
	return &host{Server: sshtest.Start(t, append(env, "PATH="+bin+":/usr/bin:/bin")...), t: t, bin: bin}
}

func (h *host) options() Options {
	return Options{Host: "builder", SSH: h.Command(), Version: "1.2.3", Serve: []string{"serve", "it's", "$HOME"}, Note: func(text string) { h.notes = append(h.notes, text) }}
}

// kept are the files that the host has of us.
func (h *host) kept() string {
	h.t.Helper()
	files, err := filepath.Glob(filepath.Join(h.Home, ".cache/imgasm/remote/bin/*"))
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.Join(files, " ")
}

// serves dials and talks to what serves there, which is program.
func (h *host) serves(o Options, program string) {
	h.t.Helper()
	var noise strings.Builder
	o.Stderr = &noise
	c, err := Dial(h.t.Context(), o)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil || noise.Len() > 0 {
			h.t.Errorf("%v: %s", err, &noise)
		}
	}()
	if _, err := io.WriteString(c, "echoed\n"); err != nil {
		h.t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		h.t.Fatal(err)
	}
	said, err := io.ReadAll(c)
	if want := program + ": it's $HOME\nechoed\n"; err != nil || string(said) != want {
		h.t.Errorf("%v: %q, want %q", err, said, want)
	}
}

// refuses dials and wants an error.
func (h *host) refuses(o Options, class error, want ...string) {
	h.t.Helper()
	c, err := Dial(h.t.Context(), o)
	if err == nil {
		c.Close()
	}
	for _, w := range want {
		if !errors.Is(err, class) || !strings.Contains(err.Error(), w) {
			h.t.Errorf("%v, want %q", err, w)
		}
	}
}

func TestDialTakesTheHostsOwn(t *testing.T) {
	h := newHost(t)
	own := imgasm(t, h.bin+"/imgasm", "1.2.3")
	h.serves(h.options(), own)
	if h.kept() != "" || len(h.notes) > 0 {
		t.Errorf("kept %q, told %q", h.kept(), h.notes)
	}
}

func TestDialCopies(t *testing.T) {
	h := newHost(t)
	o := h.options()
	h.refuses(o, ErrVersion, "builder has no imgasm in its PATH; there is no imgasm-")
	other := imgasm(t, h.bin+"/imgasm", "1.2.2")
	h.refuses(o, ErrVersion, "builder has imgasm 1.2.2, and this is 1.2.3; there is no imgasm-")

	o.Self = imgasm(t, filepath.Join(t.TempDir(), "imgasm"), "1.2.3")
	sum, _, err := digest.File(t.Context(), o.Self)
	if err != nil {
		t.Fatal(err)
	}
	place := filepath.Join(h.Home, ".cache/imgasm/remote/bin", sum)
	for range 2 { // the second finds it there
		h.serves(o, place)
		if h.kept() != place || len(h.notes) != 1 {
			t.Errorf("kept %q, told %q", h.kept(), h.notes)
		}
	}
	if err := os.Truncate(place, 10); err != nil {
		t.Fatal(err)
	}
	h.serves(o, place)
	if len(h.notes) != 2 {
		t.Errorf("told %q", h.notes)
	}

	o.Binary = other
	h.refuses(o, ErrVersion, "it should say that it is 1.2.3, and says: imgasm version 1.2.2")
	o.Binary = filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(o.Binary, []byte("\x7fELF, and no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.refuses(o, ErrVersion, "and says: ", "ormat error") // the host's words
	o.Binary = "/none"
	h.refuses(o, os.ErrNotExist, "/none")
}

// What comes from beside ours or our cache has the host's platform in its name.
func TestDialCopiesForThePlatform(t *testing.T) {
	h := newHost(t, "IMGASM_CACHE="+t.TempDir())
	script := func(name, text string) {
		if err := os.WriteFile(filepath.Join(h.bin, name), []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	script("uname", "case $1 in -s) echo Darwin ;; *) echo arm64 ;; esac")
	o := h.options()
	o.Self, o.Cache = imgasm(t, filepath.Join(t.TempDir(), "imgasm"), "1.2.3"), t.TempDir()
	h.refuses(o, ErrVersion, "there is no imgasm-darwin-arm64 here")
	imgasm(t, o.Cache+"/remote/imgasm-darwin-arm64", "1.2.2")
	h.refuses(o, ErrVersion, o.Cache+"/remote/imgasm-darwin-arm64 was copied to builder")
	imgasm(t, filepath.Dir(o.Self)+"/imgasm-darwin-arm64", "1.2.3")
	c, err := Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if h.kept() != "" {
		t.Errorf("not in IMGASM_CACHE: %s", h.kept())
	}
	script("uname", "case $1 in -s) echo SunOS ;; *) echo sun4u ;; esac")
	h.refuses(o, ErrVersion, "imgasm knows no SunOS on sun4u")
}

func TestDialRefusesABrokenCopy(t *testing.T) {
	h := newHost(t)
	o := h.options()
	o.Self = imgasm(t, filepath.Join(t.TempDir(), "imgasm"), "1.2.3")
	fake := filepath.Join(h.bin, "head") // which loses a byte of what comes
	if err := os.WriteFile(fake, []byte("#!/bin/sh\n/usr/bin/head \"$@\" | { test \"$1\" = -n && cat || /usr/bin/tail -c +2; }\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	h.refuses(o, ErrConnection, "there is not what was sent: differs ")
	if h.kept() != "" {
		t.Errorf("kept %s", h.kept())
	}
}

func TestDialSaysWhatSSHSays(t *testing.T) {
	h := newHost(t)
	imgasm(t, h.bin+"/imgasm", "1.2.3")
	o := h.options()
	o.SSH = append(h.Command(), "-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=yes")
	h.refuses(o, ErrConnection, "builder: ssh: exit status 255: ", "Host key verification failed.")
	o.SSH = append(h.Command(), "-o", "PubkeyAuthentication=no")
	o.Batch = true
	h.refuses(o, errRefused, "Permission denied (publickey)")
	if _, err := Dial(t.Context(), o); !strings.HasSuffix(fault.Hint(err, nil), " -T -o BatchMode=yes -- builder echo ok") {
		t.Errorf("who can give a password is told to see whether this works: %s", fault.Hint(err, nil))
	}
	o = h.options()
	o.Host = "builder:1"
	h.refuses(o, ErrConnection, "Connection refused")
	o.Host = "-oProxyCommand=true"
	h.refuses(o, ErrAddress, "begin with -")
	o = h.options()
	o.SSH = []string{"there-is-no-such-ssh"}
	h.refuses(o, exec.ErrNotFound, "there-is-no-such-ssh")
}

// Whatever shell a user has there, and whatever it prints first.
func TestDialThroughLoginShells(t *testing.T) {
	h := newHost(t)
	own := imgasm(t, h.bin+"/imgasm", "1.2.3")
	tried := 0
	for _, name := range []string{"sh", "dash", "bash", "busybox sh", "zsh", "ksh", "fish", "csh", "tcsh"} {
		words := strings.Fields(name)
		path, err := exec.LookPath(words[0])
		if err != nil {
			t.Logf("not tried, as it is not installed: %s", name)
			continue
		}
		tried++
		words[0] = path
		h.Set(`ForceCommand exec ` + strings.Join(words, " ") + ` -c "$SSH_ORIGINAL_COMMAND"`)
		h.serves(h.options(), own)
	}
	if tried == 0 {
		t.Error("no shell was tried")
	}
	h.Set(`ForceCommand echo Welcome; echo imgasm-dial:; printf 'no end'; exec sh -c "$SSH_ORIGINAL_COMMAND"`)
	h.serves(h.options(), own)
	h.Set(`ForceCommand echo This account is currently not available.; exit 1`)
	h.refuses(h.options(), ErrConnection, "it printed: This account is currently not available.")
	h.Set(`ForceCommand cat >/dev/null & sleep 0.1`)
	h.refuses(h.options(), ErrConnection, "the shell there has ended without a word of imgasm's")
	h.Set(`ForceCommand yes`)
	h.refuses(h.options(), ErrConnection, "it prints more than 1048576 bytes, and no answer; it printed: y")
}

// A signal of the terminal, which is for us, does not end ssh; a cut does, and its
// words are Read's error.
func TestConnectionEnds(t *testing.T) {
	h := newHost(t)
	imgasm(t, h.bin+"/imgasm", "1.2.3")
	c, err := Dial(t.Context(), h.options())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	for _, want := range []string{h.bin + "/imgasm: it's $HOME\n", "still here\n"} {
		if line, err := r.ReadString('\n'); line != want {
			t.Fatalf("%q, want %q: %v", line, want, err)
		}
		if err := syscall.Kill(c.ssh.Pid(), syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, "still here\n"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.ReadString('\n'); err != nil { // ssh has sent all
		t.Fatal(err)
	}
	h.Cut()
	for range 2 {
		if _, err = io.ReadAll(r); !errors.Is(err, ErrConnection) || !strings.Contains(err.Error(), "closed by remote host") {
			t.Errorf("%v", err)
		}
	}
	if _, err := io.WriteString(c, "nobody reads it"); !errors.Is(err, ErrConnection) || !strings.Contains(err.Error(), "closed by remote host") {
		t.Errorf("%v", err)
	}
}

// A host that says nothing is left when the context ends.
func TestDialEndsWithContext(t *testing.T) {
	h := newHost(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, errors.New("enough"))
	defer cancel()
	o := h.options()
	o.Host = "ssh://builder:" + fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	if _, err := Dial(ctx, o); err == nil || err.Error() != "enough" {
		t.Errorf("%v", err)
	}
}
