package anaconda

import (
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/event"
)

// warned are the rules of the warnings so far.
func (d *drive) warned() (rules []string) {
	for _, e := range d.events {
		if e.Kind == event.Warning {
			rules = append(rules, e.Rule)
		}
	}
	return rules
}

// What the checks say is told as a warning once the installation has got over
// it, and once: by the row that says most.
func TestWarnedWhenTheInstallationGoesOn(t *testing.T) {
	const missing = "Starting automated install.Some packages, groups or modules are missing."
	for name, c := range map[string]struct {
		lines []string
		want  []string // rules
	}{
		"with names":         {[]string{missing, "Problems in request:", "missing packages: no-such-package"}, []string{"packages-missing"}},
		"without names":      {[]string{missing, "Problems in request:"}, []string{"packages-unavailable"}},
		"broken":             {[]string{"Starting automated install.Some packages, groups or modules are broken.", "Problem: nothing provides libx needed by y"}, []string{"packages-dependencies"}},
		"nothing is missing": {[]string{"Starting automated install."}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDrive(t, Config{})
			d.console(healthy[:2]...)
			d.console(c.lines...)
			d.console(healthy[3:9]...)
			if got := d.warned(); got != nil {
				t.Errorf("warned by %q while it may still explain a failure", got)
			}
			d.console(healthy[9:]...)
			if got := d.warned(); !slices.Equal(got, c.want) {
				t.Errorf("warnings by %q, want %q", got, c.want)
			}
		})
	}
}

// A failure is told once: no warning says before it, or the opposite of, what it
// says.
func TestFailureIsToldOnce(t *testing.T) {
	terminates := []string{
		"The installation was stopped due to an error which occurred while running in non-interactive cmdline mode.",
		"The exact error message is:", "Non interactive installation failed: REASON.", "The installer will now terminate.",
	}
	failing := func(reason string) []string {
		lines := slices.Clone(terminates)
		lines[2] = strings.Replace(lines[2], "REASON", reason, 1)
		return lines
	}
	for name, c := range map[string]struct {
		before, after []string // lines of the console
		log           string
		rule          string
	}{
		"a package is missing": {
			slices.Concat(healthy[:2], []string{"Starting automated install.Some packages, groups or modules are missing.", "missing packages: nope"}, healthy[3:6]),
			failing("Some packages, groups or modules are missing. Problems in request: missing packages: nope"), "", "packages-missing"},
		"storage": {
			slices.Concat(healthy[:3], []string{"Saving storage configuration...", "Failed to save storage configuration", "Unable to allocate requested partition scheme."}),
			failing("The following mandatory spokes are not completed: Installation Destination"), "", "disk-too-small"},
		"a crash": {
			healthy[:6],
			[]string{"Running in cmdline mode, no interactive debugging allowed.", "The exact error message is:", "'NoneType' object has no attribute 'format'.", "The installer will now terminate."},
			"11:33:24,440 CRIT anaconda:anaconda: exception: Traceback (most recent call last):", "installer-crash"},
		"%post": {
			healthy[:14],
			[]string{strings.Repeat("=", 80), strings.Repeat("=", 80), "Error", "  There was an error running the kickstart script at line 2.  This is a fatal", "  error and installation will be aborted.  The details of this error are:", "  about to fail", "Press ENTER to exit: "},
			"11:40:02,118 WARNING org.fedoraproject.Anaconda.Modules.Runtime:ERROR:anaconda.core.kickstart.scripts.script:Error code 7 running the kickstart script at line 2", "script-failed"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDrive(t, Config{DoneMarker: true})
			d.port("phase pre")
			d.console(c.before...)
			if c.log != "" {
				d.step(Log{Line: 1, Text: c.log})
			}
			d.console(c.after...)
			d.port("error the installer gave up", "end")
			d.step(Tick{})
			d.at += blockTime
			d.step(Tick{})
			d.want(Failed, c.rule)
			if got := d.warned(); got != nil {
				t.Errorf("warned by %q too", got)
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
	if got := d.warned(); !slices.Equal(got, []string{"packages-unavailable"}) {
		t.Errorf("%q", got)
	}
}
