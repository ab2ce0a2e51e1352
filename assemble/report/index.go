// The index: one page for many builds. Each page of ours begins with what an
// index says of it.

package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"time"
)

const (
	marker    = "<!-- imgasm.report/v1 "
	markerEnd = " -->"
)

// Entry is a build in an index.
type Entry struct {
	Name    string    `json:"name"`
	Verdict string    `json:"verdict"`
	Began   time.Time `json:"began"`
	Seconds float64   `json:"seconds"`
	Why     string    `json:"why,omitempty"`
	Page    string    `json:"-"` // its page, relative to the index
}

func (b *Build) entry() Entry {
	e := Entry{Name: b.Name, Verdict: b.Verdict(), Began: b.Events[0].Time.UTC(), Seconds: b.took().Seconds()}
	if w := b.why(); w != nil {
		e.Why = w.Text
	}
	return e
}

// Took is how long the build ran, for a person.
func (e Entry) Took() string { return duration(time.Duration(e.Seconds * float64(time.Second))) }

// ReadEntry reads what a page says of its build; false: it is no page of ours.
func ReadEntry(r io.Reader) (e Entry, ours bool) {
	line, err := bufio.NewReader(io.LimitReader(r, maxEvent)).ReadBytes('\n')
	if err != nil || !bytes.HasPrefix(line, []byte(marker)) {
		return e, false
	}
	text := strings.TrimSuffix(strings.TrimSpace(string(line[len(marker):])), strings.TrimSpace(markerEnd))
	return e, json.Unmarshal([]byte(text), &e) == nil
}

// WriteIndex writes a page that leads to others.
func WriteIndex(w io.Writer, entries []Entry) error {
	if _, err := io.WriteString(w, indexMarker+"\n"); err != nil {
		return err
	}
	return templates.ExecuteTemplate(w, "index.html", entries)
}

const indexMarker = "<!-- imgasm.report.index/v1 -->"
