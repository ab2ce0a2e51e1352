package failures

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	seen := map[string]bool{}
	shape := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	for _, f := range All() {
		if seen[f.Name] {
			t.Errorf("%s: twice in the table", f.Name)
		}
		seen[f.Name] = true
		if !shape.MatchString(f.Name) {
			t.Errorf("%q: not a name that is easy to type", f.Name)
		}
		if f.Does == "" || strings.HasSuffix(f.Does, ".") {
			t.Errorf("%s: Does is %q", f.Name, f.Does)
		}
		if f.Want == Failed && f.Text == "" && f.Event == "" {
			t.Errorf("%s: fails without anything that proves it", f.Name)
		}
		if f.Want == Stalled && (f.Text != "" || f.Event != "") {
			t.Errorf("%s: a stall is what nothing proves", f.Name)
		}
		got, ok := Find(f.Name)
		if !ok || got != f {
			t.Errorf("Find(%q) = %v, %v", f.Name, got, ok)
		}
		if !slices.Contains(Names(), f.Name) {
			t.Errorf("Names() leaves out %q", f.Name)
		}
	}
	if _, ok := Find("no-such-failure"); ok {
		t.Error("an unknown name was found")
	}
}
