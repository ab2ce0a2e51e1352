package nixglue

// What nix logs, line by line: --log-format internal-json.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/internal/event"
)

// What is kept of what strangers write.
const (
	maxLine       = 1 << 20 // bytes of one line of nix's; of a longer one only the length is told
	maxText       = 2 << 10 // bytes of one name or message
	maxActivities = 4096    // that run at once
	maxBuilds     = 64      // whose logs are kept
	maxNotes      = 32      // messages of errors, and other ones
	ringLines     = 100     // of one build's log
	strayLines    = 8       // that are none of nix's log
	maxIgnored    = 256     // settings that a daemon ignored; nix 2.26 has some 100
)

// Activities and results that this package looks at (nix 2.8 to 2.34, seen).
const (
	actUnknown      = 0   // only a text
	actCopyPath     = 100 // fields: path, from, to; progress in bytes
	actFileTransfer = 101 // fields: address; progress in bytes
	actCopyPaths    = 103 // only a text
	actBuilds       = 104 // progress in derivations
	actBuild        = 105 // fields: derivation, machine or ""

	resBuildLogLine = 101 // fields: line
	resSetPhase     = 104 // fields: phase
	resProgress     = 105 // fields: done, expected, running, failed
)

// Log reads what nix writes to stderr with --log-format internal-json. It is an
// io.WriteCloser that takes pieces of any size and never fails. As events it tells
//
//   - Progress with the unit "derivations": those that are built, of those that
//     are to be. Total is as far as nix knows and may shrink.
//   - Progress with the unit "B": of one copy or download, which Text names. Of
//     each at most some hundred are told, and its last.
//   - Phase: Text is "NAME: PHASE", with the derivation's name.
//   - Console: a line of a build's log, "NAME> LINE".
//   - Note and Warning: nix's own messages, and lines that are none of its log.
//
// It is not safe for use by several goroutines.
type Log struct {
	sink    Sink
	line    []byte
	skipped int // bytes of the line beyond maxLine

	activities map[uint64]*activity
	builds     []*build // the oldest first
	shown      [2]int64 // derivations done and expected, as last told

	errors  []string        // messages of level 0, and of machines that do not fit
	notes   []string        // other messages
	strays  []string        // lines that are none of nix's log, such as ssh's
	ignored map[string]bool // settings that an untrusting daemon ignored
}

type activity struct {
	kind        int
	text        string
	outer       bool   // it has no parent
	build       *build // of actBuild
	done, total int64  // bytes
	told        int64  // done when it was last told; -1: never
}

// build is a derivation that is or was being built. Over ssh-ng there are two
// activities of one: ours, and the one of the machine that builds.
type build struct {
	drv, name string
	running   int
	evicted   bool // from Log.builds: no log is kept
	log       []string
}

// NewLog returns a Log that tells sink; nil is nobody.
func NewLog(sink Sink) *Log {
	if sink == nil {
		sink = func(Event) {}
	}
	return &Log{sink: sink, activities: map[uint64]*activity{}, ignored: map[string]bool{}}
}

// Write takes a piece of what nix has written.
func (l *Log) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		piece, rest, whole := bytes.Cut(b, []byte("\n"))
		room := maxLine - len(l.line)
		l.skipped += max(0, len(piece)-room)
		l.line = append(l.line, piece[:min(room, len(piece))]...)
		if whole {
			l.end()
		}
		b = rest
	}
	return n, nil
}

// Close takes a last line without a newline.
func (l *Log) Close() error {
	l.end()
	return nil
}

// end takes the line that was collected, if there is one.
func (l *Log) end() {
	line, skipped := l.line, l.skipped
	l.line, l.skipped = l.line[:0], 0
	if cap(line) > maxLine/4 {
		l.line = nil
	}
	if skipped > 0 {
		l.sink(Event{Kind: event.Note, Text: fmt.Sprintf("nix wrote a line of %d bytes, which is left out", len(line)+skipped)})
		return
	}
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 {
		return
	}
	if text, ok := bytes.CutPrefix(line, []byte("@nix ")); ok {
		var r record
		if json.Unmarshal(text, &r) == nil && l.take(&r) {
			return
		}
	}
	text := plain(string(line))
	if strings.HasPrefix(text, "error: ") { // before nix has read --log-format
		keep(&l.errors, strings.TrimPrefix(text, "error: "), maxNotes)
	} else {
		keep(&l.strays, text, strayLines)
	}
	keep(&l.notes, text, maxNotes)
	l.sink(Event{Kind: event.Note, Text: text})
}

