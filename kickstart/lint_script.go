// Lint of scripts: shell syntax, and how their failures are told.

package kickstart

import (
	"bytes"
	"errors"
	"path"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

var (
	ruleScriptSyntax  = newRule(Warning, "script-syntax", "a script that the shell cannot read")
	ruleShebang       = newRule(Warning, "shebang-ignored", "a script's #! line, which the installer does not look at")
	ruleLogBlocks     = newRule(Warning, "log-blocks", "a log that the installer cannot read back")
	ruleErrorsIgnored = newRule(Warning, "script-errors-ignored", "a script whose failure nobody notices")
)

func init() { ruleErrorsIgnored.NeedsTarget = true }

// script lints the body of a script section.
func (l *linter) script(s *Section, a *Args) {
	header := s.Header
	body := s.BodyRaw()
	if len(bytes.TrimFunc(body, isSpace)) == 0 {
		return
	}
	if log := a.String("--log"); a.Flag("--erroronfail") && strings.HasPrefix(log, "/dev/") && log != "/dev/null" {
		l.adviseAt(header, a, "--log", problem{rule: ruleLogBlocks, text: "--erroronfail with --log=" + log + " blocks when the script fails",
			meaning: "the installer reads the log back, which never ends on a device", hint: "log to a file, and copy it to the device"})
	}
	if t := l.options.Target; t != nil && !a.Flag("--erroronfail") && s.Name() != "%onerror" && s.Name() != "%traceback" {
		l.adviseAt(header, a, "", problem{rule: ruleErrorsIgnored, text: "nobody notices when this " + s.Name() + " fails",
			meaning: "the installer logs the exit status and goes on", hint: "add --erroronfail"})
	}
	interpreter := "/bin/sh"
	if a.Has("--interpreter") {
		interpreter = a.String("--interpreter")
	}
	first, _ := cutLine(body)
	if wanted, ok := strings.CutPrefix(string(first[:eolStart(first)]), "#!"); ok && !a.Has("--interpreter") {
		if name := interpreterOf(wanted); name != "" && !isShell(name) {
			at := s.Body[0].Pos()
			l.warn(problem{rule: ruleShebang, pos: at, end: at.after(first[:eolStart(first)]),
				text:    "the #! line has no effect: /bin/sh runs the script",
				meaning: "the installer starts the program of --interpreter and does not look into the script",
				hint:    "add --interpreter=" + strings.TrimSpace(wanted) + " to " + s.Name()})
			return
		}
	}
	if isShell(path.Base(strings.TrimSpace(interpreter))) {
		l.shellSyntax(s, body)
	}
}

// interpreterOf is the program's name in a #! line: "python3" of
// "/usr/bin/env python3".
func interpreterOf(line string) string {
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return ""
	}
	name := path.Base(fields[0])
	if name == "env" && len(fields) > 1 {
		name = fields[1]
	}
	return name
}

// isShell names the shells whose syntax is checked. On EL, sh is bash.
func isShell(name string) bool { return name == "sh" || name == "bash" }

// shellSyntax reads the script as bash does. Bodies with %include are left
// alone: the file included belongs to them.
func (l *linter) shellSyntax(s *Section, body []byte) {
	for _, n := range s.Body {
		if _, ok := n.(*Include); ok {
			return
		}
	}
	if len(body) > maxScript || tooDeep(body) {
		return
	}
	_, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(bytes.NewReader(body), "")
	var parseError syntax.ParseError
	var langError syntax.LangError
	var at syntax.Pos
	var text string
	switch {
	case errors.As(err, &parseError):
		at, text = parseError.Pos, parseError.Text
	case errors.As(err, &langError):
		return // bash of another opinion than the parser: not ours to judge
	default:
		return
	}
	// The shell counts lines by LF alone, as bash does.
	n := 0
	for rest := s.Body; len(rest) > 0; rest = rest[1:] {
		if strings.HasSuffix(string(rest[0].Raw()), "\n") {
			n++
		}
		if n >= int(at.Line()) || len(rest) == 1 {
			pos := rest[0].Pos()
			col := min(max(int(at.Col())-1, 0), len(rest[0].Raw())-len(eolOf(rest[0])))
			pos = pos.after(rest[0].Raw()[:col])
			l.warn(problem{rule: ruleScriptSyntax, pos: pos, end: pos, text: "the shell cannot read this: " + text,
				meaning: "the script fails here when it runs"})
			return
		}
	}
}

func eolOf(n Node) string {
	raw := n.Raw()
	return string(raw[eolStart(raw):])
}
