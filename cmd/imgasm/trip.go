// The way to another host and back: asking it, following what it does, fetching.

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/remote"
	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/size"
)

// elsewhere does an errand.
func (a *app) elsewhere(e *errand) error {
	var wrong *fault.Error
	if _, err := remote.ParseAddress(e.c.String("on")); errors.As(err, &wrong) {
		return badInput("--on", wrong.Err, strings.ReplaceAll(wrong.Do, "{Host}", "it"))
	}
	t := a.newTrip(e.c, e.c.String("on"), e.shown)
	defer t.close()
	err := t.errand(e)
	if err != nil {
		return t.fail(err)
	}
	return nil
}

// trip is the way to another host, and what is shown of what happens there.
type trip struct {
	app   *app
	host  string
	ctx   context.Context // ends with a signal
	view  *view
	stop  chan struct{} // closed: the job is to stop
	leave context.CancelCauseFunc

	// there is the context of what goes on after Ctrl-C, until the job has ended.
	there   context.Context
	session remote.Session
}

func (a *app) newTrip(c *cli.Context, to string, shown ui.Shown) *trip {
	t := &trip{app: a, host: to, ctx: c.Context, stop: make(chan struct{}), view: &view{app: a, c: c, shown: shown, host: to}}
	t.there, t.leave = context.WithCancelCause(context.WithoutCancel(c.Context))
	// A hang-up leaves the job alone; Ctrl-C, and who asks us to end, end it too.
	context.AfterFunc(c.Context, func() {
		var by *interruptError
		if errors.As(context.Cause(c.Context), &by) && by.signal != syscall.SIGHUP {
			close(t.stop)
			return
		}
		t.leave(context.Cause(c.Context))
	})
	t.session = remote.Session{Hurry: t.stop, Say: t.view.note, Dial: func(ctx context.Context, again bool) (*remote.Client, error) {
		return a.dial(ctx, c, to, again, t.view.note)
	}}
	return t
}

func (t *trip) close() {
	t.session.Close()
	t.leave(nil)
	t.view.close()
}

// fail shows the error that ends the trip.
func (t *trip) fail(err error) error {
	if errors.Is(err, remote.ErrHost) {
		err = fmt.Errorf("on %s: %w", t.host, err)
	}
	return t.view.fail(t.ctx, err)
}

// do does something that Ctrl-C ends.
func (t *trip) do(do func(context.Context, *remote.Client) error) error {
	return t.session.Do(t.ctx, func(c *remote.Client) error { return do(t.ctx, c) })
}

// errand does one, from the first connection to the files in their places.
func (t *trip) errand(e *errand) error {
	var hello remote.Hello
	if err := t.do(func(_ context.Context, c *remote.Client) error { hello = c.Hello; return nil }); err != nil {
		return err
	}
	if err := e.check(hello); err != nil {
		return err
	}
	r, err := e.request(t.app.getenv)
	if err != nil {
		return err
	}
	if e.c.Bool("dry-run") {
		return t.dryRun(e, r)
	}
	record, err := remote.OpenRecord(t.ctx, e.home.folder())
	if err != nil {
		return err
	}
	defer record.Close()
	sum, err := r.Sum()
	if err != nil {
		return err
	}
	known, err := t.known(record, sum)
	if err != nil {
		return err
	}
	if !known {
		if err := t.send(e); err != nil {
			return errors.Join(err, record.Remove())
		}
		record.Host, record.ID, record.Request, record.Home = t.host, remote.NewID(), sum, r.Home
		if err := record.Write(t.ctx); err != nil {
			return errors.Join(err, record.Remove())
		}
	}
	if r.ID = record.ID; !known {
		if err := t.start(r); errors.Is(err, remote.ErrHost) { // there is no job
			return errors.Join(err, record.Remove())
		} else if err != nil {
			return err
		}
	}
	return t.home(r.ID, &e.home, record)
}

// start starts a job. From here on a signal is for the job.
func (t *trip) start(r remote.Request) error {
	return t.left(r.ID, t.session.Do(t.there, func(c *remote.Client) error { return c.Start(t.there, r) }))
}

