// The table against the facts about the reference implementation, which were
// recorded by running it: testdata/kickstart/kickstart-rhel10.json. Nothing
// here is derived from the package's own table.

package kickstart

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

type factOption struct {
	Names      []string `json:"names"`
	Type       string   `json:"type"`
	Nargs      any      `json:"nargs"`
	Choices    []string `json:"choices"`
	Required   bool     `json:"required"`
	Positional bool     `json:"positional"`
	TakesValue bool     `json:"takes_value"`
	Deprecated string   `json:"deprecated"`
}

type factCommand struct {
	Status    string       `json:"status"`
	Aliases   []string     `json:"aliases"`
	Conflicts []string     `json:"conflicts_with"`
	Options   []factOption `json:"options"`
}

func recordedFacts(t *testing.T) (commands map[string]factCommand, sections map[string]factCommand) {
	t.Helper()
	src, err := os.ReadFile("../testdata/kickstart/kickstart-rhel10.json")
	if err != nil {
		t.Fatal(err)
	}
	var facts struct {
		Commands map[string]factCommand `json:"commands"`
		Sections map[string]factCommand `json:"sections"`
	}
	if err := json.Unmarshal(src, &facts); err != nil {
		t.Fatal(err)
	}
	if len(facts.Commands) < 70 || len(facts.Sections) < 8 {
		t.Fatalf("only %d commands and %d sections in the facts", len(facts.Commands), len(facts.Sections))
	}
	return facts.Commands, facts.Sections
}

// sampleValue is a value that the option's type takes.
func sampleValue(o factOption) string {
	switch {
	case len(o.Choices) > 0:
		return o.Choices[0]
	case o.Type == "int":
		return "7"
	case o.Type == "boolean":
		return "on"
	case o.Type == "func:_type_cb":
		return "lvm"
	case o.Type == "func:_level_cb":
		return "raid1"
	case o.Type == "func:_when_cb":
		return "post-install"
	case o.Type == "mountpoint":
		return "/srv"
	}
	return "value"
}

// contexts complete a command so that nothing but the option under test
// decides whether it is read; "-" stands for nothing at all.
var contexts = map[string]string{
	"driverdisk --source": "-", "driverdisk --biospart": "-",
	"eula": "--agreed", "ignoredisk": "-", "keyboard": "us", "logging --port": "--host=h",
	"logvol": "/ --name=n --vgname=g --size=1", "logvol --percent": "/ --name=n --vgname=g",
	"logvol --resize": "/ --name=n --vgname=g --size=1 --useexisting", "logvol --thin": "/ --name=n --vgname=g --size=1 --poolname=p",
	"logvol --chunksize": "/ --name=n --vgname=g --size=1 --thinpool", "logvol --metadatasize": "/ --name=n --vgname=g --size=1 --thinpool",
	"logvol --cachesize": "/ --name=n --vgname=g --size=1 --cachepvs=pv.9", "logvol --cachepvs": "/ --name=n --vgname=g --size=1 --cachesize=9",
	"logvol --cachemode":          "/ --name=n --vgname=g --size=1 --cachepvs=pv.9 --cachesize=9",
	"mount":                       "/dev/vda1 /",
	"mount --mkfsoptions":         "/dev/vda1 / --reformat",
	"network":                     "--device=eth0",
	"network --bridgeopts":        "--bridgeslaves=a",
	"ostreesetup":                 "--osname=o --ref=r --url=https://example.org",
	"ostreesetup --url":           "--osname=o --ref=r",
	"part --resize":               "/ --onpart=vda1 --size=1",
	"raid":                        "/ raid.01 raid.02 --device=md0 --level=1",
	"raid --useexisting":          "/ --device=md0",
	"raid --noformat":             "/ --device=md0",
	"rootpw":                      "secret",
	"services":                    "-",
	"snapshot":                    "vg/lv --name=n --when=post-install",
	"sshpw":                       "--username=u secret",
	"timesource":                  "--ntp-pool=p",
	"timesource --ntp-server":     "-",
	"timesource --ntp-pool":       "-",
	"timesource --ntp-disable":    "-",
	"timezone":                    "UTC",
	"updates":                     "https://example.org/updates.img",
	"url":                         "--url=https://example.org",
	"url --url":                   "-",
	"url --mirrorlist":            "-",
	"url --metalink":              "-",
	"volgroup":                    "vg pv.01",
	"volgroup --useexisting":      "vg",
	"volgroup --noformat":         "vg",
	"zfcp --wwpn":                 "--devnum=1 --fcplun=2",
	"zfcp --fcplun":               "--devnum=1 --wwpn=2",
	"network --teamslaves":        "--device=team0",
	"autopart --pbkdf-time":       "",
	"authselect":                  "select sssd",
	"realm":                       "join example.org",
	"repo":                        "--name=r",
	"volgroup --reserved-percent": "vg pv.01",
}

// samples are values where the type alone does not say what is taken.
var samples = map[string]string{
	"network --bridgeopts": "a=b", "logvol --cachemode": "writeback", "network --teamslaves": "a,b",
	"ostreesetup --url": "https://example.org", "bootloader --boot-drive": "vda",
	"autopart --fstype": "xfs", "clearpart --disklabel": "gpt",
}

