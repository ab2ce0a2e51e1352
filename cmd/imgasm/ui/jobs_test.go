package ui

import (
	"bytes"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vbauerster/mpb/v8"

	"github.com/imgasm/imgasm/internal/event"
)

// The line of a job that has ended says how long it took, however long others run.
func TestJobsEnd(t *testing.T) {
	var out bytes.Buffer
	var now atomic.Int64
	j := &Jobs{w: &out, o: Options{Now: func() time.Time { return time.Unix(now.Load(), 0) }}}
	j.lines = mpb.New(mpb.WithOutput(&out), mpb.WithAutoRefresh(), mpb.WithRefreshRate(time.Millisecond))
	first, second := j.Start("first"), j.Start("second")
	now.Store(2)
	first.End("built")
	now.Store(60)
	second.End("failed")
	j.Close()
	text := out.String()
	line, _, _ := strings.Cut(text[strings.LastIndex(text, "first"):], "\n")
	if !strings.Contains(line, " "+Duration(2*time.Second)+" ") || !strings.Contains(line, "built") {
		t.Errorf("%q", line)
	}
}

// In a pipe each line says of which job it is, a hint's too.
func TestJobsPlain(t *testing.T) {
	var out bytes.Buffer
	j := &Jobs{w: &out, o: Options{Now: time.Now}}
	l := j.Start("web")
	l.Event(event.Event{Kind: event.Warning, Text: "slow", Hint: "wait"})
	l.End("built")
	if want := "web: imgasm: warning: slow\nweb: imgasm: hint: wait\nweb: built\n"; out.String() != want {
		t.Errorf("%q, want %q", &out, want)
	}
}
