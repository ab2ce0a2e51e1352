package render

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"

	"github.com/imgasm/imgasm/internal/golden"
	"github.com/imgasm/imgasm/kickstart"
)

const testNonce = "0123456789abcdef"

func instrument(t *testing.T, src string, r Reporting) *Instrumented {
	t.Helper()
	f, err := kickstart.Parse("user.ks", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if r.Nonce == "" {
		r.Nonce = testNonce
	}
	out, err := AddReporting(f, r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAddReportingGolden(t *testing.T) {
	golden.Check(t, "added.ks", instrument(t, "text\n%post\ntrue\n%end\n", Reporting{Packages: true}).Bytes)
}

func TestAddReportingKeepsTheFile(t *testing.T) {
	for _, src := range []string{
		"", "poweroff", "poweroff\n", "text\r\n%post\r\necho\r\n%end", "\ufefflang C\n%packages\n@core\n%end",
		"lang C\\", "user --name='open\n", "%post\nno end", "# comment",
		"%ksappend http://x/y\n%include /tmp/z\n",
	} {
		out := instrument(t, src, Reporting{})
		if !bytes.HasPrefix(out.Bytes, []byte(src)) {
			t.Errorf("%q was changed:\n%s", src, out.Bytes)
		}
		f, err := kickstart.Parse("x", out.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		var last []string
		for _, s := range f.Sections("") {
			last = append(last, s.Name())
		}
		if want := []string{"%pre", "%pre-install", "%post", "%onerror"}; !slices.Equal(last[max(0, len(last)-4):], want) {
			t.Errorf("%q: sections %q", src, last)
		}
		for _, s := range f.Sections("") {
			if len(s.Header.Words) > 1 {
				t.Errorf("%q: %s has options: one that fails could stop the installation", src, s.Header.Text())
			}
		}
	}
}

func TestAddReportingEnding(t *testing.T) {
	for src, want := range map[string]string{
		"":                                  "",
		"poweroff\n":                        "poweroff",
		"reboot --eject\nshutdown\n":        "shutdown",
		"halt\n%post\npoweroff\n%end\n":     "halt",
		"%post\nreboot\n%end\n":             "",
		"%packages\n%end\n  poweroff # x\n": "poweroff",
	} {
		if got := instrument(t, src, Reporting{}); got.Ending != want || got.Includes {
			t.Errorf("%q: ending %q, includes %v; want %q", src, got.Ending, got.Includes, want)
		}
	}
	if !instrument(t, "%packages\n%include /tmp/x\n%end\n", Reporting{}).Includes {
		t.Error("%include is not seen")
	}
}

func TestUserLines(t *testing.T) {
	for src, want := range map[string]int{
		"a\nb\r\nc":                  3,
		"":                           0,
		"a\n%ksappend http://x\nb\n": 2, // moves what follows
	} {
		alone, _ := kickstart.Parse("user.ks", []byte(src))
		guest, _ := kickstart.Parse("user.ks", instrument(t, src, Reporting{}).Bytes)
		if UserLines(alone) != want || UserLines(guest) != want {
			t.Errorf("%q: %d alone, %d in the guest, want %d", src, UserLines(alone), UserLines(guest), want)
		}
	}
}

func TestAddReportingRefuses(t *testing.T) {
	f, _ := kickstart.Parse("x", nil)
	for _, r := range []Reporting{
		{}, {Nonce: "0123456789ABCDEF"}, {Nonce: testNonce + "\n"}, {Nonce: testNonce, Port: "a\n%end"},
	} {
		if _, err := AddReporting(f, r); err == nil {
			t.Errorf("%+v is accepted", r)
		}
	}
}

func TestReportingIsPOSIX(t *testing.T) {
	for _, name := range []string{"%pre", "%pre-install", "%post", "%onerror"} {
		if _, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(section(t, name, Reporting{Packages: true})), ""); err != nil {
			t.Errorf("%s is not POSIX shell: %v", name, err)
		}
	}
}

// shells run a script as the installer (bash, elsewhere dash) does.
func shells(t *testing.T) map[string]func(t *testing.T, script string) {
	all := map[string]func(*testing.T, string){}
	for _, name := range []string{"dash", "bash"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Logf("no %s to run the sections with", name)
			continue
		}
		all[name] = func(t *testing.T, script string) {
			file := filepath.Join(t.TempDir(), "ks-script")
			if err := os.WriteFile(file, []byte(script), 0o666); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(path, file)
			if name == "bash" {
				cmd.Args = []string{path, "--posix", file}
			}
			// Like the installer, CombinedOutput reads a pipe until nobody holds it.
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%v; it said %q", err, out)
			}
		}
	}
	return all
}

func needsUnix(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the sections are for Linux; no POSIX commands here")
	}
}

