// Package redact takes secrets out of texts and streams: those that are known,
// and what URLs have of them. Whatever is kept or shown of a build passes
// through it, the raw logs of a guest included.
package redact

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strings"
)

// Mask stands where a secret was.
const Mask = "REDACTED"

// Least is the length in bytes of the shortest value that is hidden. Shorter
// ones stand in every log by chance: hiding them would spoil the log, and tell
// by its gaps what they are.
const Least = 4

// Values are the secrets to hide, besides those in URLs: see Text. The zero
// value, and nil, know none. Its methods may be called by several goroutines.
type Values struct {
	by  [256][][]byte // by first byte, the longest first
	max int           // length of the longest
}

// New returns the Values that hide each of the given strings, also where it
// stands escaped in JSON or in a URL. Values shorter than Least are ignored.
func New(values ...string) *Values {
	v := &Values{}
	var all []string
	for _, value := range values {
		if len(value) >= Least && value != Mask {
			all = append(all, forms(value)...)
		}
	}
	slices.Sort(all)
	for _, form := range slices.Compact(all) {
		v.by[form[0]] = append(v.by[form[0]], []byte(form))
		v.max = max(v.max, len(form))
	}
	for i := range v.by {
		slices.SortFunc(v.by[i], func(a, b []byte) int { return len(b) - len(a) })
	}
	return v
}

// forms are the spellings of a value.
func forms(value string) []string {
	all := []string{value, url.QueryEscape(value), url.PathEscape(value), strings.TrimPrefix(url.UserPassword("", value).String(), ":")}
	for _, html := range []bool{false, true} { // <, > and & as they are, and as \u003c
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(html)
		if enc.Encode(value) == nil {
			all = append(all, strings.Trim(strings.TrimSuffix(b.String(), "\n"), `"`))
		}
	}
	return slices.DeleteFunc(all, func(s string) bool { return len(s) < Least })
}

// match is the length of the longest value with which b begins, 0 if none does.
func (v *Values) match(b []byte) int {
	for _, value := range v.by[b[0]] {
		if bytes.HasPrefix(b, value) {
			return len(value)
		}
	}
	return 0
}

// String returns s with every value replaced by Mask.
func (v *Values) String(s string) string { return string(v.Bytes([]byte(s))) }

// Bytes returns b with every value replaced by Mask; b itself is not changed.
func (v *Values) Bytes(b []byte) []byte {
	var out bytes.Buffer
	w := v.Writer(&out)
	_, _ = w.Write(b) // a buffer in memory takes everything
	_ = w.Close()
	return out.Bytes()
}

// Strings is String of each element, in a new slice; nil stays nil.
func (v *Values) Strings(list []string) []string {
	list = slices.Clone(list)
	for i := range list {
		list[i] = v.String(list[i])
	}
	return list
}

// Writer returns a writer that passes on what it is given with every value
// replaced, however the values are cut by the calls of Write. It holds back as
// much as the longest value has, and the last word; Close writes that, and does
// not close w.
func (v *Values) Writer(w io.Writer) io.WriteCloser {
	if v == nil {
		v = &Values{}
	}
	return &writer{v: v, w: &textWriter{w: w}}
}

type writer struct {
	v    *Values
	w    *textWriter
	held []byte
}

func (w *writer) Write(p []byte) (int, error) {
	w.held = append(w.held, p...)
	// Up to here the longest value that may begin is there as a whole.
	return len(p), w.drain(len(w.held) - w.v.max + 1)
}

func (w *writer) Close() error {
	if err := w.drain(len(w.held)); err != nil {
		return err
	}
	return w.w.Close()
}

// drain decides on every byte before safe.
func (w *writer) drain(safe int) error {
	at, from := 0, 0 // looking at; not yet written from
	put := func(b []byte) error {
		if len(b) == 0 {
			return nil
		}
		_, err := w.w.Write(b)
		return err
	}
	safe = min(safe, len(w.held))
	for at < safe {
		n := w.v.match(w.held[at:])
		if n == 0 {
			at++
			continue
		}
		if err := put(w.held[from:at]); err != nil {
			return err
		}
		if err := put([]byte(Mask)); err != nil {
			return err
		}
		at += n
		from = at
	}
	if err := put(w.held[from:at]); err != nil {
		return err
	}
	w.held = w.held[:copy(w.held, w.held[at:])]
	return nil
}
