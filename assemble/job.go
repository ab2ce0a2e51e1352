// Package assemble runs a build of whatever kind: its steps, in order, in a
// working folder that is the build's alone. It tells what happens as events,
// publishes what was made whole or not at all, and keeps what is known of a
// build that failed. What the steps do is the kind's matter.
package assemble

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/redact"
)

// What a build takes from packages below.
type (
	Event   = event.Event
	Sink    = event.Sink
	Secrets = redact.Values
)

// Step is one step of a build.
type Step struct {
	Name string
	Text string // what it will do
	Skip string // why there is nothing to do; "": there is
	// Patient is a step that follows a guest: it has rules of its own for how
	// long that may take.
	Patient bool
	// Run does it, and returns what came of it, in a few words.
	Run func(ctx context.Context, j *Job) (string, error)
}

// StepPlan names a step and says what it will do.
type StepPlan struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Describe is steps without their code.
func Describe(steps []Step) (all []StepPlan) {
	for _, s := range steps {
		text := s.Text
		if s.Skip != "" {
			text = "nothing: " + s.Skip
		}
		all = append(all, StepPlan{s.Name, text})
	}
	return all
}

// Build is a build that is ready to run. What one of its steps finds for another
// is a variable that both of their functions know.
type Build struct {
	Outputs *Outputs
	Steps   []Step
	Secrets *Secrets // what is taken out of all that is said and kept; nil: nothing
	Now     func() time.Time
	Date    *time.Time // SOURCE_DATE_EPOCH; nil: not set
	Version string     // imgasm's
	// Defaults are what was asked for elsewhere than by the command.
	Defaults []host.Default
	Command  []string // that runs, for a failure's summary; nil: not known
	// Field is how advice in logs and bundles calls a field of what was asked for;
	// nil: as it is.
	Field func(field string) string
	// Patience is how long a step may make no progress; 0, and all that is longer
	// than it: 10 minutes.
	Patience time.Duration
	Notes    []string
	Cautions []Caution
	// Logs are the files of the working folder that a failure's bundle takes, by name.
	Logs map[string]Log
	// Report says what a failure's bundle has besides them; nil: nothing.
	Report func(what string, cause error) Report
}

// Caution is something that must not be overlooked, although the build goes on.
type Caution struct {
	Text string `json:"text"`
	Do   string `json:"do"`
	// Lasting: it is about the image, and is said once more when that is done.
	Lasting bool `json:"lasting,omitempty"`
}

// Job is a build that runs.
type Job struct {
	*Build
	Folder  *os.Root // the working folder
	Started time.Time

	ws   *workspace
	sink Sink
	log  *os.File // events.jsonl
	took map[string]float64
	keep bool // the working folder

	mu       sync.Mutex // guards what follows, and log
	step     string
	begun    time.Time
	dog      *watchdog // of the running step
	finished *Result
}

// Result is a published image.
type Result struct {
	Out      string // the image
	Metadata string // its description
	Image    *Image
	Also     []string // the image in its further formats
	Next     Next
}

// Next is how to go on with an image.
type Next struct {
	// Image is the image that a machine can boot; "": there is none.
	Image string
	// Boot is a QEMU command that boots the image with its console on the
	// terminal and forgets what the guest writes. Empty where no command that
	// can be pasted would do: this host's firmware must be prepared first.
	Boot []string
	// SSH is the command that logs in to that machine; nil: nobody is known who could.
	SSH []string
	// Logins say who may log in and with what: "root (password packer)". Empty:
	// it is not known.
	Logins []string
}

// eventsFile keeps what was said.
const eventsFile = "events.jsonl"

// Run runs the steps. Everything that happens goes to sink.
//
// Errors: of the classes here, those of the steps, and the context's cause. On an
// error nothing stands under the output's name that was not there before, and
// the guest's logs are kept: a *KeptError names them.
func (b *Build) Run(ctx context.Context, sink Sink) (*Result, error) {
	ws, err := openWorkspace(b.Outputs.Path, b.Outputs.places())
	if err != nil {
		return nil, err
	}
	mine := *b
	mine.Outputs = b.Outputs.clone()             // the build as it was may be run again
	if err := mine.Outputs.check(); err != nil { // they may have changed since, by a build that was killed for one
		ws.close(false)
		return nil, err
	}
	j := &Job{Build: &mine, Folder: ws.root, Started: b.Now(), ws: ws, sink: sink, took: map[string]float64{}, keep: b.Outputs.Keep}
	defer func() { ws.close(j.keep) }()
	if j.log, err = j.Create(eventsFile); err != nil {
		return nil, err
	}
	defer j.log.Close()
	j.warn(false)
	for _, note := range b.Notes {
		j.Note(note)
	}
	err = Hide(j.runAll(ctx), b.Secrets)
	j.report(err, context.Cause(ctx) != nil)
	if err != nil {
		return nil, err
	}
	return j.finished, nil
}

