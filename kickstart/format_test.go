package kickstart

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func format(t testing.TB, src string) (string, error) {
	t.Helper()
	f, err := Parse("x.ks", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	out, err := Format(f)
	return string(out), err
}

func TestFormat(t *testing.T) {
	for _, tc := range []struct{ name, src, want string }{
		{"empty", "", ""},
		{"blank lines only", "\n \n\t\n", ""},
		{"one command", "text", "text\n"},
		{"spacing", "  part\t/   --size  100 \t--fstype='xfs'  \t# root \n", "part / --size=100 --fstype=xfs # root\n"},
		{"quotes", `bootloader --append='a b' --location="mbr"` + "\nuser --name=x --gecos 'O\"Hara'\n",
			"user --name=x --gecos=\"O\\\"Hara\"\n\nbootloader --append=\"a b\" --location=mbr\n"},
		{"topics", "poweroff\npart /\nlang C\ntext\nclearpart --all\n", "text\n\nlang C\n\npart /\nclearpart --all\n\npoweroff\n"},
		{"later one wins", "reboot\ntext\npoweroff\ncmdline\n", "text\ncmdline\n\nreboot\npoweroff\n"},
		{"comments stay with their command", "# end\npoweroff\n\n# mode\n\n# imgasm: ignore=duplicate\ntext # why\n",
			"# mode\n\n# imgasm: ignore=duplicate\ntext # why\n\n# end\npoweroff\n"},
		{"header stays", "#version=RHEL10\n# end\npoweroff\ntext\n", "#version=RHEL10\n\ntext\n\n# end\npoweroff\n"},
		{"header set off", "\n\n# A file\n#  of ours\n\npoweroff\ntext\n", "# A file\n#  of ours\n\ntext\n\npoweroff\n"},
		{"blank lines", "text\n\n\n\ncmdline\n\n", "text\n\ncmdline\n"},
		{"tail", "text\n# the\n\n\n# end\n\n", "text\n# the\n\n# end\n"},
		{"only comments", "\n  # a\n\n\n#b  \n", "# a\n\n#b\n"},
		{"nothing passes an include", "poweroff\n%include /tmp/x\ntext\nlang C\n", "poweroff\n%include /tmp/x\ntext\n\nlang C\n"},
		{"nothing passes a section", "poweroff\n%post\n  x  \n\n%end\ntext\n", "poweroff\n\n%post\n  x  \n\n%end\n\ntext\n"},
		{"nothing passes an unknown command", "poweroff\nfrobnicate  'a  b' \ntext\n", "poweroff\nfrobnicate  'a  b'\ntext\n"},
		{"packages", "%packages  --timeout 3   # few\n\n  @core  # c\n\n\n -vim\n#x \n%include  /tmp/y \n\n %end \n",
			"%packages --timeout=3 # few\n@core # c\n\n-vim\n#x\n%include  /tmp/y\n%end\n"},
		{"sections are set off", "# why\n%pre --log '/tmp/a b'\n%end\n%post\n%end\n# end", "# why\n%pre --log=\"/tmp/a b\"\n%end\n\n%post\n%end\n\n# end\n"},
		{"script lines stay", "%post\n\ta=1   \n# c  \n %include /x \n\n%end", "%post\n\ta=1   \n# c  \n %include /x \n\n%end\n"},
		{"raw commands stay", "realm   join 'a'  --x   y # z\n authselect  select  'x'\n", "realm   join 'a'  --x   y # z\n\nauthselect  select  'x'\n"},
		{"blanks before realm stay", " realm join a \n\trealm join b # c\n", " realm join a\n\trealm join b # c\n"},
		{"addon header stays", "  %addon  org_x --a  'b' \nx = y\n%end", "%addon  org_x --a  'b'\nx = y\n%end\n"},
		{"carriage returns stay", "text\r\n%post\r\nx\r\n%end\r\npoweroff", "text\r\n\r\n%post\r\nx\r\n%end\r\n\r\npoweroff\r\n"},
		{"byte order mark stays", "\ufefftext\n", "\ufefftext\n"},
		{"hash in word stays", "part / --label=a#b\n", "part / --label=a#b\n"},
		{"escaped blank stays", "  frobnicate a\\ \nuser --name=a\\ \n", "frobnicate a\\ \nuser --name=\"a \"\n"},
		{"flags do not join", "clearpart --all --initlabel\nmount /dev/x / --reformat xfs\n", "clearpart --all --initlabel\nmount /dev/x / --reformat xfs\n"},
		{"abbreviations do not join", "part / --siz 5\n", "part / --siz 5\n"},
		{"what a release lacks does not join", "vnc --password x\n", "vnc --password x\n"},
		{"empty value", `user --name=x --password ""` + "\n", `user --name=x --password ""` + "\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := format(t, tc.src)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if again, err := format(t, got); err != nil || again != got {
				t.Errorf("formatting it again gives %q, %v", again, err)
			}
			if diff := cmp.Diff(meaning(t, []byte(tc.src)), meaning(t, []byte(got))); diff != "" {
				t.Errorf("another meaning (-before +after):\n%s", diff)
			}
		})
	}
}

