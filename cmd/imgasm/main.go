// Command imgasm assembles virtual machine images without Packer: it makes the
// media, drives a headless installation over QMP and the serial console, and
// publishes an image that it has seen boot.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/guard"
)

// version is set by the Makefile with -ldflags; else, where go knows it, it is that of
// the module: what an older imgasm made is not up to date.
var version = unversioned

const unversioned = "0.1.0-dev"

func main() {
	if info, ok := debug.ReadBuildInfo(); ok && version == unversioned && strings.HasPrefix(info.Main.Version, "v") {
		version = info.Main.Version
	}
	ctx, stop := interruptible(context.Background())
	code := run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}

// unheard is for a process that goes on when nobody reads what it prints any more: a
// pipe without a reader, its own output or any other, is an error of writing alone.
func unheard() { signal.Ignore(syscall.SIGPIPE) }

// interruptible returns a context that the first SIGINT, SIGTERM or SIGHUP
// cancels. Stopping takes a moment (QEMU is ended, files are removed), so a second
// signal is told so and only a third ends the program on the spot; QEMU does
// not outlive it even then. A write to an output that nobody reads any more
// (SIGPIPE) cancels it too.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 3)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	go guard.Func(func() {
		asked := 0
		for s := range signals {
			if s == syscall.SIGPIPE {
				if ui.Unread() {
					cancel(&interruptError{signal: s})
				}
				continue
			}
			switch asked++; asked {
			case 1:
				cancel(&interruptError{signal: s})
			case 2:
				ui.Stopping()
			default:
				leaveTerminal()
				os.Exit(exitInterrupted)
			}
		}
	}, cancel)()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel(nil)
	}
}