// known reports whether the job that a record is of is the one that is wanted, and
// runs or has ended well.
func (t *trip) known(record *remote.Record, sum string) (known bool, err error) {
	if record.ID == "" || record.Host != t.host {
		return false, nil
	}
	err = t.do(func(ctx context.Context, c *remote.Client) error {
		jobs, err := c.List(ctx)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			if j.ID != record.ID {
				continue
			}
			switch known = record.Request == sum && (j.End == nil || j.End.Code == exitDone && !j.End.Killed); {
			case known:
				t.app.note("job %s of %s does that on %s already", j.ID, ago(j.Started.Add(c.Ahead)), t.host)
			case j.End == nil:
				t.app.note("job %s of %s, which was asked for otherwise, still runs on %s", j.ID, ago(j.Started.Add(c.Ahead)), t.host)
			case record.Request == sum && !j.End.Killed: // it is done once more
				return c.Done(ctx, j.ID)
			case j.End.Code == exitDone && !j.End.Killed:
				t.app.note("job %s of %s, which was asked for otherwise, is done: imgasm remote fetch %s %[1]s", j.ID, ago(j.Started.Add(c.Ahead)), t.host)
			}
		}
		return nil
	})
	return known, err
}

// send looks whether the host has what the errand needs, and sends what it is made from.
func (t *trip) send(e *errand) error {
	var missing []remote.File
	var total int64
	err := t.do(func(ctx context.Context, c *remote.Client) (err error) {
		if missing, err = c.Missing(ctx, e.bag.files); err != nil {
			return err
		}
		total = sizes(missing)
		need := e.need
		need.FreeBytes += total
		cautions, err := c.Check(ctx, need)
		for _, w := range cautions {
			t.view.event(event.Event{Kind: event.Warning, Text: "on " + t.host + ": " + w.Text, Hint: w.Do})
		}
		return err
	})
	if err != nil || len(missing) == 0 {
		return err
	}
	return t.step("send", "send what "+t.host+" does not have", func(moved func(done, total int64)) (string, error) {
		var before int64
		for again := 0; again < 2 && len(missing) > 0; again++ {
			for _, f := range missing {
				err := t.do(func(ctx context.Context, c *remote.Client) error {
					done := before
					return c.Put(ctx, f, e.bag.from[f.SHA256], func(n int64) { done += n; moved(done, max(done, total)) })
				})
				if err != nil {
					return "", err
				}
				before += f.Size
			}
			// The first may have gone while the last was sent: with another's job, say.
			err := t.do(func(ctx context.Context, c *remote.Client) (err error) {
				missing, err = c.Missing(ctx, e.bag.files)
				return err
			})
			if err != nil {
				return "", err
			}
		}
		return size.Text(before) + " sent", nil
	})
}

// step is something that this host does of an errand.
func (t *trip) step(name, text string, do func(moved func(done, total int64)) (string, error)) error {
	show := timed(t.view.event, name)
	show(event.Event{Kind: event.StepStart, Text: text})
	said, err := do(func(done, total int64) { show(progressEvent(done, total)) })
	if err == nil {
		show(event.Event{Kind: event.StepDone, Text: said})
	}
	return err
}

// dryRun shows what the host would do.
func (t *trip) dryRun(e *errand, r remote.Request) error {
	if err := t.send(e); err != nil {
		return err
	}
	r.ID = remote.NewID()
	if err := t.start(r); err != nil {
		return err
	}
	end, err := t.follow(r.ID, &e.home)
	if err != nil {
		return err
	}
	_ = t.session.Do(t.there, func(c *remote.Client) error { return c.Done(t.there, r.ID) }) // what it leaves is a plan
	t.view.flush()
	return t.ended(r.ID, end)
}

