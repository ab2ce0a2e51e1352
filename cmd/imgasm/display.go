// How a verb that takes long shows what it does, and how it ends: events go to
// stderr for people, and to stdout as JSON for programs.

package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/event"
)

// display shows the events of a verb. Either close or fail ends it.
type display struct {
	*ui.UI
	ctx      context.Context
	programs bool // it writes JSON
}

// display opens the view that the flags and the terminal ask for.
func (a *app) display(c *cli.Context) *display {
	d := &display{ctx: c.Context, programs: c.Bool("json")}
	if d.programs {
		d.UI = ui.New(a.stdout, ui.Options{Style: ui.JSON})
		return d
	}
	o := ui.Options{Quiet: c.Bool("quiet"), Verbose: c.Bool("verbose")}
	if f, ok := a.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) && canMove(a.getenv("TERM")) {
		o.Style = ui.Live
		o.Colour = a.getenv("NO_COLOR") == ""
		o.ASCII = !a.utf8()
		o.Width = func() int {
			if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
				return w
			}
			return 80
		}
	}
	d.UI = ui.New(a.stderr, o)
	return d
}

// fail shows the error that ends the verb, closes the display, and returns
// what the verb should return: people have read the error, but when the events
// went to stdout for a program, a person still reads stderr.
func (d *display) fail(err error) error {
	err = withCause(d.ctx, err)
	d.Event(event.Event{Time: time.Now(), Kind: event.Error, Text: err.Error(), Hint: hintOf(err), Interrupted: as[*interruptError](err)})
	d.Close()
	if d.programs {
		return err
	}
	return errors.Join(errReported, err)
}

// utf8 reports whether the terminal's locale can show more than ASCII.
func (a *app) utf8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToUpper(a.getenv(name)); v != "" {
			return strings.Contains(v, "UTF-8") || strings.Contains(v, "UTF8")
		}
	}
	return false
}
