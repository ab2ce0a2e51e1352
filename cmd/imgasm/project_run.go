// Building targets side by side: each is an imgasm of its own, whose events are
// read from its standard output.

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/report"
	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/junit"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/internal/publish"
)

// How a target ended.
const (
	targetBuilt   = "built"
	targetFresh   = "up to date"
	targetFailed  = "failed"
	targetStopped = "interrupted"
	targetSkipped = "not begun" // the build was interrupted
)

// targetResult is what came of a target.
type targetResult struct {
	Target  string  `json:"target"`
	Kind    string  `json:"kind"`
	State   string  `json:"state"`
	Seconds float64 `json:"seconds"`
	Out     string  `json:"out"`
	Key     string  `json:"key"`
	Error   string  `json:"error,omitempty"`
	Hint    string  `json:"hint,omitempty"`
}

// projectRun builds targets.
type projectRun struct {
	app  *app
	c    *cli.Context
	self string
	// pages is the folder of the pages that are asked for, absolute. The index is
	// written by us alone: of two targets that end at once, each would miss the other.
	pages string

	mu      sync.Mutex // of standard output
	results []targetResult
}

// jobs is how many targets are built at once on this host.
func jobs(c *cli.Context, targets []aTarget) (int, error) {
	if c.IsSet("jobs") {
		if c.Int("jobs") < 1 {
			return 0, badInput("--jobs", errors.New("must be larger than 0"), "")
		}
		return c.Int("jobs"), nil
	}
	most := int64(1)
	for _, t := range targets {
		if !t.away() {
			most = max(most, t.needs().MemoryBytes)
		}
	}
	n := max(1, runtime.NumCPU()/2)
	if memory := int64(host.MemoryMiB()) << 20; memory > 0 {
		n = max(1, min(n, int(memory*3/4/most)))
	}
	return n, nil
}

// run builds the targets: n at once here, and on each other host one, or as many as
// the user says.
func (r *projectRun) run(ctx context.Context, targets []aTarget, n int) {
	var shown *ui.Jobs
	if !r.c.Bool("json") {
		shown = r.app.Jobs(ui.Shown{Quiet: r.c.Bool("quiet")})
		defer shown.Close()
	}
	var all sync.WaitGroup
	for on, queue := range queues(targets) {
		most := n
		if on != here && !r.c.IsSet("jobs") {
			most = 1
		}
		for range min(most, len(queue)) {
			all.Go(guard.Func(func() {
				for i := range queue {
					r.results[i] = r.target(ctx, targets[i], shown)
				}
			}, func(error) {}))
		}
	}
	all.Wait()
}

// queues are the targets' numbers in their order, by the hosts that build them.
func queues(targets []aTarget) map[string]chan int {
	all := map[string]chan int{}
	for i, t := range targets {
		on := here
		if t.away() {
			on = t.on
		}
		if all[on] == nil {
			all[on] = make(chan int, len(targets))
		}
		all[on] <- i
	}
	for _, queue := range all {
		close(queue)
	}
	return all
}

// target builds one, unless it is up to date.
func (r *projectRun) target(ctx context.Context, t aTarget, shown *ui.Jobs) targetResult {
	result := targetResult{Target: t.Name, Kind: t.Kind, State: targetBuilt, Out: t.Get("out"), Key: t.Key}
	began := time.Now()
	sink := func(e event.Event) { r.line(t.Name, e) }
	end := func(string) {}
	if shown != nil && ctx.Err() == nil {
		line := shown.Start(t.Name)
		sink, end = line.Event, line.End
	}
	switch {
	case ctx.Err() != nil:
		result.State = targetSkipped
	case !r.c.Bool("force") && r.app.fresh(ctx, t):
		result.State = targetFresh
	default:
		first, page := firstEvent(), filepath.Join(r.pages, t.Name+".html")
		made := rewritten(page)
		if last, err := r.child(ctx, t, sink); err != nil {
			result.State, result.Error, result.Hint = targetFailed, last.Text, last.Hint
			switch {
			case last.Interrupted && ctx.Err() != nil: // by us
				result.State, result.Error, result.Hint = targetStopped, "", ""
			case result.Error == "":
				result.Error = err.Error() // killed, perhaps
			}
			if r.pages != "" && !made() { // the index tells of each
				last.Time, last.Kind, last.Text, last.Hint = time.Now(), event.Error, cmp.Or(result.Error, result.State), result.Hint
				r.app.putPage(page, t.Name, []event.Event{first, last}, nil)
			}
		}
	}
	result.Seconds = time.Since(began).Seconds()
	end(result.State)
	return result
}

