package anaconda

import (
	"fmt"
	"strconv"
	"strings"
)

// Scripts of the kickstart that ended with an error: which it was, with what
// status, and what it said. The installer's dialog has a number of a line and
// the script's output, its log a number and the status.

// scriptEnd is what the log says of a script.
type scriptEnd struct {
	status string
	line   int
}

// scriptPhases are the phases in which each kind of script runs.
var scriptPhases = map[string][2]Phase{
	"%pre":         {PhaseInstaller, PhaseInstaller},
	"%pre-install": {PhaseStorage, PhaseStorage},
	"%post":        {PhasePost, PhaseShutdown},
}

// numbered returns the scripts that a number of a line can mean: those whose
// header it is in the file itself, or by the runtime module's count.
func (o *outline) numbered(scripts []script, line int) (found []script) {
	for _, s := range scripts {
		if s.first == line || s.counted == line {
			found = append(found, s)
		}
	}
	return found
}

// running returns the user's scripts that can be running in a phase. fatal:
// those marked --erroronfail alone.
func (o *outline) running(p Phase, fatal bool) (found []script) {
	if o == nil {
		return nil
	}
	for _, s := range o.scripts {
		when, ok := scriptPhases[s.section]
		if ok && s.first <= o.users && (s.fatal || !fatal) && p >= when[0] && p <= when[1] {
			found = append(found, s)
		}
	}
	return found
}

// placeScript says of a failed script which it was, as far as the evidence goes.
func (e *evidence) placeScript(f *Failure, number int) {
	o := e.outline
	scripts := o.running(f.Phase, true)
	status := ""
	countable := o != nil && len(o.includes) == 0 // what is included is counted too
	if n := len(e.scripts); n > 0 {               // at the last one the installer gave up
		last := e.scripts[n-1]
		if !countable {
			status = last.status
		} else if named := o.numbered(scripts, last.line); len(named) > 0 {
			scripts, status = named, last.status
		}
	}
	if countable {
		if named := o.numbered(scripts, number); len(named) > 0 {
			scripts = named
		}
	}
	how := "ended with an error"
	if status != "" {
		how = "ended with status " + status
	}
	switch {
	case len(scripts) == 1 && countable:
		f.Where = o.where(scripts[0])
		f.Meaning = "this " + scripts[0].what() + " " + how
	case len(scripts) > 0:
		var places []string
		for _, s := range scripts {
			places = append(places, o.where(s))
		}
		if !countable {
			places = append(places, "in a file that the kickstart includes ("+o.included()+")")
		}
		f.Meaning = fmt.Sprintf("A %s script that is marked --erroronfail %s. It is one of those at %s.", scripts[0].section, how, strings.Join(places, ", "))
	case status != "":
		f.Meaning = strings.Replace(f.Meaning, "ended with an error", how, 1)
	}
}

// scriptEnded notes what the log says of a script, and warns of one that the
// installer does not give up for.
func (e *evidence) scriptEnded(f *finding, groups []string) {
	line, err := strconv.Atoi(groups[2])
	if err != nil || len(e.scripts) >= maxClues {
		return
	}
	e.scripts = append(e.scripts, scriptEnd{groups[1], line})
	o := e.outline
	if o == nil {
		return
	}
	named := o.numbered(o.scripts, line)
	if len(named) > 1 {
		named = o.numbered(o.running(f.phase, false), line)
	}
	if len(named) != 1 || o.at(named[0].first) == "" || len(o.includes) > 0 {
		return
	}
	f.failure.KickstartLine, f.failure.Where = named[0].first, o.where(named[0])
	f.failure.Meaning = fmt.Sprintf("this %s ended with status %s", named[0].what(), groups[1])
	if !named[0].fatal {
		f.failure.Meaning += "; the installer goes on"
	}
	f.fatal = named[0].fatal
}

// scriptOutput returns what a script had printed, as the installer's dialog shows it.
func scriptOutput(dialog []Line) (said []Line) {
	output := false
	for _, l := range dialog {
		text := strings.TrimSpace(l.Text)
		switch {
		case isPrompt(l.Text): // what follows it is of no script
			return said
		case strings.HasSuffix(text, "The details of this error are:"):
			output = true
		case output && text != "":
			said = append(said, Line{Channel: l.Channel, Line: l.Line, Text: strings.TrimPrefix(l.Text, "  ")})
		}
	}
	return said
}
