// The corpus: kickstarts with the findings that they should have.
//
// Beside NAME.ks stands NAME.want:
//
//	options: fragment dialect=rhel9 arch=… boot=… disk=… bus=… console=… size=MIB iso=… offline cmdline
//	reference: ok | warning | error LINE | error     (the reference's verdict, recorded by running it)
//	LINE:COLUMN-END severity rule                    (one for each finding)

package kickstart

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgasm/imgasm/internal/golden"
)

const corpusDir = "../testdata/kickstart/corpus"

// corpusCase is what a .want file says.
type corpusCase struct {
	options   string
	reference string
	findings  []string
}

func readWant(t *testing.T, path string) corpusCase {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var c corpusCase
	for _, line := range strings.Split(strings.TrimSpace(string(src)), "\n") {
		if v, ok := strings.CutPrefix(line, "options: "); ok {
			c.options = v
		} else if v, ok := strings.CutPrefix(line, "reference: "); ok {
			c.reference = v
		} else if line != "" {
			c.findings = append(c.findings, line)
		}
	}
	return c
}

func (c corpusCase) String() string {
	var b strings.Builder
	if c.options != "" {
		fmt.Fprintf(&b, "options: %s\n", c.options)
	}
	if c.reference != "" {
		fmt.Fprintf(&b, "reference: %s\n", c.reference)
	}
	for _, f := range c.findings {
		b.WriteString(f + "\n")
	}
	return b.String()
}

func (c corpusCase) lintOptions(t *testing.T) LintOptions {
	t.Helper()
	var o LintOptions
	target := &Target{}
	for _, word := range strings.Fields(c.options) {
		key, value, _ := strings.Cut(word, "=")
		if key != "fragment" && key != "dialect" && key != "profile" {
			o.Target = target
		}
		switch key {
		case "fragment":
			o.Fragment = true
		case "dialect":
			d, err := DialectByName(value)
			if err != nil {
				t.Fatal(err)
			}
			o.Dialect = d
		case "profile":
			p, err := ParseProfile(value)
			if err != nil {
				t.Fatal(err)
			}
			o.Profile = p
		case "arch":
			target.Arch = value
		case "boot":
			target.Boot = value
		case "disk":
			target.DiskName = value
		case "bus":
			target.DiskBus = value
		case "console": // its name is known by the architecture
		case "iso":
			target.ISOVariant = value
		case "size":
			mib, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			target.DiskSizeBytes = int64(mib) << 20
		case "offline":
			target.Offline = true
		case "cmdline":
			target.CmdlineMode = true
		default:
			t.Fatalf("unknown option %q", word)
		}
	}
	return o
}

func corpusFiles(t testing.TB) []string {
	t.Helper()
	names, err := filepath.Glob(corpusDir + "/*.ks")
	if err != nil || len(names) < 60 {
		t.Fatalf("the corpus has %d files: %v", len(names), err)
	}
	return names
}

func TestCorpus(t *testing.T) {
	for _, name := range corpusFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".ks"), func(t *testing.T) {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			wantPath := strings.TrimSuffix(name, ".ks") + ".want"
			c := readWant(t, wantPath)
			f, err := Parse("ks.cfg", src)
			if err != nil {
				t.Fatal(err)
			}
			findings := Lint(f, c.lintOptions(t))
			var got []string
			for _, f := range findings {
				got = append(got, fmt.Sprintf("%d:%d-%d %s %s", f.Line, f.Column, f.EndColumn, f.Severity, f.Rule))
				checkFinding(t, string(src), f)
			}
			if *golden.Update {
				c.findings = got
				if err := os.WriteFile(wantPath, []byte(c.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(c.findings, got); d != "" {
				t.Errorf("findings (-want +got; rewrite with -update, and read them):\n%s%+v", d, findings)
			}
			if c.lintOptions(t).Target == nil {
				checkReference(t, c.reference, findings)
			}
		})
	}
}

// behindReference are the errors that the reference, a parser, does not look
// for: what the installer's modules refuse, and what nobody can log in with.
var behindReference = []string{"bad-hostname", "bootloader-partition", "damaged-hash", "damaged-key", "ignored-disk", "module-refuses",
	"removed-section", "unknown-filesystem"}