// section is the body of one of the added sections.
func section(t *testing.T, name string, r Reporting) string {
	t.Helper()
	f, err := kickstart.Parse("x", instrument(t, "poweroff\n", r).Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return string(f.Sections(name)[0].BodyRaw())
}

// protocol is the form of every line.
var protocol = regexp.MustCompile(`^imgasm1 0123456789abcdef (phase (pre|pre-install|post)|fact [a-z]+=[ -~]*|package [!-~]+|log [A-Za-z0-9._-]+ [A-Za-z0-9+/=]+|error [ -~]+|end|done)$`)

func readPort(t *testing.T, port string) []string {
	t.Helper()
	data, err := os.ReadFile(port)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 0 && data[len(data)-1] != '\n' {
		t.Errorf("the last line does not end: %q", data)
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	for _, line := range lines {
		if !protocol.MatchString(line) || len(line) > 3200 {
			t.Errorf("not of the protocol: %.200q", line)
		}
	}
	return lines
}

func TestReportingSections(t *testing.T) {
	needsUnix(t)
	for shell, run := range shells(t) {
		t.Run(shell, func(t *testing.T) {
			// A name with everything that a careless quote would trip over.
			port := filepath.Join(t.TempDir(), `it's a "port" $x`)
			if err := os.WriteFile(port, nil, 0o666); err != nil {
				t.Fatal(err)
			}
			r := Reporting{Port: port, Packages: true}
			run(t, section(t, "%pre", r))
			run(t, section(t, "%pre-install", r))
			run(t, section(t, "%post", r))
			lines := readPort(t, port)
			if want := []string{"phase pre", "phase pre-install", "phase post"}; len(lines) < 6 ||
				!slices.Equal([]string{lines[0][25:], lines[1][25:], lines[2][25:]}, want) {
				t.Fatalf("got %q, want them to begin with %q", lines, want)
			}
			if lines[len(lines)-1] != "imgasm1 "+testNonce+" done" {
				t.Errorf("the last line is %q", lines[len(lines)-1])
			}
			arch, err := exec.Command("uname", "-m").Output()
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"fact arch=" + strings.TrimSpace(string(arch)), "fact kernel=", "fact hostname=", "fact release="} {
				if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l[25:], want) }) {
					t.Errorf("no line with %q in %q", want, lines)
				}
			}
		})
	}
}