// child runs imgasm for a target, and returns the last error that it told.
func (r *projectRun) child(ctx context.Context, t aTarget, sink event.Sink) (last event.Event, err error) {
	if err := os.MkdirAll(filepath.Dir(t.out()), 0o755); err != nil {
		return last, err
	}
	order := targetOrder{Args: append(t.Argv(), "--json", "--"+noConfigFlag, "--"+keyFlag+"="+t.Key)}
	if r.c.Bool("force") {
		order.Args = append(order.Args, "--force")
	}
	if r.pages != "" {
		order.Args = append(order.Args, "--report="+filepath.Join(r.pages, t.Name+".html"))
	}
	for _, a := range t.Args {
		if a.From != "" {
			order.Defaults = append(order.Defaults, host.Default{Flag: a.Flag.Name, Values: a.Values, From: a.From})
		}
	}
	given, err := json.Marshal(order)
	if err != nil {
		return last, err
	}
	in, out := io.Pipe()
	read := make(chan error, 1)
	go guard.Func(func() {
		lines := bufio.NewReaderSize(in, 1<<20)
		for {
			line, err := lines.ReadSlice('\n')
			var e event.Event
			if json.Unmarshal(line, &e) == nil {
				if e.Kind == event.Error {
					last = e
				}
				sink(e)
			}
			if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				read <- nil
				return
			}
		}
	}, func(err error) {
		in.Close() // else the child waits for its reader
		read <- err
	})()
	// It has its time to leave nothing behind.
	cmd := proc.Cmd{Path: r.self, Args: []string{targetVerb, t.Name}, Dir: t.dir, Stdin: bytes.NewReader(given), Stdout: out, Grace: time.Minute}
	err = cmd.Run(ctx)
	out.Close()
	if broken := <-read; broken != nil {
		return event.Event{}, broken
	}
	return last, err
}

// targetVerb is the verb by which imgasm starts itself for a target.
const targetVerb = "target"

// targetOrder is what a target's process is told.
type targetOrder struct {
	Args     []string       `json:"args"`
	Defaults []host.Default `json:"defaults"` // where they come from
}

// targetCommand runs the command whose arguments are on standard input: those of a
// command line, passwords too, are seen by everyone on this host.
func targetCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: targetVerb, Hidden: true, Usage: "build a target of imgasm build", ArgsUsage: "TARGET",
		Action: func(c *cli.Context) error {
			var order targetOrder
			if err := json.NewDecoder(a.stdin).Decode(&order); err != nil {
				return err
			}
			a.batch = true // the terminal is imgasm build's
			a.stdin, a.args, a.defaults = strings.NewReader(""), append([]string{"imgasm"}, order.Args...), order.Defaults
			return a.cli().RunContext(c.Context, interspersed(a.args, a.commands()))
		},
	}
}

// makePages makes the folder of the pages, or says why there can be none.
func (r *projectRun) makePages() (err error) {
	dir := r.c.String("report")
	if dir == "" {
		return nil
	}
	if r.pages, err = filepath.Abs(dir); err != nil {
		return err
	}
	if err := report.Check(r.pages+string(filepath.Separator), "index"); err != nil {
		return err
	}
	if err := os.MkdirAll(r.pages, 0o755); err != nil {
		return badInput("--report", err, "give a folder that you may write to")
	}
	return nil
}

// line writes what a target says as JSON.
func (r *projectRun) line(target string, e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = json.NewEncoder(r.app.Product).Encode(struct {
		Target string `json:"target"`
		event.Event
	}{target, e}) // where nobody reads any more, SIGPIPE ends us
}

// tell says what came of the targets.
func (r *projectRun) tell() error {
	var failed []error
	if r.pages != "" {
		failed = append(failed, report.Index(r.pages))
	}
	if path := r.c.String("junit"); path != "" {
		failed = append(failed, publish.File(path, func(f *os.File) error { return r.junit(f) }))
	}
	if r.c.Bool("json") {
		for _, t := range r.results {
			failed = append(failed, json.NewEncoder(r.app.Product).Encode(t))
		}
		return errors.Join(failed...)
	}
	table := r.app.Table()
	table.Row("TARGET", "STATE", "TIME", "IMAGE")
	for _, t := range r.results {
		table.Row(t.Target, t.State, ui.Duration(time.Duration(t.Seconds*float64(time.Second))), t.Out)
	}
	failed = append(failed, table.Flush())
	for _, t := range r.results {
		if t.Error != "" {
			r.app.Problem("error", t.Target+": "+t.Error, t.Hint)
		}
	}
	return errors.Join(failed...)
}

func (r *projectRun) junit(w io.Writer) error {
	suite := junit.Suite{Name: "imgasm build"}
	for _, t := range r.results {
		c := junit.Case{Class: "imgasm.build." + t.Kind, Name: t.Target, Seconds: t.Seconds}
		switch t.State {
		case targetFailed:
			c.Failure = &junit.Outcome{Message: t.Error, Text: t.Hint}
		case targetFresh, targetStopped, targetSkipped:
			c.Skipped = &junit.Outcome{Message: t.State}
		default:
			c.Out = fmt.Sprintf("%s, described in %s", t.Out, assemble.Description(t.Out))
		}
		suite.Cases = append(suite.Cases, c)
	}
	return suite.Write(w)
}