func TestFormatRefuses(t *testing.T) {
	for src, want := range map[string]string{
		"text\nuser --name='x\n":        "x.ks:2:13: the quotation mark is not closed on this line",
		"%post\ntrue\n":                 "x.ks:1:1: section %post does not end with %end",
		"text\n %post\n%packages\n%end": "x.ks:2:2: section %post does not end with %end",
		"lang C\\":                      "x.ks:1:7: the file ends in a backslash",
	} {
		out, err := format(t, src)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %q and error %v, want %q", src, out, err, want)
		}
	}
}

// TestFormatKeepsRendered holds that our own kickstart is in our own style.
func TestFormatKeepsRendered(t *testing.T) {
	for _, name := range []string{"default", "everything"} {
		src, err := os.ReadFile(filepath.Join("render/testdata", name+".ks"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := format(t, string(src))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(src), got); diff != "" {
			t.Errorf("%s: -rendered +formatted:\n%s", name, diff)
		}
	}
}

// meaning tells what a file says to the installer, in an order that does not
// depend on what may be moved: each kind of command by itself, with its
// options decoded, then what stands between sections and includes, then lint's
// verdict.
func meaning(t testing.TB, src []byte) []string {
	t.Helper()
	f, err := Parse("x.ks", src)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	commands := map[string][]string{}
	part := 0
	for _, n := range f.Nodes {
		switch n := n.(type) {
		case *Command:
			spec, ok := LookupCommand(n.Name())
			if !ok {
				part++
				all = append(all, fmt.Sprintf("unknown %q", wordValues(n.Words)))
				part++
				continue
			}
			if spec.Raw {
				key := fmt.Sprintf("%03d %s", part, topicKey(spec.Name))
				commands[key] = append(commands[key], "raw "+trimBlank(n.Text()))
				continue
			}
			a, _ := Decode(n, AlmaLinux10)
			says := n.Name()
			var options []string
			for _, v := range a.order {
				options = append(options, fmt.Sprintf(" %s=%q", v.spec.Name(), v.text))
			}
			says += strings.Join(options, "") + fmt.Sprintf(" %q %q %v", wordValues(a.positionals), wordValues(a.dropped), a.failed)
			if a.failed {
				says += fmt.Sprintf(" %q", strings.ReplaceAll(strings.Join(wordValues(n.Words), "\x00"), "=", "\x00"))
			}
			// What is in one topic keeps its order.
			key := fmt.Sprintf("%03d %s", part, topicKey(spec.Name))
			commands[key] = append(commands[key], says)
		case *Include:
			all = append(all, "include "+n.Path())
			part++
		case *Append:
			all = append(all, "append "+n.URL())
			part++
		case *Section:
			body := string(n.BodyRaw())
			if n.Name() == "%packages" {
				body = ""
				for _, n := range n.Body {
					switch n := n.(type) {
					case *Entry:
						body += fmt.Sprintf("%v %v %q %q\n", n.Exclude, n.Kind, n.Name, wordValues(n.Options))
					case *Include:
						body += "include " + n.Path() + "\n"
					}
				}
			}
			header := strings.ReplaceAll(strings.Join(wordValues(n.Header.Words), "\x00"), "=", "\x00")
			all = append(all, fmt.Sprintf("section %q\n%s", header, body))
			part++
		}
	}
	var keys []string
	for k := range commands {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		all = append(all, fmt.Sprintf("%s: %s", k, strings.Join(commands[k], "\n")))
	}
	var verdict []string
	for _, finding := range Lint(f, LintOptions{Dialect: AlmaLinux10}) {
		verdict = append(verdict, string(finding.Severity)+" "+finding.Rule)
	}
	slices.Sort(verdict)
	return append(all, verdict...)
}

// topicKey names what keeps its order: commands that replace, refuse or build
// on one another.
func topicKey(name string) string {
	for _, together := range [][]string{
		{"text", "cmdline", "graphical"},
		{"url", "cdrom", "nfs", "harddrive", "hmc", "liveimg", "ostreesetup", "ostreecontainer", "bootc"},
		{"reboot", "poweroff", "shutdown", "halt"},
		{"autopart", "reqpart", "part", "raid", "volgroup", "logvol", "btrfs", "mount", "ignoredisk", "clearpart", "zerombr"},
		{"iscsiname", "iscsi"},
	} {
		if slices.Contains(together, name) {
			return together[0]
		}
	}
	return name
}

func TestTopicsHaveEveryCommand(t *testing.T) {
	for _, c := range Commands() {
		if topicIndex[c.Name] == 0 {
			t.Errorf("%s has no topic", c.Name)
		}
	}
	for name := range topicIndex {
		if _, ok := LookupCommand(name); !ok {
			t.Errorf("topic of %s, which the table does not know", name)
		}
	}
	for _, c := range Commands() {
		for _, other := range c.Conflicts {
			if topicIndex[other] != topicIndex[c.Name] {
				t.Errorf("%s conflicts with %s of another topic", c.Name, other)
			}
		}
	}
}

// FuzzFormat holds that a formatted file means the same and is formatted.
func FuzzFormat(f *testing.F) {
	seeds, _ := filepath.Glob("../testdata/kickstart/corpus/*/*.ks")
	more, _ := filepath.Glob("../testdata/kickstart/corpus/*.ks")
	for _, name := range append(append(seeds, more...), "render/testdata/everything.ks") {
		if src, err := os.ReadFile(name); err == nil {
			f.Add(src)
		}
	}
	f.Add([]byte("# a\n\n# b\npoweroff # c\n\n\ntext\n# imgasm: ignore=x\n\n%include a\nlang\tC\\\n"))
	f.Add([]byte("part / --size 5 --fstype 'x y' -- --grow\r\nuser --name \"a\\\"b\" --gecos=''\r\n%packages --x y\r\n @a b --nodefaults #c\r\n%end"))
	f.Add([]byte(" realm join a\nrealm join b\n"))
	f.Add([]byte("rootpw a#b\n\"%end\"\n'text'\nvolgroup a b --pesize 4 c\n\u00a0text\n\x0b# x\x1clang C\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		file, err := Parse("x.ks", src)
		if err != nil {
			return
		}
		out, err := Format(file)
		if err != nil {
			return
		}
		if !bytes.Equal(file.Bytes(), src) {
			t.Fatal("the tree was changed")
		}
		if diff := cmp.Diff(meaning(t, src), meaning(t, out)); diff != "" {
			t.Errorf("another meaning (-before +after) of %q\nbecame %q\n%s", src, out, diff)
		}
		again, err := format(t, string(out))
		if err != nil || again != string(out) {
			t.Errorf("not idempotent: %q\nthen %q\nthen %q %v", src, out, again, err)
		}
	})
}

func BenchmarkFormat(b *testing.B) {
	src := bytes.Repeat([]byte("user --name anna --password='secret word'\npart / --size=1000 --grow # comment\nlang C\n\n# why\ntext\n"), 1_700)
	file, err := Parse("x.ks", src)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if _, err := Format(file); err != nil {
			b.Fatal(err)
		}
	}
}