// TestReportingPackages gives the sections an rpm that knows two packages.
func TestReportingPackages(t *testing.T) {
	needsUnix(t)
	bin := t.TempDir()
	fake := "#!/bin/sh\n[ \"$*\" = '-qa --qf %{NEVRA}\\n' ] || exit 1\nprintf '%s\\n' bash-5.2.26-6.el10.x86_64 gpg-pubkey-c2a1e572-668fe8ef dbus-1:1.14.10-5.el10.x86_64\n"
	if err := os.WriteFile(filepath.Join(bin, "rpm"), []byte(fake), 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	for shell, run := range shells(t) {
		t.Run(shell, func(t *testing.T) {
			port := filepath.Join(t.TempDir(), "port")
			if err := os.WriteFile(port, nil, 0o666); err != nil {
				t.Fatal(err)
			}
			run(t, section(t, "%post", Reporting{Port: port, Packages: true}))
			var got []string
			for _, line := range readPort(t, port) {
				if rest := line[25:]; strings.HasPrefix(rest, "package ") || strings.HasPrefix(rest, "fact packages=") {
					got = append(got, rest)
				}
			}
			want := []string{"fact packages=2", "package bash-5.2.26-6.el10.x86_64", "package dbus-1:1.14.10-5.el10.x86_64"}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// notInInstaller are the programs of coreutils that the installer's own system
// lacks: lorax rhel10-branch, share/templates.d/99-generic/runtime-cleanup.tmpl.
var notInInstaller = strings.Fields(`link nice stty unlink [ base64 cksum csplit dir dircolors expand factor fold groups
	hostid install join logname mkfifo nl nohup nproc pathchk pinky pr printenv printf ptx runcon sha224sum sha384sum
	sha512sum shuf stdbuf sum test timeout truncate tsort unexpand users vdir who whoami yes`)

// inInstaller lets the scripts of a test find what the installer has, and no rpm.
func inInstaller(t *testing.T) {
	t.Helper()
	bin := t.TempDir()
	for _, dir := range []string{"/bin", "/usr/bin"} {
		all, _ := os.ReadDir(dir)
		for _, e := range all {
			if !slices.Contains(notInInstaller, e.Name()) && e.Name() != "rpm" {
				_ = os.Symlink(filepath.Join(dir, e.Name()), filepath.Join(bin, e.Name()))
			}
		}
	}
	if _, err := os.Stat(filepath.Join(bin, "basenc")); err != nil {
		t.Skip("no basenc (coreutils 8.31) on this host")
	}
	t.Setenv("PATH", bin)
}

func TestReportingError(t *testing.T) {
	needsUnix(t)
	inInstaller(t)
	logs := t.TempDir()
	big := bytes.Repeat([]byte("0123456789\n"), 40_000)
	files := map[string][]byte{
		"anaconda.log": []byte("22:18:07,601 CRT exception: Traceback (most recent call last):\n\n  File \"x.py\", line 2\n\n" +
			"pyanaconda.errors.NonInteractiveError: Non interactive installation failed: Gr\xc3\xb6\xc3\x9fe\t1\x1b[31m\n\nmore\n"),
		"anaconda-tb-abc": []byte("traceback\x00\xff\n"),
		"storage.log":     big, "program.log": big, "packaging.log": big, "dnf.log": big,
		"a b.log": []byte("blank"), "empty.log": nil, "lvm.log": big, "zzz.log": big, "syslog": big, "other.txt": []byte("no"),
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(logs, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for shell, run := range shells(t) {
		t.Run(shell, func(t *testing.T) {
			port := filepath.Join(t.TempDir(), "port")
			if err := os.WriteFile(port, nil, 0o666); err != nil {
				t.Fatal(err)
			}
			run(t, section(t, "%onerror", Reporting{Port: port, logs: logs}))
			lines := readPort(t, port)
			want := "imgasm1 " + testNonce + " error pyanaconda.errors.NonInteractiveError: Non interactive installation failed: Gre 1[31m"
			if lines[0] != want {
				t.Errorf("got  %q\nwant %q", lines[0], want)
			}
			got := map[string][]byte{}
			size := 0
			if last := lines[len(lines)-1]; last != "imgasm1 "+testNonce+" end" {
				t.Errorf("the last line is %q", last)
			}
			for _, line := range lines[1 : len(lines)-1] {
				size += len(line) + 1
				fields := strings.Fields(line)
				data, err := base64.StdEncoding.DecodeString(fields[4])
				if err != nil {
					t.Fatalf("%v in %.100q", err, line)
				}
				got[fields[3]] = append(got[fields[3]], data...)
			}
			if size > 270_000 {
				t.Errorf("%d bytes of logs", size)
			}
			for _, name := range []string{"anaconda.log", "anaconda-tb-abc", "storage.log", "program.log", "packaging.log"} {
				wanted := files[name]
				wanted = wanted[max(0, len(wanted)-32768):]
				if !bytes.Equal(got[name], wanted) {
					t.Errorf("%s: got %d bytes, want %d", name, len(got[name]), len(wanted))
				}
			}
			if string(got["ab.log"]) != "blank" || got["other.txt"] != nil {
				t.Errorf("got %q and %q", got["ab.log"], got["other.txt"])
			}
		})
	}
}

func TestReportingErrorWithoutLogs(t *testing.T) {
	needsUnix(t)
	for shell, run := range shells(t) {
		t.Run(shell, func(t *testing.T) {
			port := filepath.Join(t.TempDir(), "port")
			if err := os.WriteFile(port, nil, 0o666); err != nil {
				t.Fatal(err)
			}
			run(t, section(t, "%onerror", Reporting{Port: port, logs: t.TempDir()}))
			if got := readPort(t, port); len(got) != 2 || got[0][25:] != "error the installer gave up" || got[1][25:] != "end" {
				t.Errorf("got %q", got)
			}
		})
	}
}

// TestReportingWithoutPort holds that the sections leave no trace, and come
// back, when the port is not there or nobody reads it.
func TestReportingWithoutPort(t *testing.T) {
	needsUnix(t)
	for shell, run := range shells(t) {
		for _, name := range []string{"%pre", "%pre-install", "%post", "%onerror"} {
			t.Run(fmt.Sprintf("missing/%s/%s", shell, name), func(t *testing.T) {
				dir := t.TempDir()
				run(t, section(t, name, Reporting{Port: filepath.Join(dir, "port"), logs: dir}))
				if left, _ := os.ReadDir(dir); len(left) > 0 {
					t.Errorf("it made %v", left)
				}
			})
			t.Run(fmt.Sprintf("unread/%s/%s", shell, name), func(t *testing.T) {
				dir := t.TempDir()
				port := filepath.Join(dir, "port")
				if out, err := exec.Command("mkfifo", port).CombinedOutput(); err != nil {
					t.Skipf("no fifo to stand for an unread port: %v %s", err, out)
				}
				run(t, section(t, name, Reporting{Port: port, logs: dir, ticks: 3}))
			})
		}
	}
}

func FuzzAddReporting(f *testing.F) {
	f.Add([]byte("text\n%post\necho\n%end"))
	f.Add([]byte("%packages\n@core\n\r"))
	f.Fuzz(func(t *testing.T, src []byte) {
		file, err := kickstart.Parse("x", src)
		if err != nil {
			return
		}
		out, err := AddReporting(file, Reporting{Nonce: testNonce})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(out.Bytes, src) {
			t.Fatal("the user's bytes were changed")
		}
		again, err := kickstart.Parse("x", out.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		sections := again.Sections("")
		if n := len(sections); n < 4 || sections[n-1].Name() != "%onerror" || !sections[n-1].HasEnd() ||
			sections[n-2].Name() != "%post" || !sections[n-2].HasEnd() {
			t.Errorf("our sections are not the last: %q", out.Bytes)
		}
	})
}
