// How a verb that takes long shows what it does, and how it ends: events go to
// stderr for people, and to stdout as JSON for programs.

package main

import (
	"context"
	"errors"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fault"
)

// display shows the events of a verb. Either close or fail ends it.
type display struct {
	*ui.UI
	app      *app
	ctx      context.Context
	programs bool // it writes JSON
}

// display opens the view that the flags and the terminal ask for.
func (a *app) display(c *cli.Context) *display {
	o := ui.Shown{JSON: c.Bool("json"), Quiet: c.Bool("quiet"), Verbose: c.Bool("verbose")}
	return &display{app: a, ctx: c.Context, programs: o.JSON, UI: a.Display(o)}
}

// shown does something that takes long, and shows it by a display of its own.
func shown[T any](a *app, c *cli.Context, do func(event.Sink) (T, error)) (T, error) {
	d := a.display(c)
	result, err := do(d.Event)
	if err != nil {
		return result, d.fail(err)
	}
	d.Close()
	return result, nil
}

// timed is a sink for what a verb does as its only step.
func timed(sink event.Sink, step string) event.Sink {
	began := time.Now()
	return func(e event.Event) {
		e.Time, e.Step = time.Now(), step
		e.Elapsed = e.Time.Sub(began).Seconds()
		sink(e)
	}
}

// progressEvent tells how many bytes are done.
func progressEvent(done, total int64) event.Event {
	return event.Event{Kind: event.Progress, Done: done, Total: total, Unit: "B", Fraction: float64(done) / float64(max(total, 1))}
}

// Event shows an event, with flags in the place of fields; what a guest says stays
// as it is.
func (d *display) Event(e event.Event) {
	if e.Kind != event.Console {
		e.Text = fault.Fill(e.Text, flagOf)
	}
	e.Hint = fault.Fill(e.Hint, flagOf)
	d.app.told.event(e)
	d.UI.Event(e)
}

// toldError is an error that programs have read, and people have not.
type toldError struct{ error }

func (e toldError) Unwrap() error { return e.error }

// failure is the event of an error that ends a verb.
func (a *app) failure(err error) event.Event {
	return event.Event{Time: time.Now(), Kind: event.Error, Text: fault.Fill(fault.Text(err, wrongFlag), flagOf), Hint: a.hint(err), Interrupted: as[*interruptError](err)}
}

// fail shows the error that ends the verb, closes the display, and returns
// what the verb should return: people have read the error, but when the events
// went to stdout for a program, a person still reads stderr.
func (d *display) fail(err error) error {
	err = withCause(d.ctx, err)
	d.Event(d.app.failure(err))
	d.Close()
	if d.programs {
		return toldError{err}
	}
	return errors.Join(errReported, err)
}
