// The terminal's mode: raw while it belongs to a guest, and back to what it was
// at whatever end the program comes to, but for a kill -9.

package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/term"

	"github.com/imgasm/imgasm/internal/guard"
)

// raw has what puts the terminal back that is in raw mode; nil: none is.
var raw struct {
	sync.Mutex
	restore func()
}

// makeRaw puts a terminal into raw mode.
func makeRaw(f *os.File) (restore func(), err error) {
	fd := int(f.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, err
	}
	raw.Lock()
	raw.restore = func() { _ = term.Restore(fd, before) }
	raw.Unlock()
	quit := make(chan os.Signal, 1) // SIGQUIT has Go print all stacks, and end
	signal.Notify(quit, syscall.SIGQUIT)
	go guard.Func(func() {
		if s, ok := <-quit; ok {
			leaveTerminal()
			signal.Reset(s)
			if p, err := os.FindProcess(os.Getpid()); err == nil {
				_ = p.Signal(s)
			}
		}
	}, func(error) {})()
	return func() {
		leaveTerminal()
		signal.Stop(quit)
		close(quit)
	}, nil
}

// leaveTerminal puts a terminal that is in raw mode back as it was.
func leaveTerminal() {
	raw.Lock()
	restore := raw.restore
	raw.restore = nil
	raw.Unlock()
	if restore != nil {
		restore()
	}
}
