// Package report draws what is known of a build as a page that one can look at:
// a single HTML file, with styles, script and pictures inside, that asks for
// nothing from anywhere.
//
// Read takes the files that a failed build leaves in its bundle (and that a build
// with a report keeps for it): events.jsonl is demanded, all others are shown
// where they are there. Their contents may be a stranger's: reading is bounded,
// and no byte of them becomes markup.
package report

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/qemu/console"
)

// ErrInput is a bundle that holds no build.
var ErrInput = fault.Class(fault.Input, "no build to report of")

// The files that a report is made of.
const (
	EventsFile  = "events.jsonl" // one Event a line
	FailureFile = "failure.json" // of a failure that a guest is to blame for
	ChecksFile  = "report.json"  // of a verification: its checks
	ImageFile   = "image.json"   // the description of what was made
	PlanFile    = "plan.json"
	HostFile    = "host.json"
	ScreenFile  = "screen.png" // the guest's screen at the end
	// consoleFile is the console of the installation, and bootFile that of the
	// verification's first machine.
	consoleFile = "serial.log"
	bootFile    = "boot-serial.log"
)

// consoles are the names of consoles: "serial.log", "boot-serial-2.log".
var consoles = regexp.MustCompile(`serial(-[0-9]+)?\.log$`)

const (
	maxLines    = 20_000  // of a console that are shown, half of them its last
	maxConsoles = 8       // that are shown
	maxEvent    = 1 << 20 // bytes of an event
	maxTold     = 5_000   // events that have a line of their own on the page
)

// Event is what a build says while it runs.
type Event = event.Event

// Line is a line that tells of a failure.
type Line struct {
	Channel string `json:"channel"`
	Line    int    `json:"line"` // of the channel's log; 1-based
	Text    string `json:"text"`
}

// Failure is why a guest failed.
type Failure struct {
	Rule    string `json:"rule"`
	Phase   string `json:"phase"`
	Meaning string `json:"meaning"`
	Hint    string `json:"hint"`
	Lines   []Line `json:"lines"`
	Said    []Line `json:"said"`
}

// Checked is a check of a verification.
type Checked struct {
	Name    string   `json:"name"`
	Status  string   `json:"status"` // "passed", "failed", "skipped"
	Seconds float64  `json:"seconds"`
	Why     string   `json:"why"`  // the evidence, or why not
	Said    []string `json:"said"` // the guest's own words, of a failure
}

// Took is how long the check took, for a person.
func (c Checked) Took() string { return duration(time.Duration(c.Seconds * float64(time.Second))) }

// Image is what the page shows of an image's description.
type Image struct {
	Product string `json:"product"`
	Version string `json:"version"`
	Arch    string `json:"arch"`
	Output  File   `json:"output"`
	Format  string `json:"format"`
	Inputs  []File `json:"inputs"`
	Test    *struct {
		Login   string  `json:"login"`
		SSH     string  `json:"ssh"`
		Seconds float64 `json:"seconds"`
	} `json:"bootTest"`
}