// checkReference holds findings against the reference's verdict: an error at
// its line where it refuses, and none where it does not.
func checkReference(t *testing.T, reference string, findings []Finding) {
	t.Helper()
	errs := slices.DeleteFunc(errorsOf(findings), func(f Finding) bool { return slices.Contains(behindReference, f.Rule) })
	line, refused := strings.CutPrefix(reference, "error")
	switch {
	case reference == "":
	case !refused:
		if len(errs) > 0 {
			t.Errorf("the reference reads the file, lint says %+v", errs)
		}
	case len(errs) == 0:
		t.Errorf("the reference refuses the file, lint finds no error")
	case line != "":
		for _, e := range errs {
			if strconv.Itoa(e.Line) == strings.TrimSpace(line) {
				return
			}
		}
		t.Errorf("the reference refuses line%s, lint says %+v", line, errs)
	}
}

// checkFinding holds a finding against what every finding promises.
func checkFinding(t *testing.T, src string, f Finding) {
	t.Helper()
	rule := rules[f.Rule]
	if rule == nil {
		t.Errorf("finding of an unknown rule: %+v", f)
		return
	}
	if f.Text == "" || strings.HasSuffix(f.Text, ".") || strings.Contains(f.Text, "\n") || f.File != "ks.cfg" {
		t.Errorf("bad text or file: %+v", f)
	}
	if f.Line < 1 || f.Column < 1 || f.EndColumn < f.Column || f.EndColumn > len([]rune(f.Excerpt))+1 && f.Excerpt != "" {
		t.Errorf("bad position: %+v", f)
	}
	if !strings.Contains(strings.ReplaceAll(src, "\ufeff", ""), f.Excerpt) {
		t.Errorf("the excerpt is not in the file: %+v", f)
	}
	if f.Severity != Error && f.Severity != Warning {
		t.Errorf("bad severity: %+v", f)
	}
}

// TestCorpusCovers demands that the corpus has a file without errors for every
// command, option and section of RHEL 10, and a finding of every rule.
func TestCorpusCovers(t *testing.T) {
	commands, sections := recordedFacts(t)
	seen := map[string]bool{}
	seenRules := map[string]bool{"include-missing": true, "include-unread": true, "include-cycle": true} // in TestInclude
	for _, name := range corpusFiles(t) {
		c := readWant(t, strings.TrimSuffix(name, ".ks")+".want")
		broken := false
		for _, f := range c.findings {
			fields := strings.Fields(f)
			seenRules[fields[2]] = true
			broken = broken || fields[1] == "error"
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f := parse(t, string(src))
		for _, s := range f.Sections("") {
			seen[s.Name()] = seen[s.Name()] || !broken
		}
		for _, cmd := range f.Commands() {
			if broken {
				break
			}
			seen[cmd.Name()] = true
			for _, w := range cmd.Args() {
				option, _, _ := strings.Cut(w.Value, "=")
				seen[cmd.Name()+" "+option] = true
			}
		}
	}
	for name, fact := range commands {
		if fact.Status == "removed" || name == "vnc" || name == "module" || name == "partition" {
			continue // part stands for partition; the others have findings
		}
		if !seen[name] {
			t.Errorf("no file of the corpus has %s", name)
		}
		for _, o := range fact.Options {
			found := len(o.Names) == 0 || o.Deprecated != "" || name == "cmdline" || name == "poweroff" || name == "halt" || name == "shutdown"
			for _, n := range o.Names {
				found = found || seen[name+" "+n]
			}
			if !found {
				t.Errorf("no file of the corpus without errors has %s %s", name, o.Names[0])
			}
		}
	}
	for name := range sections {
		if name != "%traceback" && name != "%anaconda" && !seen[name] {
			t.Errorf("no file of the corpus has %s", name)
		}
	}
	for _, r := range Rules() {
		if !seenRules[r.Name] {
			t.Errorf("no file of the corpus has a finding of %s", r.Name)
		}
	}
}