// home follows a job to its end and brings home what it has made.
func (t *trip) home(id string, h *homecoming, record *remote.Record) error {
	end, err := t.follow(id, h)
	if err != nil {
		return err
	}
	ctx := t.ctx
	if ctx.Err() != nil {
		ctx = t.there // it was stopped; what it has left all the same is of use
	}
	if err := t.fetch(ctx, id, end, h, record); err != nil {
		return err
	}
	// A job that was killed stays: what it said is all that there is.
	if !end.Killed {
		err = t.session.Do(t.there, func(c *remote.Client) error { return c.Done(t.there, id) })
		if err != nil && !errors.Is(err, remote.ErrNoJob) {
			return err
		}
	}
	t.view.flush()
	return errors.Join(t.ended(id, end), record.Remove())
}

// follow shows what a job says until it ends.
func (t *trip) follow(id string, h *homecoming) (end *remote.End, err error) {
	var n int64
	err = t.session.Do(t.there, func(c *remote.Client) (err error) {
		h.There = c.Hello.Dir
		here := h.names(id)
		end, err = c.Follow(t.there, id, n, t.stop, func(line string) { n++; t.view.line(line, here, c.Ahead) })
		return err
	})
	if err == nil {
		here := h.names(id)
		end.Text, end.Hint = t.view.stopped(here.Replace(end.Text)), here.Replace(end.Hint)
		return end, nil
	}
	t.view.flush()
	return nil, t.left(id, err)
}

// left is the error for which a job is left alone, which may go on.
func (t *trip) left(id string, err error) error {
	again := "imgasm remote attach " + t.host + " " + id
	switch {
	case errors.Is(err, remote.ErrLost) && t.ctx.Err() != nil:
		return late(fmt.Errorf("job %s on %s could not be told to stop, and may go on: %w", id, t.host, err), "imgasm remote clean "+t.host+" "+id+" stops it")
	case errors.Is(err, remote.ErrLost):
		return late(fmt.Errorf("job %s goes on on %s: %w", id, t.host, err), again+" follows it, and so does the same command")
	case err != nil && t.there.Err() != nil:
		return &advisedError{fmt.Errorf("job %s goes on on %s: %w", id, t.host, err), again + " follows it, and so does the same command"}
	}
	return err
}

func late(err error, do string) error { return &fault.Error{Class: errLate, Err: err, Do: do} }

// fetch brings home what a job has made, and puts it into its places.
func (t *trip) fetch(ctx context.Context, id string, end *remote.End, h *homecoming, record *remote.Record) error {
	if len(end.Files) == 0 {
		return nil
	}
	root, err := record.Files()
	if err != nil {
		return err
	}
	defer root.Close()
	err = t.step("fetch", "fetch what "+t.host+" has made", func(moved func(done, total int64)) (string, error) {
		var total int64
		err := t.session.Do(ctx, func(c *remote.Client) error {
			return c.Fetch(ctx, id, end.Files, root, func(done, all int64) { total = all; moved(done, all) })
		})
		return size.Text(total) + " fetched", err
	})
	if err == nil {
		err = h.place(ctx, root.Name(), end)
	}
	if err != nil {
		return &advisedError{fmt.Errorf("%w; what was made is still on %s", err, t.host), strings.TrimPrefix(hintOf(err)+"\nthe same command goes on, and so does imgasm remote fetch "+t.host+" "+id, "\n")}
	}
	return nil
}

// ended is the error of a job that did not end well.
func (t *trip) ended(id string, end *remote.End) error {
	switch {
	case end.Killed:
		text := fmt.Sprintf("job %s on %s was killed", id, t.host)
		if end.Text != "" {
			text += "; the last that it said:\n" + end.Text
		}
		return lackingHost(errors.New(text), "the same command begins anew; systemd's KillUserProcesses does that where the user does not linger: docs/remote.md")
	case end.Code != exitDone:
		var err error = &thereError{end.Code, "on " + t.host + ": " + end.Text, end.Hint, end.Text == ""}
		if cause := context.Cause(t.ctx); cause != nil && cause.Error() == end.Text {
			err = cause
		}
		if end.Told {
			return toldError{err}
		}
		return err
	}
	return nil
}
