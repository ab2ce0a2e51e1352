package nixglue

// Messages of nix, and what is left out of its texts.

import (
	"path"
	"regexp"
	"strings"

	"github.com/imgasm/imgasm/internal/event"
)

// "warning: ignoring the client-specified setting 'builders', because it is a restricted setting and you are not a trusted user"
var ignoredSetting = regexp.MustCompile(`ignoring the client-specified setting '([^']*)'.*not a trusted user`)

const noMachine = "Failed to find a machine for remote build!"

func (l *Log) message(r *record) {
	text := plain(r.Msg)
	if r.RawMsg != "" {
		text = plain(r.RawMsg)
	}
	text = strings.TrimPrefix(text, "error: ")
	kind := event.Note
	switch warning, isWarning := strings.CutPrefix(text, "warning: "); {
	case r.Level > 3 || text == "": // 3: what nix says without -v
		return
	case isWarning: // of level 0, where a daemon warns
		kind, text = event.Warning, warning
		if m := ignoredSetting.FindStringSubmatch(text); m != nil {
			if l.ignored[m[1]] || len(l.ignored) == maxIgnored {
				return // it is said again and again
			}
			l.ignored[m[1]] = true
		}
	case r.Level == 0 || strings.HasPrefix(text, noMachine):
		keep(&l.errors, text, maxNotes) // "this derivation will be built:" of a dry run too, which fails rarely
		if r.Level > 0 || strings.Contains(r.Msg, "error:") {
			kind = event.Warning
		}
	case r.Level == 1:
		kind = event.Warning
	}
	if r.RawMsg != "" {
		return // the call's error has it
	}
	keep(&l.notes, text, maxNotes)
	l.sink(Event{Kind: kind, Text: text})
}

// keep appends to a ring of at most n lines.
func keep(ring *[]string, line string, n int) {
	if len(*ring) >= n {
		*ring = append((*ring)[:0], (*ring)[len(*ring)-n+1:]...)
	}
	*ring = append(*ring, line)
}

// "\x1b[31;1merror:\x1b[0m", and other sequences of ECMA-48
var escapes = regexp.MustCompile("\x1b(\\[[0-?]*[ -/]*[@-~]|\\][^\a\x1b]*(\a|\x1b\\\\)?|[@-_])")

// plain takes escape sequences, the indentation of further lines and what is too
// long out of a text.
func plain(s string) string {
	s = escapes.ReplaceAllString(s, "")
	if len(s) > maxText {
		s = s[:maxText] + "…"
	}
	s = strings.ToValidUTF8(s, "�")
	lines := strings.Split(strings.TrimRight(s, " \r\n"), "\n")
	for i := range lines[1:] {
		lines[i+1] = strings.TrimLeft(lines[i+1], " ")
	}
	return strings.TrimLeft(strings.Join(lines, "\n"), "\n")
}

// storeName is a derivation's or store path's name, without hash and ".drv".
func storeName(p string) string {
	name := strings.TrimSuffix(path.Base(p), ".drv")
	if len(name) > 33 && name[32] == '-' {
		name = name[33:]
	}
	return name
}
