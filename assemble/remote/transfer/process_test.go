//go:build unix

package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/remote"
	"github.com/imgasm/imgasm/assemble/remote/transfer"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/hosttool/contest"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/internal/sshtest"
)

// Processes that transfer: one that is killed, and two beside scp.

const role = "IMGASM_TEST_TRANSFER"

// TestMain sends or receives a file where the environment says so.
func TestMain(m *testing.M) {
	what, path, ok := strings.Cut(os.Getenv(role), " ")
	if !ok {
		contest.Main(m, map[string]func([]string) error{"fetch": fetch, "put": put})
	}
	proc.Widen(os.Stdin)
	proc.Widen(os.Stdout)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	switch {
	case err != nil:
	case what == "send":
		err = transfer.Send(context.Background(), os.Stdout, f, 0, nil)
	default:
		err = transfer.Receive(context.Background(), os.Stdin, f, nil)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A receiver that is killed at any moment, in the middle of a write too, leaves a
// file that the next goes on with.
func TestKilledReceiver(t *testing.T) {
	src := file(t, 20*mib, -3*mib, 20*mib+5)
	dst := empty(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(5, 6))
	for kills := 0; ; kills++ {
		has := int64(len(content(t, dst)))
		here, err := transfer.Prefix(t.Context(), src, has)
		there, err2 := transfer.Prefix(t.Context(), dst, has)
		if err != nil || err2 != nil || here != there {
			t.Fatalf("after %d kills the first %d bytes differ: %v, %v", kills, has, err, err2)
		}
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), role+"=receive "+dst.Name())
		in, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		if kills < 10 {
			at := random.Int64N(int64(10 * mib))
			// The rest is in the pipe, or nowhere.
			_ = transfer.Send(t.Context(), &killer{in, at, cmd.Process}, src, has, nil)
			_ = cmd.Wait()
			continue
		}
		if err := transfer.Send(t.Context(), in, src, has, nil); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		break
	}
	if !bytes.Equal(content(t, dst), content(t, src)) {
		t.Error("another content")
	}
}

// killer kills a process when it has passed on so many bytes.
type killer struct {
	w    io.Writer
	left int64
	p    *os.Process
}

func (k *killer) Write(b []byte) (int, error) {
	n := min(int64(len(b)), k.left)
	if _, err := k.w.Write(b[:n]); err != nil {
		return 0, err
	}
	if k.left -= n; k.left == 0 {
		return 0, errors.Join(errors.New("killed"), k.p.Kill())
	}
	return len(b), nil
}

// dial connects to the host of a benchmark, where this program does its half.
func dial(config string, half ...string) (*remote.Conn, error) {
	return remote.Dial(context.Background(), remote.Options{Host: "host", SSH: []string{"ssh", "-F", config}, Version: "bench", Serve: half})
}

// fetch brings a file home: ssh's configuration, the file there and the one here.
func fetch(args []string) error {
	c, err := dial(args[0], "send", args[1])
	if err != nil {
		return err
	}
	f, err := os.Create(args[2])
	if err != nil {
		return err
	}
	return errors.Join(transfer.Receive(context.Background(), c, f, nil), f.Close(), c.Close())
}

// put is fetch the other way: the file here, and the one there.
func put(args []string) error {
	c, err := dial(args[0], "receive", args[2])
	if err != nil {
		return err
	}
	f, err := os.Open(args[1])
	if err != nil {
		return err
	}
	err = errors.Join(transfer.Send(context.Background(), c, f, 0, nil), c.CloseWrite())
	_, end := io.Copy(io.Discard, c) // it has written all
	return errors.Join(err, end, f.Close(), c.Close())
}

// BenchmarkBesideSCP moves 1 GiB of random data over an sshd on the loopback; and,
// which scp is spared, a disk of 64 GiB with 64 MiB of data.
func BenchmarkBesideSCP(b *testing.B) {
	scp := hosttool.Find(b, "scp", "openssh-client")
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	bin := b.TempDir()
	imgasm := "#!/bin/sh\nif test $1 = --version; then echo imgasm version bench; else exec env " + role + "=\"$1 $2\" " + self + "; fi\n"
	if err := os.WriteFile(bin+"/imgasm", []byte(imgasm), 0o700); err != nil {
		b.Fatal(err)
	}
	s := sshtest.Start(b, "PATH="+bin+":/usr/bin:/bin")
	src := file(b, 1<<30).Name()
	for name, theirs := range map[string]func(to string) []string{
		"fetch": func(to string) []string { return []string{"host:" + src, to} },
		"put":   func(to string) []string { return []string{src, "host:" + to} },
	} {
		b.Run(name, func(b *testing.B) {
			contest.Run(b,
				func(side *contest.Side) { side.Self(name, s.Config, src, side.Dir+"/ours") },
				func(side *contest.Side) {
					side.Command(scp, append([]string{"-q", "-F", s.Config}, theirs(side.Dir+"/theirs")...)...)
				})
		})
	}
	b.Run("holes", func(b *testing.B) {
		hollow := file(b, -(32 << 30), 64<<20, -(32 << 30)).Name()
		for b.Loop() {
			if err := fetch([]string{s.Config, hollow, b.TempDir() + "/ours"}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
