package kickstart

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// brief writes findings one a line: "file:line:column rule".
func brief(findings []Finding) string {
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%s:%d:%d %s\n", f.File, f.Line, f.Column, f.Rule)
	}
	return b.String()
}

func TestInclude(t *testing.T) {
	files := map[string]string{
		"part.ks":     "part / --sizze=1\n%include more.ks\nlang en_US.UTF-8\nautopart\n",
		"more.ks":     "rootpw\n",
		"cycle.ks":    "%include other.ks\n",
		"other.ks":    "%include cycle.ks\n",
		"packages.ks": "bash\n# comment\n-\nvim\n",
		"pre.ks":      "%pre\necho autopart >/tmp/x\n%end\n",
		"script.sh":   "if true; then\n",
		"end.ks":      "%post\n",
	}
	read := func(name string) ([]byte, error) {
		if src, ok := files[name]; ok {
			return []byte(src), nil
		}
		if strings.HasPrefix(name, "../") {
			return nil, &IncludeError{Err: errors.New("outside"), Hint: "move it"}
		}
		if name == "half.ks" {
			return make([]byte, MaxSize/2+1), nil
		}
		if strings.HasPrefix(name, "https:") {
			return nil, errors.New("no network")
		}
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	tests := []struct {
		name, src, want string
		fragment        bool
	}{
		{"errors are told where they are, behind their line", "reboot x\n%include part.ks\ntext x\n",
			"ks.cfg:1:8 extra-argument\npart.ks:1:8 unknown-option\nmore.ks:1:1 missing-argument\npart.ks:4:1 command-conflict\nks.cfg:3:6 extra-argument\n", true},
		{"cycle", "%include cycle.ks\n", "other.ks:1:10 include-cycle\n", true},
		{"itself", "%include ks.cfg\n", "ks.cfg:1:10 include-cycle\n", true},
		{"packages", "%packages\nbash\n%include packages.ks\nvim\n%end\n",
			"packages.ks:1:1 duplicate-package\npackages.ks:3:1 bad-package-entry\nks.cfg:4:1 duplicate-package\n", true},
		{"missing", "%include gone.ks\n", "ks.cfg:1:10 include-missing\n", false},
		{"missing in packages", "%packages\n%include gone.ks\n%end\n", "ks.cfg:2:10 include-missing\n", false},
		{"missing, but the script may stand elsewhere", "%include gone.ks\n", "", true},
		{"missing, but %pre may write it", "%pre\ntrue\n%end\n%include gone.ks\n", "", false},
		{"missing, but an included %pre may write it", "%include pre.ks\n%include /tmp/x\n", "", false},
		{"an empty %pre writes nothing", "%pre\n\n%end\n%include gone.ks\n", "ks.cfg:4:10 include-missing\n", false},
		{"unreadable is not missing", "%include https://example.org/x.ks\n", "", false},
		{"refused by the reader", "%include ../x.ks\n", "ks.cfg:1:10 include-unread\n", false},
		{"too much in all", "%post\n%include half.ks\n%include half.ks\n%end\n", "ks.cfg:3:10 include-missing\n", true},
		{"script", "%post\n%include script.sh\nfi\n%end\n", "", true},
		{"unclosed section in an included file", "%include end.ks\n", "end.ks:1:1 unclosed-section\n", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := brief(Lint(parse(t, tt.src), LintOptions{Fragment: tt.fragment, ReadInclude: read}))
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestIncludeWithoutReader(t *testing.T) {
	for src, want := range map[string]string{
		"%include /tmp/storage\n":                              "ks.cfg:1:10 include-missing\n",
		"%include /run/install/repo/storage\n":                 "",
		"%include relative\n":                                  "",
		"%pre\necho autopart >/tmp/x\n%end\n%include /tmp/x\n": "",
	} {
		if got := brief(Lint(parse(t, src), LintOptions{})); got != want {
			t.Errorf("%q: %s, want %s", src, got, want)
		}
	}
}

// Findings come in the order in which the lines are read, whatever found them
// and when: the partitions that nothing uses are known at the end only.
func TestIncludeOrder(t *testing.T) {
	read := func(name string) ([]byte, error) {
		return map[string][]byte{
			"a.ks": []byte("part pv.1 --size=1\nkeyboard us#x\npart raid.1 --size=1\n%include c.ks\npart pv.3 --size=1\n"),
			"b.ks": []byte("part raid.2 --size=1\npart pv.2 --size=1\nkeyboard us#x\n"),
			"c.ks": []byte("keyboard us#x\npart raid.3 --size=1\n"),
		}[name], nil
	}
	want := `a.ks:1:1 unused-member
a.ks:2:12 hash-in-word
a.ks:3:1 unused-member
c.ks:1:12 hash-in-word
c.ks:2:1 unused-member
a.ks:5:1 unused-member
ks.cfg:2:12 hash-in-word
b.ks:1:1 unused-member
b.ks:2:1 unused-member
b.ks:3:12 hash-in-word
ks.cfg:4:1 unused-member
`
	for range 10 {
		findings := Lint(parse(t, "%include a.ks\nkeyboard us#x\n%include b.ks\npart pv.4 --size=1\nzerombr\nclearpart --all\nrootpw --lock\npart / --size=1\n%packages\n%end\n"), LintOptions{ReadInclude: read})
		got := brief(slices.DeleteFunc(findings, func(f Finding) bool { return f.Rule != "unused-member" && f.Rule != "hash-in-word" }))
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("(-want +got):\n%s", d)
		}
	}
}

// TestIncludeManyTimes bounds the work that includes can make.
func TestIncludeManyTimes(t *testing.T) {
	n := 0
	read := func(name string) ([]byte, error) {
		n++
		return []byte(fmt.Sprintf("%%include %d.ks\n%%include x%d.ks\n", n, n)), nil
	}
	findings := Lint(parse(t, "%include a\n"), LintOptions{Fragment: true, ReadInclude: read})
	if n > 200 || !hasRule(findings, "include-cycle") {
		t.Errorf("%d files were read; findings %v", n, brief(findings))
	}
}

func TestIgnoreComments(t *testing.T) {
	tests := []struct{ src, want string }{
		{"frobnicate # imgasm: ignore=unknown-command\n", ""},
		{"# imgasm: ignore=unknown-command\nfrobnicate\nfrobnicate\n", "ks.cfg:3:1 unknown-command\n"},
		{"  #imgasm:ignore = duplicate , unknown-command\nfrobnicate\n", ""},
		{"# imgasm: ignore-file=unknown-command\nfrobnicate\n\nfrobnicate\n", ""},
		{"# imgasm: ignore=unknown-comand\nfrobnicate\n", "ks.cfg:1:18 unknown-rule\nks.cfg:2:1 unknown-command\n"},
		{"# imgasm: please ignore unknown-command\nfrobnicate\n", "ks.cfg:2:1 unknown-command\n"},
		{"%packages\nbash\nbash # imgasm: ignore=duplicate-package\n%end\n", ""},
		{"%post\n# imgasm: ignore=script-syntax\nif\n%end\n", ""},
		{"# imgasm: ignore=stray-end\r\n%end\r\n", ""},
	}
	for _, tt := range tests {
		if got := brief(Lint(parse(t, tt.src), LintOptions{Fragment: true})); got != tt.want {
			t.Errorf("%q: got\n%swant\n%s", tt.src, got, tt.want)
		}
	}
}

func TestHints(t *testing.T) {
	for line, want := range map[string]string{
		"rotpw x":                                "rootpw",
		"part / --sise=1":                        "--size",
		"part / --size=10G":                      "10240",
		"part / -size=1":                         "--size",
		"auth --enableshadow":                    "authselect",
		"timezone UTC --isUtc":                   "--utc",
		"timezone UTC --nontp":                   "timesource",
		"reboot eject":                           "--eject",
		"mount /dev/sda1 boot":                   "slash",
		"user --name=a --uid=12K":                "without a unit",
		"part / –size=1":                         "write --size=1",
		"user --name=“a b”":                      "write \" at both ends",
		"clearpart --disklabel=mbr":              "msdos",
		"clearpart --disklabel=gtp":              "gpt",
		"autopart --fstype=xsf":                  "did you mean xfs?",
		"network --hostname=a_b":                 "letters, digits and -",
		"sshkey --username=a ssh-ed25519 AAAA b": "in quotes",
		"bootloader --iscrypted --password=a":    "grub2-mkpasswd-pbkdf2",
		"url --baseurl=http://x":                 "", // nothing is near enough to guess
	} {
		findings := errorsOf(lintLine(t, line))
		if len(findings) == 0 {
			t.Errorf("%q is not refused", line)
			continue
		}
		all := ""
		for _, f := range findings {
			all += f.Hint + "\n"
		}
		if !strings.Contains(all, want) {
			t.Errorf("%q: hints %q, want %q", line, all, want)
		}
	}
}

// Of each rule 50 findings are shown, and then how many more there are; errors
// do not drown in warnings.
func TestManyFindings(t *testing.T) {
	count := func(src string) (shown int, last Finding) {
		for _, f := range Lint(parse(t, src), LintOptions{Fragment: true}) {
			if f.Rule == "unknown-command" {
				shown, last = shown+1, f
			}
		}
		return shown, last
	}
	if n, last := count(strings.Repeat("frobnicate\n", 50)); n != 50 || last.Text != "unknown command frobnicate" {
		t.Errorf("50 findings: %d are shown, the last says %q", n, last.Text)
	}
	if n, last := count(strings.Repeat("frobnicate\n", 1050)); n != 51 || last.Text != "1000 more findings of this rule, of which this is one" || last.Line != 51 {
		t.Errorf("1050 findings: %d are shown, the last is %+v", n, last)
	}
	many := Lint(parse(t, strings.Repeat("repo --name=a --baseurl=http://x/\n", 100)+"snapshot a/b --name=x --when=pre-install\nsnapshot a/b --name=x --when=pre-install\n"), LintOptions{Fragment: true})
	if !hasRule(errorsOf(many), "duplicate") {
		t.Error("an error is not shown for the warnings of its rule")
	}
}

func TestDecode(t *testing.T) {
	command := func(line string) *Command { return parse(t, line+"\n").Commands()[0] }
	a, findings := Decode(command(`part //srv/../data/ --fstype ext4 --size=" 4_096" --grow --ondrive=vda --type=xfs`), AlmaLinux10)
	if len(findings) > 0 {
		t.Fatalf("findings: %+v", findings)
	}
	if got := a.Positional(); len(got) != 1 || got[0] != "//data" {
		t.Errorf("positional %q", got)
	}
	if n := a.Int("--size"); n != 4096 || !a.Has("--size") {
		t.Errorf("--size %d, %v", n, a.Has("--size"))
	}
	if s := a.String("--fstype"); s != "xfs" || !a.Has("--fstype") {
		t.Errorf("--fstype %q, %v: the last one counts, by any name", s, a.Has("--fstype"))
	}
	if s := a.String("--ondisk"); s != "vda" || !a.Flag("--grow") || a.Flag("--asprimary") || a.Has("--label") {
		t.Errorf("--ondisk %q, --grow %v", s, a.Flag("--grow"))
	}
	if n := a.Int("--maxsize"); n != 0 || a.Has("--maxsize") {
		t.Errorf("--maxsize %d, %v", n, a.Has("--maxsize"))
	}

	a, _ = Decode(command(`firewall --port=80,53:udp --service=ssh --port 1-2:tcp --service="a, b"`), RHEL10)
	if d := cmp.Diff([]string{"80", "53:udp", "1-2:tcp"}, a.List("--port")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"ssh", "a", "b"}, a.List("--service")); d != "" {
		t.Error(d)
	}
	a, _ = Decode(command("mount /dev/vda1 / --reformat"), RHEL10)
	if s := a.String("--reformat"); s != "" || !a.Has("--reformat") {
		t.Errorf("--reformat %q, %v", s, a.Has("--reformat"))
	}
	a, _ = Decode(command("network --onboot=off --device=link"), RHEL10)
	if a.Flag("--onboot") || !a.Has("--onboot") {
		t.Error("--onboot=off is read as on")
	}
	if _, findings := Decode(command("part / --type=btrfs --size=1"), RHEL10); len(errorsOf(findings)) != 1 {
		t.Errorf("btrfs on RHEL 10: %+v", findings)
	}
	if _, findings := Decode(command("part / --type=btrfs --size=1"), AlmaLinux10); len(findings) != 0 {
		t.Errorf("btrfs on AlmaLinux 10: %+v", findings)
	}
	for _, line := range []string{"", "x", `"`, "\\", "%x", "part \"", "vnc"} {
		for _, c := range parse(t, line).Commands() {
			if a, _ := Decode(c, RHEL10); a == nil || a.Flag("--x") || a.List("--x") != nil {
				t.Errorf("%q decodes to %+v", line, a)
			}
		}
	}
}

func TestDialectByName(t *testing.T) {
	for name, want := range map[string]Dialect{
		"": RHEL10, "rhel10": RHEL10, "RHEL-10": RHEL10, "el9": RHEL9, "rhel 8": RHEL8, "almalinux10": AlmaLinux10,
		"AlmaLinux-10.2": AlmaLinux10, "alma10.0": AlmaLinux10At0, "fedora": Fedora,
	} {
		if got, err := DialectByName(name); got != want || err != nil {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	if _, err := DialectByName("debian"); err == nil || !strings.Contains(err.Error(), "rhel9") {
		t.Errorf("error %v", err)
	}
	for _, d := range Dialects() {
		if got, err := DialectByName(string(d)); got != d || err != nil {
			t.Errorf("%s is not found by its own name: %s, %v", d, got, err)
		}
	}
}

// TestTable holds the rows to what the code relies on.
func TestTable(t *testing.T) {
	for _, c := range Commands() {
		if c.Help == "" || strings.HasSuffix(c.Help, ".") {
			t.Errorf("%s: help %q", c.Name, c.Help)
		}
		if s := c.History.In(RHEL10); s != Active && c.Instead == "" {
			t.Errorf("%s is %s and says nothing instead", c.Name, s)
		}
		for _, other := range c.Conflicts {
			if spec, ok := LookupCommand(other); !ok || spec.Name != other {
				t.Errorf("%s conflicts with %s, which is no first name of a command", c.Name, other)
			}
		}
		checkRows(t, c.Name, c.Options)
	}
	for _, s := range Sections() {
		checkRows(t, s.Name, s.Options)
		if !sectionNames[s.Name] {
			t.Errorf("the parser does not know %s", s.Name)
		}
	}
	for name := range judges {
		if spec, ok := LookupCommand(name); !ok || spec.Name != name {
			t.Errorf("a check or advice for %s, which is no first name of a command", name)
		}
	}
}

func checkRows(t *testing.T, name string, rows []OptionSpec) {
	t.Helper()
	seen := map[string]bool{}
	for _, o := range rows {
		if o.Help == "" || o.Type != TypeFlag && o.Value == "" && o.Choices == nil {
			t.Errorf("%s %s: help %q, value %q", name, o.Name(), o.Help, o.Value)
		}
		if s := o.History.In(RHEL10); (s == Removed || s == Deprecated) && o.Instead == "" {
			t.Errorf("%s %s is %s and says nothing instead", name, o.Name(), s)
		}
		for _, n := range o.Names {
			if seen[n] || !strings.HasPrefix(n, "--") {
				t.Errorf("%s has %s twice, or without dashes", name, n)
			}
			seen[n] = true
		}
	}
}

// The root may be a subvolume, where the dialect has btrfs; and what %pre has made is
// mounted, but for the biosboot partition.
func TestLintRareLayouts(t *testing.T) {
	for boot, layout := range map[string]string{
		"uefi": "reqpart\npart btrfs.1 --fstype=btrfs --size=4400\nbtrfs none --label=r btrfs.1\nbtrfs / --subvol --name=root r\n",
		"bios": "mount /dev/vda2 / --reformat=xfs\n%pre\nsfdisk /dev/vda </run/install/table\n%end\n",
	} {
		f, err := Parse("ks.cfg", []byte("lang en_US.UTF-8\ntimezone UTC\nrootpw --lock\ncdrom\npoweroff\n%packages\n%end\n"+layout))
		if err != nil {
			t.Fatal(err)
		}
		for _, finding := range Lint(f, LintOptions{Dialect: AlmaLinux10, Target: &Target{Arch: "x86_64", Boot: boot, DiskName: "vda", CmdlineMode: true}}) {
			if finding.Severity == Error {
				t.Errorf("%s: %+v", boot, finding)
			}
		}
	}
}

// A disk to ignore must be there, one in the firmware's order need not (anaconda
// rhel-10 pyanaconda/modules/storage: kickstart.py, bootloader/execution.py).
func TestLintMissingDisk(t *testing.T) {
	for line, wrong := range map[string]bool{"ignoredisk --drives=vdb": true, "bootloader --driveorder=sda,vda": false} {
		f, err := Parse("ks.cfg", []byte("autopart\n"+line+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		found := Lint(f, LintOptions{Dialect: AlmaLinux10, Fragment: true, Target: &Target{Arch: "x86_64", DiskName: "vda"}})
		if got := slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == "wrong-disk" }); got != wrong {
			t.Errorf("%s: %v", line, found)
		}
	}
}

// What needs the network is an error for a guest that has none, with what to
// write instead.
func TestLintOffline(t *testing.T) {
	const rest = "lang en_US.UTF-8\ntimezone UTC\nrootpw --lock\nuser --name=a --groups=wheel\nautopart\n%packages\n%end\npoweroff\n"
	for _, c := range []struct{ iso, source, want, hint string }{
		{"dvd", "cdrom", "", ""},
		{"dvd", "url --url=file:///run/install/repo/BaseOS", "", ""},
		{"dvd", "harddrive --partition=sdb1 --dir=/", "", ""},
		{"dvd", "url --url=https://example.org/os/", "ks.cfg:1:5 needs-network\n", "write cdrom"},
		{"dvd", "url --mirrorlist=https://example.org/os/", "ks.cfg:1:5 needs-network\n", "write cdrom"},
		{"dvd", "nfs --server=a --dir=/b", "ks.cfg:1:1 needs-network\n", "write cdrom"},
		{"dvd", "liveimg --url=ftp://example.org/x.img", "ks.cfg:1:9 needs-network\n", "write cdrom"},
		{"dvd", "ostreecontainer --url=quay.io/x/y", "ks.cfg:1:17 needs-network\n", "cdrom"},
		{"dvd", "ostreecontainer --url=/run/install/repo/oci --transport=oci", "", ""},
		{"dvd", "bootc --source-imgref=registry:quay.io/x/y", "ks.cfg:1:7 needs-network\n", "cdrom"},
		{"dvd", "cdrom\nrepo --name=e --baseurl=http://example.org/", "ks.cfg:2:15 needs-network\n", "file:///run/install/repo"},
		{"dvd", "cdrom\n%include https://example.org/more.ks", "ks.cfg:2:10 needs-network\n", "in its place"},
		{"dvd", "cdrom\n%ksappend nfs:example.org:/more.ks", "ks.cfg:2:11 needs-network\n", "in its place"},
		{"boot", "cdrom", "ks.cfg:1:1 no-packages-on-iso\n", "dvd"},
		{"boot", "# nothing", "ks.cfg:1:1 no-source\n", "cdrom"},
	} {
		o := LintOptions{Dialect: AlmaLinux10, Target: &Target{Arch: "x86_64", Offline: true, ISOVariant: c.iso, CmdlineMode: true}}
		var errs []Finding
		for _, f := range Lint(parse(t, c.source+"\n"+rest), o) {
			if f.Severity == Error {
				errs = append(errs, f)
			}
		}
		if got := brief(errs); got != c.want {
			t.Errorf("%s, %q: got %q, want %q", c.iso, c.source, got, c.want)
		} else if c.want != "" && !strings.Contains(errs[0].Hint, c.hint) {
			t.Errorf("%s, %q: hint %q does not say %q", c.iso, c.source, errs[0].Hint, c.hint)
		}
		// With a network, the same is no error.
		o.Target.Offline = false
		for _, f := range Lint(parse(t, c.source+"\n"+rest), o) {
			if f.Severity == Error && c.iso == "dvd" {
				t.Errorf("%q is an error with a network: %+v", c.source, f)
			}
		}
	}
}

func FuzzLint(f *testing.F) {
	f.Add([]byte(sample), false)
	f.Add([]byte("raid / a --level=1 --device= b\nvolgroup --x\nrealm join \"\n%packages\n-@^\n@ --\n%end"), true)
	for _, name := range corpusFiles(f) {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src, len(src)%2 == 0)
	}
	f.Fuzz(func(t *testing.T, src []byte, target bool) {
		file, err := Parse("ks.cfg", src)
		if err != nil {
			t.Fatal(err)
		}
		o := LintOptions{ReadInclude: func(string) ([]byte, error) { return src, nil }}
		if target {
			o.Target = &Target{Arch: "x86_64", Boot: "bios", DiskName: "vda", Offline: true, ISOVariant: "boot", CmdlineMode: true, DiskSizeBytes: 1 << 30}
			o.Dialect = AlmaLinux10
		}
		lines := strings.Count(string(src), "\n") + 1
		for _, finding := range Lint(file, o) {
			if rules[finding.Rule] == nil || finding.Line < 1 || finding.Column < 1 || finding.EndColumn < finding.Column || finding.Text == "" {
				t.Fatalf("bad finding %+v", finding)
			}
			if finding.Line > lines && !strings.ContainsAny(string(src), "\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029") {
				t.Fatalf("finding behind the end: %+v", finding)
			}
		}
		if got := file.Bytes(); string(got) != string(src) {
			t.Fatalf("lint changed the tree: %q became %q", src, got)
		}
	})
}

// TestHostileInput holds lint to time and memory in proportion to its input:
// a minute would do for none of these if something were quadratic.
func TestHostileInput(t *testing.T) {
	const n = 100_000
	for name, src := range map[string]string{
		"one line of options":    "part / " + strings.Repeat("--bogus ", n) + "\n",
		"one line of values":     "firewall " + strings.Repeat("--port=1 ", n) + "\n",
		"one line of a group":    "%packages\n@" + strings.Repeat("a --x ", n) + "\n%end\n",
		"members":                "raid / --level=1 --device=x " + strings.Repeat("a ", n) + "\n",
		"unclosed sections":      strings.Repeat("%pre\n", n),
		"unclosed unknown":       strings.Repeat("%x\n", n),
		"nested shell":           "%post\n" + strings.Repeat("((", n) + "\n%end\n",
		"nested substitutions":   "%post\n" + strings.Repeat("\"$(", n) + "\n%end\n",
		"nested keywords":        "%post\n" + strings.Repeat("if ", n) + "\n%end\n",
		"backslashes":            "authselect " + strings.Repeat("\\\\", n) + "\n",
		"quotes":                 "realm join " + strings.Repeat("''", n) + "\n",
		"unknown commands":       strings.Repeat("frobnicate\n", n),
		"a long unknown command": strings.Repeat("frobnicate", n) + "\n",
		"a long name":            "user --name=" + strings.Repeat("a b", n) + "\n",
		"ignore comments":        strings.Repeat("x # imgasm: ignore=unknown-command\n", n),
		"volume groups":          strings.Repeat("volgroup vg "+strings.Repeat("pv.1 ", 100)+"\n", 1000),
		"commas":                 "services --enabled=" + strings.Repeat(",a", n) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			findings := Lint(parse(t, src), LintOptions{Fragment: true})
			total := 0
			for _, f := range findings {
				total += len(f.Text) + len(f.Excerpt) + len(f.Hint) + len(f.Meaning)
			}
			if total > 300*len(src)+1<<20 {
				t.Errorf("%d findings with %d bytes for %d bytes of input", len(findings), total, len(src))
			}
		})
	}
}

func TestParseProfile(t *testing.T) {
	if p, err := ParseProfile(""); err != nil || p.Name != "minimal" || p.KeysOnly {
		t.Errorf("the default is %+v, %v", p, err)
	}
	if _, err := ParseProfile("desktop"); !errors.Is(err, ErrProfile) {
		t.Errorf("an unknown profile: %v", err)
	}
}
