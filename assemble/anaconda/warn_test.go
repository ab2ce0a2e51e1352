package anaconda

import (
	"slices"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/event"
)

// What the checks say in several lines is one warning: the one that says most.
func TestWarnedOnce(t *testing.T) {
	const missing = "Starting automated install.Some packages, groups or modules are missing."
	for name, c := range map[string]struct {
		lines []string
		wait  time.Duration // after the first
		want  []string      // rules
	}{
		"with names":         {[]string{missing, "Problems in request:", "missing packages: no-such-package"}, 0, []string{"packages-missing"}},
		"names come late":    {[]string{missing, "missing packages: no-such-package"}, 2 * time.Second, []string{"packages-unavailable", "packages-missing"}},
		"without names":      {[]string{missing, "Problems in request:"}, 0, []string{"packages-unavailable"}},
		"broken":             {[]string{"Starting automated install.Some packages, groups or modules are broken.", "Problem: nothing provides libx needed by y"}, 0, []string{"packages-broken"}},
		"the next step":      {[]string{missing, "Setting up the installation environment"}, 0, []string{"packages-unavailable"}},
		"nothing is missing": {[]string{"Starting automated install."}, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDrive(t, Config{})
			d.console(healthy[:2]...)
			d.console(c.lines[0])
			d.wait(c.wait)
			d.console(c.lines[1:]...)
			d.wait(3 * time.Second)
			var got []string
			for _, e := range d.events {
				if e.Kind == event.Warning {
					got = append(got, e.Rule)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("warnings by %q, want %q", got, c.want)
			}
		})
	}
}

// A recording that ends there has its warning too.
func TestWarnedAtTheEnd(t *testing.T) {
	d := newDrive(t, Config{ConsoleOnly: true})
	d.console(healthy[:2]...)
	d.console("Starting automated install.Some packages, groups or modules are missing.")
	d.step(End{})
	if i := slices.IndexFunc(d.events, func(e event.Event) bool { return e.Kind == event.Warning }); i < 0 || d.events[i].Rule != "packages-unavailable" {
		t.Errorf("%+v", d.events)
	}
}