func (j *Job) runAll(ctx context.Context) error {
	for _, s := range j.Steps {
		if err := j.run(ctx, s); err != nil {
			return err
		}
	}
	j.warn(true)
	if j.finished == nil {
		return errors.New("no step of the build has published anything")
	}
	for _, t := range j.Outputs.Images {
		j.Emit(Event{Kind: event.Result, Text: t.Path, Path: t.Path})
	}
	return nil
}

// warn tells the cautions, or those that are still of use at the end.
func (j *Job) warn(end bool) {
	for _, c := range j.Cautions {
		if c.Lasting || !end {
			j.Emit(Event{Kind: event.Warning, Text: c.Text, Hint: c.Do})
		}
	}
}

func (j *Job) run(ctx context.Context, s Step) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	j.mu.Lock()
	j.step, j.begun = s.Name, j.Now()
	j.mu.Unlock()
	if s.Skip != "" {
		j.Emit(Event{Kind: event.StepSkip, Text: s.Skip})
		return nil
	}
	j.Emit(Event{Kind: event.StepStart, Text: s.Text})
	text, err := j.guarded(ctx, s)
	if err != nil {
		return err
	}
	j.took[s.Name] = j.Now().Sub(j.begun).Round(time.Second / 10).Seconds()
	j.Emit(Event{Kind: event.StepDone, Text: text})
	return nil
}

// guarded runs a step. A panic in it, or in a goroutine that works for it, is an
// error, and the stack is kept.
func (j *Job) guarded(ctx context.Context, s Step) (text string, err error) {
	run := j.patiently
	if s.Patient {
		run = func(ctx context.Context, s Step) (string, error) { return s.Run(ctx, j) }
	}
	err = guard.Call(func() (err error) {
		text, err = run(ctx, s)
		return err
	})
	if errors.As(err, new(*guard.Panic)) {
		err = j.Fail("the step "+s.Name, err, nil)
	}
	return text, err
}

// Emit completes an event, keeps it, and passes it on.
func (j *Job) Emit(e Event) {
	e = j.note(e)
	if j.sink != nil {
		j.sink(e)
	}
}

// Note says something that ends nothing.
func (j *Job) Note(text string) { j.Emit(Event{Kind: event.Note, Text: text}) }

// Progress tells how far a step has come, in bytes.
func (j *Job) Progress(done, total int64) {
	j.Emit(Event{Kind: event.Progress, Done: done, Total: total, Unit: "B", Fraction: float64(done) / float64(max(total, 1))})
}

// note completes an event, takes the secrets out, and writes it to the log.
func (j *Job) note(e Event) Event {
	e.Text, e.Hint = j.Secrets.String(e.Text), j.Secrets.String(e.Hint)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.dog.see(e)
	e.Time = j.Now()
	e.Step = cmp.Or(e.Step, j.step)
	if !j.begun.IsZero() {
		e.Elapsed = float64(e.Time.Sub(j.begun).Milliseconds()) / 1000
	}
	if e.Kind != event.Console { // these are in the guest's log
		kept := e
		kept.Text, kept.Hint = j.named(e.Text), j.named(e.Hint)
		if line, err := json.Marshal(kept); err == nil {
			_, _ = j.log.Write(append(line, '\n'))
		}
	}
	return e
}

// named is a text with fields by their names.
func (j *Job) named(text string) string {
	if j.Field != nil {
		return fault.Fill(text, j.Field)
	}
	return fault.Fill(text, func(field string) string { return field })
}

// Path names a file of the working folder for who takes paths: QEMU, for one.
func (j *Job) Path(name string) string { return j.ws.path(name) }

// Create makes a new file in the working folder.
func (j *Job) Create(name string) (*os.File, error) { return j.ws.create(name) }

// Make makes a file in the working folder, and returns its size.
func (j *Job) Make(name string, write func(*os.File) error) (size int64, err error) {
	f, err := j.Create(name)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := write(f); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// MakeRoom removes files that nobody needs any more, but for one who keeps the
// working folder: a full disk may be why a build failed, and its bundle needs a
// little of it.
func (j *Job) MakeRoom(names ...string) {
	if j.keep {
		return
	}
	for _, name := range names {
		_ = j.Folder.Remove(name) // it goes with the working folder otherwise
	}
}
