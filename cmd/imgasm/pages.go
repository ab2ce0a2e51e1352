// The pages of --report that no build makes: about what ends before a build's first
// step, and about verifications.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/report"
	"github.com/imgasm/imgasm/assemble/verify"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/redact"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// spoken is what a verb has said, for its page; nil: there will be none.
type spoken struct {
	mu     sync.Mutex
	events []event.Event
	ended  bool // by an error or a result
	paged  bool // or it was tried
}

// event takes what is said, of progress the last.
func (t *spoken) event(e event.Event) {
	if t == nil || e.Kind == event.Console {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	e.Text, e.Hint = redact.Text(e.Text), redact.Text(e.Hint)
	t.ended = t.ended || e.Kind == event.Error || e.Kind == event.Result
	if n := len(t.events) - 1; n >= 0 && e.Kind == event.Progress && t.events[n].Kind == event.Progress {
		t.events[n] = e
		return
	}
	t.events = append(t.events, e)
}

// withPage is an action with a page about what it fails by, where it has not made
// one itself. name is what the page is about.
func (a *app) withPage(name func(*cli.Context) string, action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		place := c.String("report")
		if place == "" || c.Bool("dry-run") {
			return action(c)
		}
		made := rewritten(report.PageFile(place, name(c)))
		a.told = &spoken{}
		a.told.event(firstEvent())
		err := action(c)
		if err == nil || made() || a.told.paged || as[*usageError](err) || errors.Is(err, report.ErrPlace) {
			return err
		}
		if !a.told.ended { // else people have read it already
			a.told.event(a.failure(withCause(c.Context, err)))
		}
		a.putPage(place, name(c), a.told.events, nil)
		return err
	}
}

// firstEvent is the first event of a page.
func firstEvent() event.Event {
	return event.Event{Time: time.Now(), Kind: event.Note, Text: "imgasm " + version + " began"}
}

// rewritten reports, when it is asked, whether a file has been written since.
func rewritten(file string) func() bool {
	before, _ := os.Lstat(file)
	return func() bool {
		after, _ := os.Lstat(file)
		return after != nil && !os.SameFile(before, after)
	}
}

// putPage makes a page of events and of further files of a bundle.
func (a *app) putPage(place, name string, events []event.Event, files map[string][]byte) {
	var log bytes.Buffer
	for _, e := range events {
		_ = json.NewEncoder(&log).Encode(e) // a struct of texts and numbers
	}
	all := map[string][]byte{report.EventsFile: log.Bytes()}
	maps.Copy(all, files)
	b, err := report.New(name, all)
	if err == nil {
		_, err = b.Put(place)
	}
	if err != nil {
		a.Problem("warning", fmt.Sprintf("there is no report in %s: %v", place, err), hintOf(err))
	}
}

// verifyPage makes the page about a verification that ended with err, of what it
// keeps in dir.
func (a *app) verifyPage(c *cli.Context, image, dir string, r *verify.Report, err error) {
	if a.told == nil {
		return
	}
	if err == nil {
		a.told.event(event.Event{Time: time.Now(), Kind: event.Result, Text: image, Path: image})
	} else if !a.told.ended {
		a.told.event(a.failure(err))
	}
	files := map[string][]byte{}
	if r != nil {
		for name := range r.Kept {
			// Even where Ctrl-C was the end.
			if text, err := smallfile.Read(context.WithoutCancel(c.Context), filepath.Join(dir, name), 32<<20); err == nil {
				files[name] = text
			}
		}
	}
	a.told.paged = true
	a.putPage(c.String("report"), filepath.Base(image), a.told.events, files)
}
