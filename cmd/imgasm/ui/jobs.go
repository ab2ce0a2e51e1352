// Several jobs at once: a line each, which on a terminal moves.

package ui

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/redact"
)

// Jobs shows jobs that run side by side, on standard error.
type Jobs struct {
	mu    sync.Mutex
	w     io.Writer
	o     Options
	lines *mpb.Progress // nil: what they say is printed one after the other
}

// Jobs begins to show jobs. Close ends it.
func (s *Streams) Jobs(o Shown) *Jobs {
	view := s.view(o)
	if view.Now == nil {
		view.Now = time.Now
	}
	j := &Jobs{w: s.stderr, o: view}
	if view.Style == Live && !view.Quiet && sized(s.stderr) {
		j.lines = mpb.New(mpb.WithOutput(s.stderr), mpb.WithAutoRefresh(), mpb.WithRefreshRate(200*time.Millisecond))
	}
	return j
}

// Close ends the view, when all jobs have ended.
func (j *Jobs) Close() {
	if j.lines != nil {
		j.lines.Wait()
	}
}

// JobLine is a job's line.
type JobLine struct {
	jobs  *Jobs
	name  string
	view  *plainView
	bar   *mpb.Bar
	begun time.Time
	took  atomic.Int64 // 0: it runs
	text  atomic.Pointer[string]
}

// wholeStep is what a bar counts to.
const wholeStep = 1000

// Start adds a job.
func (j *Jobs) Start(name string) *JobLine {
	l := &JobLine{jobs: j, name: name, begun: j.o.Now()}
	l.say("")
	if j.lines == nil {
		o := j.o
		o.Style = Plain
		l.view = newPlainView(prefixed{j.w, printable(name) + ": "}, o)
		return l
	}
	l.bar = j.lines.New(wholeStep, mpb.BarStyle(),
		mpb.BarWidth(20),
		mpb.PrependDecorators(decor.Name(printable(name), decor.WCSyncSpaceR), decor.Any(func(decor.Statistics) string {
			return Duration(cmp.Or(time.Duration(l.took.Load()), j.o.Now().Sub(l.begun)))
		}, decor.WCSyncSpace)),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return *l.text.Load() })))
	return l
}

func (l *JobLine) say(text string) { l.text.Store(&text) }

// Event shows what the job says, but for the error that ends it, which is told when
// all have ended. It is an event.Sink.
func (l *JobLine) Event(e event.Event) {
	if e.Kind == event.Error {
		return
	}
	l.jobs.mu.Lock()
	defer l.jobs.mu.Unlock()
	e.Text, e.Hint = redact.Text(e.Text), redact.Text(e.Hint)
	if l.view != nil {
		l.view.event(e)
		return
	}
	switch e.Kind {
	case event.StepStart:
		l.bar.SetCurrent(0)
		l.say(printable(join(": ", e.Step, e.Text)))
	case event.Phase:
		l.say(printable(join(": ", e.Step, e.Text)))
	}
	if e.Fraction > 0 && e.Fraction < 1 { // at the end a bar is ended
		l.bar.SetCurrent(int64(e.Fraction * wholeStep))
	}
}

// End shows how the job has ended.
func (l *JobLine) End(text string) {
	l.jobs.mu.Lock()
	defer l.jobs.mu.Unlock()
	if l.view != nil {
		l.view.print(printable(text))
		return
	}
	l.took.Store(int64(max(l.jobs.o.Now().Sub(l.begun), 1)))
	l.say(printable(text))
	l.bar.Abort(false)
}

// prefixed puts a text before each line; a Write is of whole lines.
type prefixed struct {
	w    io.Writer
	text string
}

func (p prefixed) Write(lines []byte) (int, error) {
	text := bytes.ReplaceAll(bytes.TrimSuffix(lines, []byte("\n")), []byte("\n"), []byte("\n"+p.text))
	_, err := fmt.Fprintf(p.w, "%s%s\n", p.text, text)
	return len(lines), err
}
