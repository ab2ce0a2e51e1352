// Package ui shows a build's events to a person or a program. It is the only
// code that knows a terminal.
package ui

import (
	"cmp"
	"io"
	"sync"
	"time"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/redact"
)

// Style is how events are shown.
type Style int

// The styles.
const (
	Plain Style = iota // lines, for a pipe or a log
	Live               // one moving line a step, for a terminal
	JSON               // one JSON object a line
)

// Options configure a UI. The zero value writes plain lines without colour.
type Options struct {
	Style   Style
	Quiet   bool // only warnings, errors and results
	Verbose bool // the guest's console too
	Colour  bool
	ASCII   bool             // no characters outside ASCII
	Width   func() int       // columns of the terminal, for Live; nil: 80
	Now     func() time.Time // nil: time.Now
}

// UI shows events. Its methods may be called from several goroutines.
type UI struct {
	mu   sync.Mutex
	view view
	step string // the running one; "": none
	stop func()
}

// view shows one event at a time; the UI serialises the calls.
type view interface {
	event(event.Event)
	tick() // some time has passed
	close()
}

// New returns a UI that writes to w. Close ends it.
func New(w io.Writer, o Options) *UI {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Width == nil {
		o.Width = func() int { return 80 }
	}
	u := &UI{stop: func() {}}
	switch {
	case o.Style == JSON:
		u.view = newJSONView(w)
	case o.Style == Live && !o.Quiet:
		u.view = newLiveView(w, o)
		u.startTicking(200 * time.Millisecond)
	default:
		u.view = newPlainView(w, o)
		u.startTicking(time.Second)
	}
	return u
}

func (u *UI) startTicking(every time.Duration) {
	done, ended := make(chan struct{}), make(chan struct{})
	go guard.Func(func() {
		defer close(ended)
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
				u.tick()
			}
		}
	}, func(error) {})() // the display stands still until the next event
	u.stop = func() { close(done); <-ended }
}

func (u *UI) tick() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.view.tick()
}

// Event shows e. It is an event.Sink. An error that names no step is the
// running one's.
func (u *UI) Event(e event.Event) {
	u.mu.Lock()
	defer u.mu.Unlock()
	e.Text, e.Hint = redact.Text(e.Text), redact.Text(e.Hint) // an address may come from anywhere
	switch e.Kind {
	case event.StepStart:
		u.step = e.Step
	case event.StepDone, event.StepSkip:
		u.step = ""
	case event.Error:
		e.Step = cmp.Or(e.Step, u.step)
		u.step = ""
	}
	u.view.event(e)
}

// Close clears what moves and ends the UI; call it once, after the last event.
func (u *UI) Close() {
	u.stop()
	u.mu.Lock()
	defer u.mu.Unlock()
	u.view.close()
}
