package anaconda

import (
	"fmt"
	"strings"
	"testing"
)

// scripted has scripts of all kinds. By its own count the installer's runtime
// module sees cmdline, eula, %pre-install and the three %post: their headers
// stand in its lines 3, 6, 10 and 13.
const scripted = `cmdline
lang en_US.UTF-8
eula --agreed
%pre --erroronfail
echo pre
%end
%pre-install --erroronfail
echo one
%end

%post
# not fatal
echo two
%end
%post --erroronfail
echo three
%end
%post --erroronfail --log=/root/x
echo four
%end
poweroff
`

func dialog(line int, said ...string) []string {
	lines := []string{strings.Repeat("=", 80), strings.Repeat("=", 80), "Error",
		fmt.Sprintf("  There was an error running the kickstart script at line %d.  This is a fatal", line),
		"  error and installation will be aborted.  The details of this error are:", "  "}
	for _, s := range said {
		lines = append(lines, "  "+s)
	}
	return append(lines, "Press ENTER to exit: ")
}

// logged is how the runtime module's line arrives on the log port.
func logged(status, line int) string {
	return fmt.Sprintf("11:40:02,118 WARNING org.fedoraproject.Anaconda.Modules.Runtime:ERROR:anaconda.core.kickstart.scripts.script:Error code %d running the kickstart script at line %d", status, line)
}

// Which script failed, and with what status: what the evidence holds is said,
// and nothing else.
func TestScripts(t *testing.T) {
	oneFatal := strings.Replace(scripted, "%post --erroronfail --log=/root/x", "%post", 1)
	storage := healthy[:5]
	included := "%include /tmp/x.ks\n" + scripted
	for name, c := range map[string]struct {
		kickstart string
		before    []string
		log       []string
		dialog    []string
		want      string
	}{
		"the log has the status":                     {scripted, healthy[:14], []string{logged(7, 10)}, dialog(10, "three", "bad: not found"), "my.ks:15: this %post ended with status 7"},
		"another script":                             {scripted, healthy[:14], []string{logged(4, 13)}, dialog(13), "my.ks:18: this %post ended with status 4"},
		"no log: no status":                          {scripted, healthy[:14], nil, dialog(10, "three"), "my.ks:15: this %post ended with an error"},
		"an older installer counts the file's lines": {scripted, healthy[:14], []string{logged(3, 18)}, dialog(18), "my.ks:18: this %post ended with status 3"},
		"a script of imgasm's":                       {strings.Replace(scripted, "%post --erroronfail\n", "# From setup.sh.\n%post --erroronfail\n", 1), healthy[:14], []string{logged(7, 10)}, dialog(10, "three"), "setup.sh: this script ended with status 7"},
		"a number that none has":                     {scripted, healthy[:14], nil, dialog(99), "A %post script that is marked --erroronfail ended with an error. It is one of those at my.ks:15, my.ks:18."},
		"a number that none has, but one script":     {oneFatal, healthy[:14], nil, dialog(99), "my.ks:15: this %post ended with an error"},
		"an earlier one that is not fatal":           {scripted, healthy[:14], []string{logged(1, 6), logged(7, 10)}, dialog(10), "my.ks:15: this %post ended with status 7"},
		"only an earlier one is in the log":          {scripted, healthy[:14], []string{logged(1, 6)}, dialog(10), "my.ks:15: this %post ended with an error"},
		"%pre-install":                               {scripted, storage, []string{logged(2, 3)}, dialog(3), "my.ks:7: this %pre-install ended with status 2"},
		"with an include the count is unknown":       {included, healthy[:14], nil, dialog(10), "A %post script that is marked --erroronfail ended with an error. It is one of those at my.ks:16, my.ks:19, in a file that the kickstart includes (/tmp/x.ks)."},
		"but the status is not":                      {included, healthy[:14], []string{logged(7, 10)}, dialog(10), "A %post script that is marked --erroronfail ended with status 7. It is one of those at my.ks:16, my.ks:19, in a file that the kickstart includes (/tmp/x.ks)."},
		"no kickstart":                               {"", healthy[:14], []string{logged(7, 10)}, dialog(10), "A %pre-install or %post script that is marked --erroronfail ended with status 7."},
		"%pre": {scripted, healthy[:2], []string{"22:17:28,924 ERR kickstart.script: Error code 5 running the kickstart script at line 4"},
			[]string{"Traceback (most recent call last):", `  File "/sbin/anaconda", line 400, in <module>`, "pyanaconda.errors.ScriptError: (4, 'pre\\n')"}, "my.ks:4: this %pre ended with status 5"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDrive(t, Config{Kickstart: Kickstart{Name: "my.ks", Text: []byte(c.kickstart)}})
			d.console(c.before...)
			for i, line := range c.log {
				d.step(Log{Line: i + 1, Text: line})
			}
			d.console(c.dialog...)
			d.at += promptTime
			d.step(Tick{})
			if f := d.out.Failure; f == nil || f.Says() != c.want {
				t.Fatalf("%+v\nwant %q", f, c.want)
			}
			for _, o := range d.out.Failure.Others {
				if o.Class == ClassScript {
					t.Errorf("told again: %+v", o)
				}
			}
			if got := d.warned(); got != nil {
				t.Errorf("warned by %q", got)
			}
		})
	}
}

// A script that the installer gets over is a warning with its place.
func TestScriptThatIsGotOver(t *testing.T) {
	d := newDrive(t, Config{Kickstart: Kickstart{Name: "my.ks", Text: []byte(scripted)}})
	d.console(healthy[:14]...)
	d.step(Log{Line: 1, Text: logged(9, 6)})
	d.console(healthy[14:]...)
	d.shutdown("guest-shutdown")
	d.want(Succeeded, "")
	last := d.events[len(d.events)-1]
	for _, e := range d.events {
		if e.Rule != "" {
			last = e
		}
	}
	if last.Text != "my.ks:11: this %post ended with status 9; the installer goes on" {
		t.Errorf("%+v", last)
	}
}

// What a script says at such length that it does not fit is told by its end.
func TestScriptSaysMuch(t *testing.T) {
	var said []string
	for i := range 1000 {
		said = append(said, fmt.Sprintf("line %d", i))
	}
	d := newDrive(t, Config{})
	d.console(healthy[:14]...)
	d.console(dialog(2, said...)...)
	f := d.out.Failure
	if f == nil || len(f.Said) != maxSaid || f.Said[maxSaid-1].Text != "line 999" {
		t.Errorf("%+v", f)
	}
}

// A module's crash is the cause, not what it led to. Measured in a guest; no
// recording has such a line of the log port.
func TestModuleCrashes(t *testing.T) {
	d := newDrive(t, Config{})
	d.console(healthy[:3]...)
	for i, line := range strings.Split(row("log-segfault").Sample, "\n") {
		d.step(Log{Line: i + 1, Text: line})
	}
	d.console("Running in cmdline mode, no interactive debugging allowed.", "The exact error message is:",
		"Message recipient disconnected from message bus without replying.", "The installer will now terminate.")
	d.want(Failed, "log-segfault")
	f := d.out.Failure
	if f.Meaning != "A part of the installer (Modules.Storage) crashed: Segmentation fault." || strings.Contains(f.Hint, "want of memory") {
		t.Errorf("%q, %q", f.Meaning, f.Hint)
	}
}

func row(name string) Rule {
	for _, r := range Rules() {
		if r.Name == name {
			return r
		}
	}
	panic(name)
}
