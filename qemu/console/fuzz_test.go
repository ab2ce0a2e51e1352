package console

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whatever the bytes and however they are cut: no panic, the same records, and
// no record that is empty or too long.
func FuzzReader(f *testing.F) {
	for _, raw := range recorded(f) {
		f.Add(raw[:min(len(raw), 6<<10)], 3)
		f.Add(raw[max(0, len(raw)-6<<10):], 100)
	}
	f.Add([]byte(attach+"a\r\nb\x1b[Hb\x1b[K\r\nc\x1b[24;80Hxyz\x1b[7mstatus\x1b[m"), 1)
	f.Add([]byte("\x1b]\x1b[\x1b[5;3r\x1b[;r\x1bM\x1b[99999999999;1H\xff\xe2\x80"), 2)
	f.Fuzz(func(t *testing.T, raw []byte, size int) {
		if size <= 0 {
			size = 1
		}
		whole := records(raw, 0)
		if diff := cmp.Diff(whole, records(raw, size)); diff != "" {
			t.Errorf("in pieces of %d bytes:\n%s", size, diff)
		}
		lines := bytes.Count(raw, []byte("\n")) + 1
		for _, r := range whole {
			if r.Text == "" || len(r.Text) > 4*max(MaxLine, maxScreenCols*maxScreenRows) || r.Line < 1 || r.Line > lines {
				t.Errorf("bad record: line %d, %d bytes of text", r.Line, len(r.Text))
			}
		}
	})
}
