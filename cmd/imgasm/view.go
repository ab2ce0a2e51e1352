// What is shown here of what happens on another host.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/event"
)

// saidThere is a line of a job: an event, or what it has written to one of its outputs.
type saidThere struct {
	event.Event
	Stdout string `json:"stdout"`
	Stderr string `json:"stderr"`
}

// maxKept bounds what is kept of what a job says, for its end or a report, in bytes: the
// rest is lost.
const maxKept = 64 << 20

// view shows events in the way that the verb would here. It is opened by the first one.
type view struct {
	app   *app
	c     *cli.Context
	shown ui.Shown
	host  string

	d *display
	// What says that something is done, or failed, waits until it has come home.
	late           []event.Event
	stdout, stderr bytes.Buffer
	kept           int // bytes
}

func (v *view) event(e event.Event) {
	if v.d == nil {
		v.d = &display{app: v.app, ctx: v.c.Context, programs: v.shown.JSON, UI: v.app.Display(v.shown)}
	}
	v.d.Event(e)
}

func (v *view) note(text string) {
	v.event(event.Event{Time: time.Now(), Kind: event.Note, Text: "on " + v.host + ": " + text})
}

// line shows what a job says, with the names and the time of this host.
func (v *view) line(line string, here *strings.Replacer, ahead time.Duration) {
	var s saidThere
	if json.Unmarshal([]byte(line), &s) != nil {
		return // of another version: hello said it is none
	}
	if s.Kind != event.Console && s.Kind != event.Progress {
		if v.kept += len(line); v.kept > maxKept {
			return
		}
	}
	v.stdout.WriteString(here.Replace(s.Stdout))
	v.stderr.WriteString(here.Replace(s.Stderr))
	if s.Kind == "" {
		return
	}
	s.Time = s.Time.Add(ahead)
	if s.Kind != event.Console {
		s.Text, s.Hint, s.Path = here.Replace(s.Text), here.Replace(s.Hint), here.Replace(s.Path)
	}
	switch s.Kind {
	case event.Error:
		s.Text = fmt.Sprintf("on %s: %s", v.host, v.stopped(s.Text))
		v.late = append(v.late, s.Event)
	case event.Result:
		v.late = append(v.late, s.Event)
	default:
		v.event(s.Event)
	}
}

// stopped names, in an error of a job, the signal by which we were asked to stop it: it
// was stopped by Ctrl-C's.
func (v *view) stopped(text string) string {
	var by *interruptError
	if errors.As(context.Cause(v.c.Context), &by) {
		text = strings.Replace(text, (&interruptError{os.Interrupt}).Error(), by.Error(), 1)
	}
	return text
}

// flush shows what has waited.
func (v *view) flush() {
	for _, e := range v.late {
		v.event(e)
	}
	v.close()
	_, _ = v.app.Err.Write(v.stderr.Bytes())
	_, _ = v.app.Product.Write(v.stdout.Bytes())
	v.late, v.stdout, v.stderr = nil, bytes.Buffer{}, bytes.Buffer{}
}

// close ends what moves.
func (v *view) close() {
	if v.d != nil {
		v.d.Close()
		v.d = nil
	}
}

// fail shows an error that ends the verb, and returns what that returns.
func (v *view) fail(ctx context.Context, err error) error {
	if v.d == nil || as[*thereError](err) {
		v.close()
		return withCause(ctx, err)
	}
	d := v.d
	v.d = nil
	return d.fail(err)
}