// completed is what stands between the command and the option under test.
func completed(command string, fact factCommand, o factOption) string {
	if command == "partition" {
		command = "part"
	}
	for _, name := range append(o.Names, "") {
		if c, ok := contexts[strings.TrimSpace(command+" "+name)]; ok {
			if c == "-" {
				return ""
			}
			return c
		}
	}
	var words []string
	for _, other := range fact.Options {
		switch {
		case !other.Required, len(o.Names) > 0 && len(other.Names) > 0 && other.Names[0] == o.Names[0]:
		case other.Positional:
			words = append(words, sampleValue(other))
		default:
			words = append(words, other.Names[0]+"="+sampleValue(other))
		}
	}
	return strings.Join(words, " ")
}

func errorsOf(findings []Finding) []Finding {
	var errs []Finding
	for _, f := range findings {
		if f.Severity == Error {
			errs = append(errs, f)
		}
	}
	return errs
}

func lintLine(t *testing.T, line string) []Finding {
	t.Helper()
	return Lint(parse(t, line+"\n"), LintOptions{Dialect: RHEL10, Fragment: true})
}

func TestFactsCommands(t *testing.T) {
	commands, _ := recordedFacts(t)
	for name, fact := range commands {
		if fact.Status == "removed" {
			errs := errorsOf(lintLine(t, name))
			if len(errs) != 1 || errs[0].Rule != "removed-command" || errs[0].Line != 1 || errs[0].Hint == "" {
				t.Errorf("%s is removed, but lint says %+v", name, errs)
			}
			continue
		}
		line := strings.TrimSpace(name + " " + completed(name, fact, factOption{}))
		switch name {
		case "driverdisk":
			line = "driverdisk vdb1"
		case "ignoredisk":
			line = "ignoredisk --drives=vdb"
		case "services":
			line = "services --enabled=sshd"
		case "url":
			line = "url --url=https://example.org"
		}
		findings := lintLine(t, line)
		if errs := errorsOf(findings); len(errs) > 0 {
			t.Errorf("%q is refused: %+v", line, errs)
		}
		if fact.Status == "deprecated" && !hasRule(findings, "deprecated-command") {
			t.Errorf("%q: no finding that it is deprecated: %+v", line, findings)
		}
		for _, option := range fact.Options {
			checkFactOption(t, name, fact, option)
		}
		if fact.Status == "deprecated" || name == "authselect" || name == "realm" {
			continue // they take any words, or their own
		}
		if errs := errorsOf(lintLine(t, line+" --no-such-option")); len(errs) == 0 && name != "volgroup" {
			t.Errorf("%q with an unknown option is not refused", line)
		}
	}
}

func hasRule(findings []Finding, rule string) bool {
	for _, f := range findings {
		if f.Rule == rule {
			return true
		}
	}
	return false
}

// checkFactOption tries every name of an option, in both spellings, and what
// the reference refuses of it.
func checkFactOption(t *testing.T, command string, fact factCommand, o factOption) {
	t.Helper()
	ctx := completed(command, fact, o)
	for _, name := range o.Names {
		if command == "cmdline" && name == "--non-interactive" {
			if errs := errorsOf(lintLine(t, "cmdline "+name)); len(errs) == 0 {
				t.Error("cmdline --non-interactive is not refused")
			}
			continue
		}
		value := samples[command+" "+name]
		if value == "" {
			value = sampleValue(o)
		}
		spellings := []string{name}
		if o.TakesValue {
			spellings = []string{name + "=" + value, name + " " + value}
		}
		for _, spelling := range spellings {
			line := strings.TrimSpace(command+" "+ctx) + " " + spelling
			findings := lintLine(t, line)
			if errs := errorsOf(findings); len(errs) > 0 {
				t.Errorf("%q is refused: %+v", line, errs)
			}
			if (o.Deprecated != "") != hasRule(findings, "deprecated-option") {
				t.Errorf("%q: deprecated %q, findings %+v", line, o.Deprecated, findings)
			}
		}
		bad := map[string]string{}
		switch {
		case !o.TakesValue:
			bad[name+"=1"] = "unexpected-value"
		case o.Nargs != "?":
			bad[name] = "missing-value"
		}
		if o.Type == "int" {
			bad[name+"=seven"] = "invalid-value"
		}
		if len(o.Choices) > 0 || o.Type == "boolean" || strings.HasSuffix(o.Type, "_cb") && strings.HasPrefix(value, "lvm") {
			bad[name+"=no-such-choice"] = "invalid-value"
		}
		for words, rule := range bad {
			line := strings.TrimSpace(command+" "+ctx) + " " + words
			if findings := lintLine(t, line); !hasRule(findings, rule) {
				t.Errorf("%q: want %s, got %+v", line, rule, findings)
			}
		}
	}
	if o.Required && !o.Positional {
		line := command + " " + strings.Join(withoutOption(strings.Fields(ctx), o.Names), " ")
		if findings := lintLine(t, line); !hasRule(findings, "missing-option") {
			t.Errorf("%q lacks %s, but lint says %+v", line, o.Names[0], findings)
		}
	}
}