// record is one line's JSON.
type record struct {
	Action string            `json:"action"`
	ID     uint64            `json:"id"`
	Level  int               `json:"level"`
	Type   int               `json:"type"`
	Parent uint64            `json:"parent"` // 0, or absent in 2.8: none
	Text   string            `json:"text"`
	Fields []json.RawMessage `json:"fields"`
	Msg    string            `json:"msg"`
	RawMsg string            `json:"raw_msg"` // of errors that end nix
}

func (r *record) str(i int) (s string) {
	if i < len(r.Fields) && json.Unmarshal(r.Fields[i], &s) != nil {
		return ""
	}
	return plain(s)
}

// num is a field that is a number; what is none, or negative, is 0.
func (r *record) num(i int) (n int64) {
	if i < len(r.Fields) && json.Unmarshal(r.Fields[i], &n) != nil {
		return 0
	}
	return max(n, 0)
}

// take reports whether it knows such records.
func (l *Log) take(r *record) bool {
	switch r.Action {
	case "start":
		l.start(r)
	case "stop":
		l.stop(r.ID)
	case "result":
		l.result(r)
	case "msg":
		l.message(r)
	default:
		return false
	}
	return true
}

func (l *Log) start(r *record) {
	a := &activity{kind: r.Type, outer: r.Parent == 0, text: plain(r.Text), told: -1}
	switch r.Type {
	case actUnknown, actCopyPaths:
		if r.Level <= 4 && a.text != "" { // 4: talkative, such as "connecting to"
			l.sink(Event{Kind: event.Note, Text: a.text})
		}
		return
	case actCopyPath:
		a.text = "copying " + storeName(r.str(0))
	case actFileTransfer:
		a.text = "downloading " + r.str(0) // the text lacks its closing quote in some versions
	case actBuild:
		a.build = l.building(r.str(0), r.str(1))
	case actBuilds:
	default:
		return
	}
	if len(l.activities) < maxActivities && l.activities[r.ID] == nil {
		if a.build != nil {
			a.build.running++
		}
		l.activities[r.ID] = a
	}
}

// building finds the build of a derivation, or begins one.
func (l *Log) building(drv, machine string) *build {
	for _, b := range l.builds {
		if b.drv == drv {
			return b
		}
	}
	b := &build{drv: drv, name: storeName(drv)}
	if len(l.builds) == maxBuilds {
		oldest := 0
		for i, old := range l.builds {
			if old.running == 0 {
				oldest = i
				break
			}
		}
		l.builds[oldest].evicted, l.builds[oldest].log = true, nil // activities still hold it
		l.builds = slices.Delete(l.builds, oldest, oldest+1)
	}
	l.builds = append(l.builds, b)
	text := "building " + b.name
	if machine != "" {
		text += " on " + machine
	}
	l.sink(Event{Kind: event.Note, Text: text})
	return b
}

func (l *Log) stop(id uint64) {
	a := l.activities[id]
	if a == nil {
		return
	}
	delete(l.activities, id)
	if a.build != nil {
		a.build.running--
	}
	if a.told >= 0 && a.told != a.done {
		l.tellBytes(a)
	}
}

func (l *Log) result(r *record) {
	a := l.activities[r.ID]
	switch {
	case a == nil:
	case r.Type == resProgress && a.kind == actBuilds && a.outer:
		now := [2]int64{r.num(0), r.num(1)}
		if now != l.shown {
			l.shown = now
			l.sink(Event{Kind: event.Progress, Text: "building", Done: now[0], Total: now[1], Unit: "derivations"})
		}
	case r.Type == resProgress && (a.kind == actCopyPath || a.kind == actFileTransfer):
		l.transferred(a, r.num(0), r.num(1))
	case r.Type == resSetPhase && a.build != nil:
		l.sink(Event{Kind: event.Phase, Text: a.build.name + ": " + r.str(0)})
	case r.Type == resBuildLogLine && a.build != nil:
		line := r.str(0)
		if !a.build.evicted {
			keep(&a.build.log, line, ringLines)
		}
		l.sink(Event{Kind: event.Console, Text: a.build.name + "> " + line})
	}
}

// transferred tells of bytes at each hundredth of them, at each MiB where nobody
// knows how many there are; nix tells of every buffer.
func (l *Log) transferred(a *activity, done, total int64) {
	a.done, a.total = done, total
	step := max(total/100, 1)
	if total == 0 {
		step = 1 << 20
	}
	if a.told < 0 || done-a.told >= step {
		l.tellBytes(a)
	}
}

func (l *Log) tellBytes(a *activity) {
	a.told = a.done
	l.sink(Event{Kind: event.Progress, Text: a.text, Done: a.done, Total: a.total, Unit: "B"})
}
