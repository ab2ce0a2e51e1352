// imgasm console: the terminal, attached to the serial console of a guest that
// a failed build holds.

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/imgasm/imgasm/assemble/guest"
	"github.com/imgasm/imgasm/internal/guard"
)

// leaveKey is Ctrl-], as in telnet and virsh console.
const leaveKey = 0x1d

func consoleCommand(a *app) *cli.Command {
	return &cli.Command{
		Name:      "console",
		Usage:     "talk to a failed guest that --keep-vm holds",
		ArgsUsage: "[OUT]",
		UsageText: `imgasm console
imgasm console alma.qcow2`,
		Description: `Attaches this terminal to the serial console of the guest that a build of OUT
holds after a failure (--keep-vm). Without OUT it is the only one in this folder.
Every key goes to the guest but Ctrl-], which leaves; the guest stays until the
imgasm that holds it is stopped.`,
		Action: func(c *cli.Context) error {
			if c.NArg() > 1 {
				return a.usage("console takes one output, got %d", c.NArg())
			}
			conn, err := guest.Dial(c.Args().First())
			if err != nil {
				return err
			}
			defer conn.Close()
			return a.attach(c.Context, conn)
		},
	}
}

// attach copies between the terminal and conn until either ends or the user leaves.
func (a *app) attach(ctx context.Context, conn net.Conn) error {
	said := func(text string) { fmt.Fprintln(a.Err, "imgasm: "+text) }
	said("the guest's console; Ctrl-] leaves")
	if f, ok := a.stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		before, err := term.MakeRaw(int(f.Fd()))
		if err != nil {
			return fmt.Errorf("terminal: %w", err)
		}
		defer func() { _ = term.Restore(int(f.Fd()), before) }()
		said = func(text string) { fmt.Fprint(a.Err, "\r\nimgasm: "+text+"\r\n") }
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	ended, left := make(chan struct{}), make(chan struct{})
	hangUp := func(error) { conn.Close() }
	go guard.Func(func() {
		defer close(ended)
		_, _ = io.Copy(a.GuestConsole(), conn) // whichever end has gone, this is over
	}, hangUp)()
	go guard.Func(func() {
		if typed(conn, a.stdin) {
			close(left)
		}
		// When the input is a file that has ended, the guest may still answer.
	}, hangUp)()
	select {
	case <-ended:
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		said("the guest is gone")
	case <-left:
		said("left; the guest stays")
	}
	return nil
}

// typed copies the input to the guest. It reports whether the user wants to leave.
func typed(guest io.Writer, in io.Reader) bool {
	buf := make([]byte, 1024)
	for {
		n, err := in.Read(buf)
		keys, _, leave := bytes.Cut(buf[:n], []byte{leaveKey})
		if _, werr := guest.Write(keys); werr != nil {
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