func withoutOption(words, names []string) []string {
	var rest []string
	for _, w := range words {
		keep := true
		for _, n := range names {
			keep = keep && !strings.HasPrefix(w, n+"=")
		}
		if keep {
			rest = append(rest, w)
		}
	}
	return rest
}

// fullCommands are commands that can stand alone.
var fullCommands = map[string]string{
	"autopart": "autopart", "partition": "part /x --size=1", "raid": "raid /x --device=md1 --level=0 raid.1 raid.2",
	"volgroup": "volgroup g pv.1", "logvol": "logvol /x --name=x --vgname=g --size=1", "reqpart": "reqpart", "mount": "mount /dev/vda1 /x",
	"ostreesetup": "ostreesetup --osname=o --ref=r --url=file:/x", "ostreecontainer": "ostreecontainer --url=x", "bootc": "bootc --source-imgref=x",
}

func TestFactsConflicts(t *testing.T) {
	commands, _ := recordedFacts(t)
	tried := 0
	for name, fact := range commands {
		second := fullCommands[strings.Replace(name, "partition", "part", 1)]
		if name == "part" {
			second = fullCommands["partition"]
		}
		for _, other := range fact.Conflicts {
			first := fullCommands[other]
			if first == "" || second == "" && name != "partition" {
				t.Errorf("%s conflicts with %s: no sample of one of them", name, other)
				continue
			}
			if second == "" {
				second = fullCommands["partition"]
			}
			tried++
			errs := errorsOf(Lint(parse(t, first+"\n\n"+second+"\n"), LintOptions{Fragment: true}))
			if len(errs) != 1 || errs[0].Rule != "command-conflict" || errs[0].Line != 3 {
				t.Errorf("%q then %q: %+v", first, second, errs)
			}
		}
	}
	if tried < 20 {
		t.Errorf("only %d conflicts in the facts", tried)
	}
}

func TestFactsSections(t *testing.T) {
	_, sections := recordedFacts(t)
	for name, fact := range sections {
		if name == "%anaconda" { // the reference reads it, the installer does not: see the corpus
			continue
		}
		required := ""
		if name == "%certificate" {
			required = " --filename=f --dir=/d"
		}
		for _, o := range append(fact.Options, factOption{}) {
			words := []string{""}
			for _, n := range o.Names {
				if o.TakesValue {
					words = append(words, " "+n+"="+sampleValue(o))
				} else {
					words = append(words, " "+n)
				}
			}
			for _, w := range words {
				src := name + required + w + "\ntext\n%end\n"
				if errs := errorsOf(Lint(parse(t, src), LintOptions{Fragment: true})); len(errs) > 0 {
					t.Errorf("%q is refused: %+v", src, errs)
				}
			}
		}
		src := "\n" + name + required + "\ntext\n"
		errs := errorsOf(Lint(parse(t, src), LintOptions{Fragment: true}))
		if len(errs) != 1 || errs[0].Rule != "unclosed-section" || errs[0].Line != 3 {
			t.Errorf("%q: %+v", src, errs)
		}
		if len(fact.Options) > 0 {
			src := name + required + " --no-such-option\ntext\n%end\n"
			if errs := errorsOf(Lint(parse(t, src), LintOptions{Fragment: true})); len(errs) != 1 || errs[0].Line != 1 {
				t.Errorf("%q: %+v", src, errs)
			}
		}
	}
	for _, gone := range []string{"--instLangs=de", "--excludeWeakdeps", "--nobase", "--ignorebroken"} {
		errs := errorsOf(lintLine(t, "%packages "+gone+"\n%end"))
		if len(errs) != 1 || errs[0].Rule != "removed-option" || errs[0].Hint == "" {
			t.Errorf("%%packages %s: %+v", gone, errs)
		}
	}
}

// TestFactsTable holds the exported table against the facts.
func TestFactsTable(t *testing.T) {
	commands, sections := recordedFacts(t)
	for _, c := range Commands() {
		for _, name := range append([]string{c.Name}, c.Also...) {
			status := c.History.In(RHEL10)
			fact, known := commands[name]
			if status == Active || status == Deprecated {
				if !known {
					t.Errorf("the table has a command %s that the facts have not", name)
				}
				for _, o := range c.Options {
					if c.Raw {
						break // none of them is read
					}
					if s := o.History.In(RHEL10); s != Active && s != Deprecated {
						continue
					}
					for _, n := range o.Names {
						if !factHas(fact.Options, n) {
							t.Errorf("the table has %s %s, the facts have not", name, n)
						}
					}
				}
			}
		}
	}
	for _, s := range Sections() {
		if _, known := sections[s.Name]; !known {
			t.Errorf("the table has a section %s that the facts have not", s.Name)
		}
	}
}

func factHas(options []factOption, name string) bool {
	for _, o := range options {
		for _, n := range o.Names {
			if n == name {
				return true
			}
		}
	}
	return false
}
