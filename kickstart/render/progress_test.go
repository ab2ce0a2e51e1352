package render_test

import (
	"testing"

	"github.com/imgasm/imgasm/kickstart/render"
)

func TestProgressLine(t *testing.T) {
	for line, want := range map[string][3]string{
		"imgasm1 00 done":                    {"00", "done", ""},
		"imgasm1 00 fact release=Alma Linux": {"00", "fact", "release=Alma Linux"},
		"imgasm1 00":                         {"00", "", ""},
	} {
		nonce, verb, value, ok := render.ProgressLine(line)
		if got := [3]string{nonce, verb, value}; !ok || got != want {
			t.Errorf("%q: %q, %v", line, got, ok)
		}
	}
	for _, line := range []string{"", "imgasm1", "imgasm1 ", "imgasm2 00 done", " imgasm1 00 done", "done"} {
		if _, _, _, ok := render.ProgressLine(line); ok {
			t.Errorf("%q is taken for a line of ours", line)
		}
	}
}
