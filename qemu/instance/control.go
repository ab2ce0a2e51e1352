package instance

// What others ask of a supervisor: one question and one answer, each a line of
// JSON, on a connection of its own.

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// question is what is asked.
type question struct {
	Do   string        `json:"do"`             // "stop", "kill", "screenshot"
	Wait time.Duration `json:"wait,omitempty"` // of stop: how long the guest may take
}

// answer is what came of it.
type answer struct {
	Error string `json:"error,omitempty"`
	Ended bool   `json:"ended,omitempty"` // of stop: the guest has powered off
	PNG   []byte `json:"png,omitempty"`
}

// The bounds of both, in bytes, and of a picture.
const (
	maxQuestion = 4 << 10
	maxPicture  = 64 << 20
	maxAnswer   = 2 * maxPicture // as base64
)

// accept answers until the listener is closed.
func (s *supervisor) accept(ctx context.Context) {
	for {
		conn, err := s.control.Accept()
		if err != nil {
			return
		}
		s.all.Go(guard.Func(func() { s.answer(ctx, conn) }, func(error) { conn.Close() }))
	}
}

// answer answers the question that comes on a connection. Whoever hangs up before
// the answer wants none.
func (s *supervisor) answer(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	unblock := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer unblock()
	in := bufio.NewReader(io.LimitReader(conn, maxQuestion))
	line, err := in.ReadBytes('\n')
	var q question
	if err != nil || json.Unmarshal(line, &q) != nil {
		return
	}
	if ctx.Err() == nil {
		_ = conn.SetReadDeadline(time.Time{})
	}
	wanted, hungUp := context.WithCancel(ctx)
	go guard.Func(func() {
		_, _ = io.Copy(io.Discard, in)
		hungUp()
	}, func(error) { hungUp() })()
	text, err := json.Marshal(s.do(wanted, q))
	if err != nil {
		return
	}
	_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
	_, _ = conn.Write(append(text, '\n'))
}

func (s *supervisor) do(ctx context.Context, q question) answer {
	switch q.Do {
	case "stop":
		return s.stop(ctx, q.Wait)
	case "kill":
		s.end(Ended)
		s.vm.Kill()
		return answer{}
	case "screenshot":
		s.picture.Lock() // it has one file
		defer s.picture.Unlock()
		path := filepath.Join(s.Dir, screenFile)
		defer os.Remove(path)
		if err := s.vm.Screendump(ctx, path); err != nil {
			return answer{Error: err.Error()}
		}
		png, err := smallfile.ReadAgain(ctx, path, maxPicture)
		if err != nil {
			return answer{Error: err.Error()}
		}
		return answer{PNG: png}
	}
	return answer{Error: fmt.Sprintf("this supervisor knows no %q", q.Do)}
}

// stop presses the power button, waits, and ends what does not power off.
func (s *supervisor) stop(ctx context.Context, wait time.Duration) answer {
	if err := s.vm.PowerButton(ctx); err != nil {
		select {
		case <-s.vm.Done(): // a guest that was quicker than QEMU's answer
			return answer{Ended: true}
		case <-time.After(time.Second):
		}
		s.end(Ended)
		return answer{Error: err.Error()}
	}
	patience := time.NewTimer(wait)
	defer patience.Stop()
	select {
	case <-s.vm.Done():
		return answer{Ended: true}
	case <-patience.C:
		s.end(Ended)
		return answer{}
	case <-ctx.Done():
		select {
		case <-s.vm.Done(): // which is why
			return answer{Ended: true}
		default:
			return answer{Error: "nobody waits any more"}
		}
	}
}

// ask asks the supervisor.
func (i *Instance) ask(ctx context.Context, q question, patience time.Duration) (answer, error) {
	var a answer
	caller := ctx
	ctx, cancel := context.WithTimeoutCause(caller, patience, errors.New("it did not answer"))
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", filepath.Join(i.Sockets, controlSocket))
	if err != nil {
		return a, i.deaf(err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	text, err := json.Marshal(q)
	if err != nil {
		return a, err
	}
	if _, err = conn.Write(append(text, '\n')); err == nil {
		err = json.NewDecoder(io.LimitReader(conn, maxAnswer)).Decode(&a)
	}
	switch {
	case caller.Err() != nil:
		return a, context.Cause(caller)
	case ctx.Err() != nil:
		return a, i.deaf(context.Cause(ctx))
	case err != nil:
		return a, i.deaf(err)
	case a.Error != "":
		return a, errors.New(a.Error)
	}
	return a, nil
}

func (i *Instance) deaf(err error) error {
	return &fault.Error{Class: ErrSupervisor, Err: fmt.Errorf("the supervisor of %s: %w", i.Name, err), Do: "imgasm kill " + i.Name}
}

// Screenshot is what the machine's display shows, as a PNG file. The machine
// needs qemu.Config's Display.
func (i *Instance) Screenshot(ctx context.Context) ([]byte, error) {
	a, err := i.ask(ctx, question{Do: "screenshot"}, 30*time.Second)
	return a.PNG, err
}

// Console connects to the guest's serial console. The last that it has said comes
// first.
func (i *Instance) Console(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", filepath.Join(i.Sockets, consoleSocket))
	if err != nil {
		return nil, i.deaf(err)
	}
	return conn, nil
}

// Alive reports whether the instance has not ended.
func (i *Instance) Alive() bool { return i.alive() && !i.removed() }

func (i *Instance) removed() bool {
	_, err := os.Lstat(filepath.Join(i.Dir, recordFile))
	return err != nil
}

// Stop asks the guest to power off, and ends it when it has not done so after
// wait. It returns when nothing is left of the instance; off tells whether the
// guest powered off by itself.
func (i *Instance) Stop(ctx context.Context, wait time.Duration) (off bool, err error) {
	a, err := i.ask(ctx, question{Do: "stop", Wait: wait}, wait+15*time.Second)
	if err != nil && i.Alive() {
		return false, err
	}
	return a.Ended, i.gone(ctx, 15*time.Second)
}

// Kill ends the machine at once, and its supervisor if that does not answer. It
// returns when nothing is left of the instance. No other process is killed in the
// place of one that has ended.
func (i *Instance) Kill(ctx context.Context) error {
	_, err := i.ask(ctx, question{Do: "kill"}, 2*time.Second)
	if err == nil && i.gone(ctx, 5*time.Second) == nil {
		return nil
	}
	if err := proc.KillIdentified(i.Owner.Pid, i.Owner.ID); err != nil && !errors.Is(err, proc.ErrGone) {
		return err
	}
	for deadline := time.Now().Add(10 * time.Second); i.alive() && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	dir := filepath.Dir(i.Dir)
	unlock, err := publish.LockFolders(ctx, dir)
	if err != nil {
		return err
	}
	defer unlock()
	return Store{dir}.sweep(ctx)
}

// gone waits until nothing is left of the instance.
func (i *Instance) gone(ctx context.Context, most time.Duration) error {
	for deadline := time.Now().Add(most); i.Alive(); time.Sleep(10 * time.Millisecond) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if time.Now().After(deadline) {
			return i.deaf(fmt.Errorf("it does not end"))
		}
	}
	return nil
}