// File is a file with its identity.
type File struct {
	Role   string `json:"role"`
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Console is a guest's serial console.
type Console struct {
	Name  string
	Lines []ConsoleLine
}

// ConsoleLine is a line of it.
type ConsoleLine struct {
	Line  int // of the file; 1-based
	Text  string
	Gap   bool   // lines are left out here, as Text says
	Phase string // that began here
	Fatal bool   // it tells of the failure
}

// Build is what is known of a build.
type Build struct {
	Name     string // of what was to be made
	Events   []Event
	Failure  *Failure
	Checks   []Checked // of the verification, as far as it came
	Image    *Image
	Plan     json.RawMessage // nil: not known
	Host     json.RawMessage
	Screen   []byte // PNG
	Consoles []Console

	failedOn string // the console that a failure's lines are of
}

// Read takes a build out of the folder or the archive (.tar.zst) that it has left.
//
// Errors: ErrInput where that holds no build; those of files; the context's cause.
func Read(ctx context.Context, path string) (*Build, error) {
	files, err := readBundle(ctx, path)
	if err != nil {
		return nil, err
	}
	b, err := New(Name(path), files)
	if err != nil {
		return nil, noBundle(fmt.Errorf("%s: %w", path, err))
	}
	return b, nil
}

// New is the build of what is called name, from the files of a bundle by their names.
func New(name string, files map[string][]byte) (*Build, error) {
	b := &Build{Name: name, Screen: files[ScreenFile], failedOn: consoleFile}
	if b.Events = events(files[EventsFile]); len(b.Events) == 0 {
		return nil, fmt.Errorf("there is no %s that says anything", EventsFile)
	}
	var verified struct {
		Checks  []Checked
		Failure *Failure
	}
	for name, into := range map[string]any{FailureFile: &b.Failure, ChecksFile: &verified, ImageFile: &b.Image, PlanFile: &b.Plan, HostFile: &b.Host} {
		text := files[name]
		if text == nil {
			continue
		}
		if err := json.Unmarshal(text, into); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	b.Checks = verified.Checks
	if verified.Failure != nil {
		b.Failure, b.failedOn = verified.Failure, bootFile
	}
	b.takeConsoles(files)
	return b, nil
}

func noBundle(err error) error {
	return &fault.Error{Class: ErrInput, Err: err, Do: "give the folder OUT.failed that a build left, or the archive of its {Bundle}"}
}

// events are those of a log. A line that is none, as a build leaves that was
// killed, is left out, and so is what would make the page too long.
func events(text []byte) (all []Event) {
	told := 0
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		var e Event
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Kind == "" {
			continue
		}
		if !slices.Contains([]event.Kind{event.Progress, event.Written, event.Error, event.Result}, e.Kind) {
			if told++; told > maxTold {
				continue
			}
		}
		all = append(all, e)
	}
	return all
}

// takeConsoles takes the consoles out of a bundle's files: that of the
// installation first.
func (b *Build) takeConsoles(files map[string][]byte) {
	names := slices.SortedFunc(maps.Keys(files), func(x, y string) int { return cmp.Or(len(x)-len(y), cmp.Compare(x, y)) })
	for _, name := range names {
		if !consoles.MatchString(name) {
			continue
		}
		c := Console{Name: name, Lines: consoleLines(files[name])}
		c.mark(b)
		if len(c.Lines) > 0 && len(b.Consoles) < maxConsoles {
			b.Consoles = append(b.Consoles, c)
		}
	}
}

// consoleLines are the lines that are shown of a console: all, or the first and
// the last.
func consoleLines(raw []byte) []ConsoleLine {
	const half = maxLines / 2
	var head, tail []ConsoleLine
	r := console.NewReader(func(r console.Record) {
		l := ConsoleLine{Line: r.Line, Text: r.Text}
		if len(head) < half {
			head = append(head, l)
			return
		}
		if len(tail) == 2*half {
			tail = tail[:copy(tail, tail[half:])]
		}
		tail = append(tail, l)
	})
	_, _ = r.Write(raw) // never fails
	r.Close()
	tail = tail[max(0, len(tail)-half):]
	if len(tail) > 0 && tail[0].Line > head[half-1].Line+1 {
		head = append(head, ConsoleLine{Line: head[half-1].Line + 1, Gap: true, Text: fmt.Sprintf("lines up to %d are in the log alone", tail[0].Line-1)})
	}
	return append(head, tail...)
}

// mark notes where phases began and what tells of the failure.
func (c *Console) mark(b *Build) {
	at := func(line int) *ConsoleLine {
		i, _ := slices.BinarySearchFunc(c.Lines, line, func(l ConsoleLine, line int) int { return cmp.Compare(l.Line, line) })
		if line == 0 || i == len(c.Lines) {
			return new(ConsoleLine)
		}
		return &c.Lines[i]
	}
	for _, e := range b.Events {
		if e.Kind == event.Phase && c.Name == consoleFile {
			at(e.Line).Phase = e.Text
		}
	}
	if b.Failure == nil || c.Name != b.failedOn {
		return
	}
	for _, l := range b.Failure.Lines {
		if l.Channel == "console" {
			at(l.Line).Fatal = true
		}
	}
}

// took is how long the build ran.
func (b *Build) took() time.Duration {
	return b.Events[len(b.Events)-1].Time.Sub(b.Events[0].Time)
}

// end is the event that says how the build ended; nil: it does not.
func (b *Build) end() *Event {
	for i := len(b.Events) - 1; i >= 0; i-- {
		if k := b.Events[i].Kind; k == event.Error || k == event.Result {
			return &b.Events[i]
		}
	}
	return nil
}
