// imgasm console: the terminal, attached to the serial console of a guest that
// runs, or that a failed build holds.

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/imgasm/imgasm/assemble/guest"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/qemu/instance"
)

// leaveKey is Ctrl-], as in telnet and virsh console.
const leaveKey = 0x1d

func consoleCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "console", Category: verbRun,
		Usage:     "talk to a machine that runs, or to a failed guest",
		ArgsUsage: "[MACHINE|OUT]",
		UsageText: `imgasm console
imgasm console alma
imgasm console alma.qcow2`,
		Description: `Attaches this terminal to the serial console of a machine that imgasm run has
started, or of the guest that a build of OUT holds after a failure (--keep-vm).
Without a name it is the one that is held in this folder, or else the only one that
runs. Every key goes to the guest but Ctrl-], which leaves; the guest stays.`,
		Action: func(c *cli.Context) error {
			if c.NArg() > 1 {
				return a.usage("console takes one name, got %d", c.NArg())
			}
			t, err := a.consoleOf(c.Context, c.Args().First())
			if err != nil {
				return err
			}
			left, err := a.attach(c.Context, t)
			switch {
			case err != nil:
				return err
			case left:
				a.note("left; the guest stays")
			default:
				a.note("the guest is gone")
			}
			return nil
		},
	}
}

// terminal is a console that a terminal can be attached to.
type terminal struct {
	hello string
	dial  func(context.Context) (net.Conn, error)
	// alive reports whether there is still a guest when the connection has ended.
	alive func() bool
}

// consoleOf finds the console that is meant.
func (a *app) consoleOf(ctx context.Context, name string) (terminal, error) {
	t := terminal{hello: "the guest's console; Ctrl-] leaves", alive: func() bool { return false }}
	store, err := a.instances()
	if err != nil {
		return t, err
	}
	i, err := store.Find(ctx, name)
	if err == nil && name != "" {
		t.dial, t.alive = i.Console, i.Alive
		return t, nil
	}
	held, heldErr := guest.Dial(name)
	switch {
	case heldErr == nil:
		t.dial = func(context.Context) (net.Conn, error) { return held, nil }
	case err == nil:
		t.dial, t.alive = i.Console, i.Alive
	case !errors.Is(heldErr, guest.ErrNoConsole), name != "" && instance.CheckName(name) != nil:
		return t, heldErr
	default:
		return t, err
	}
	return t, nil
}

// attach copies between the terminal and a console until the guest ends or the
// user leaves, and puts the terminal back as it was.
func (a *app) attach(ctx context.Context, t terminal) (left bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := t.dial(ctx)
	if err != nil {
		return false, err
	}
	a.note("%s", t.hello)
	restore, err := a.rawTerminal()
	if err != nil {
		conn.Close()
		return false, err
	}
	defer restore()
	keys, wish := &hose{}, make(chan struct{})
	go guard.Func(func() {
		if typed(keys, a.stdin) {
			close(wish)
		}
		// When the input is a file that has ended, the guest may still answer.
	}, func(error) { cancel() })()
	for {
		keys.lead(conn)
		ended := make(chan struct{})
		go guard.Func(func() {
			defer close(ended)
			_, _ = io.Copy(a.GuestConsole(), conn) // whichever end has gone, this is over
		}, func(error) { cancel() })()
		select {
		case <-ended:
			conn.Close()
		case <-wish:
			conn.Close()
			<-ended
			return true, nil
		case <-ctx.Done():
			conn.Close()
			return false, context.Cause(ctx)
		}
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		// A terminal that was far behind is cut off: it goes on where the guest is.
		if !t.alive() {
			return false, nil
		}
		if conn, err = t.dial(ctx); err != nil {
			return false, nil // the guest has ended meanwhile
		}
	}
}

// hose leads to one connection after the other. What cannot be written is lost.
type hose struct {
	mu sync.Mutex
	w  io.Writer
}

func (h *hose) lead(w io.Writer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.w = w
}

func (h *hose) Write(p []byte) (int, error) {
	h.mu.Lock()
	w := h.w
	h.mu.Unlock()
	if w != nil {
		_, _ = w.Write(p)
	}
	return len(p), nil
}

// typed copies the input to the guest. It reports whether the user wants to leave.
func typed(to io.Writer, in io.Reader) bool {
	buf := make([]byte, 1024)
	for {
		n, err := in.Read(buf)
		keys, _, leave := bytes.Cut(buf[:n], []byte{leaveKey})
		if _, werr := to.Write(keys); werr != nil {
			return false
		}
		if leave {
			return true
		}
		if err != nil {
			return false
		}
	}
}

// rawTerminal lets keys through as they are typed, where the input is a terminal.
// restore undoes that; the program's sudden ends do it too: see leaveTerminal.
func (a *app) rawTerminal() (restore func(), err error) {
	f, ok := a.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func() {}, nil
	}
	back, err := makeRaw(f)
	if err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	return func() {
		back()
		fmt.Fprintln(a.Err) // the guest may have left its line unfinished
	}, nil
}
