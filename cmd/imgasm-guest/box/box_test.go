package box

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func testSystem() *System {
	return &System{
		Packages:    func() []string { return []string{"rehearsal-kernel-6.1.0-56.x86_64", "openssh-server-1-1.noarch"} },
		Uname:       func() (Uname, error) { return Uname{"Linux", "node", "6.1.0", "#1", "x86_64"}, nil },
		Filesystems: func() []Filesystem { return []Filesystem{{"/dev/vda3", "/", 1000, 250}} },
	}
}

// run runs a script in a folder of its own.
func run(t *testing.T, s *System, dir, text, stdin string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	code, err := s.Run(ctx, Script{Name: "test", Text: text, Dir: dir, Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs})
	if err != nil {
		t.Errorf("%s: %v", text, err)
	}
	return out.String(), errs.String(), code
}

func TestCommands(t *testing.T) {
	for _, c := range []struct {
		script, stdin, want string
		code                int
	}{
		{"cat a b", "", "one\ntwo\nthree\nthree\n", 0},
		{"cat - b", "in\n", "in\nthree\n", 0},
		{"cat none", "", "", 1},
		{"head -n 1 a; head -2 a; head -c 3 a", "", "one\none\ntwo\none", 0},
		{"tail -n 1 a; tail -c 4 b; tail -n +2 a; tail -1 b", "", "three\nree\ntwo\nthree\nthree\n", 0},
		{"tail -n -2 a; tail -n 0 a; tail -c -4 b; tail -n -9223372036854775808 b; tail -n 99 b; tail -n +99 a; tail -c +3 b; printf 'x\\ny' | tail -n1", "", "two\nthree\nree\nthree\nthree\nree\ny", 0},
		{"head -n -1 a", "", "", 1},
		{"head -n 0 a; head -c 0 a; tail -c 0 a; tail -n 1; head -n 1", "", "", 0},
		{"wc -l <a; wc -c b; wc a", "", "3\n6 b\n3 3 14 a\n", 0},
		{"base64 -w0 b; echo; base64 b | base64 -d; base64 -w 4 b", "", "dGhyZWUK\nthree\ndGhy\nZWUK\n", 0},
		{"tr a-z A-Z <b; tr -d '\\n' <a; echo; echo aabbc | tr -s ab; echo a1b2 | tr -cd '[:digit:]'; printf 'a\\tb' | tr '\\t' ' '", "", "THREE\nonetwothree\nabc\n12a b", 0},
		{"grep -c e a; grep -n two a; grep -qx two a && echo yes; grep -v o a; grep -o 't.' a; grep -Ei 'ONE|TWO' a", "", "2\n2:two\nyes\nthree\ntw\nth\none\ntwo\n", 0},
		{"grep -q absent a", "", "", 1},
		{"grep x none", "", "", 2},
		{`grep 'a\|b' c; grep 'a+' c; grep -F '.' c`, "", "a+\nb.c\na+\nb.c\n", 0},
		{"sed s/o/0/ a; sed -n '2p' a; sed -e '/two/d' a; sed 's,t\\(.\\),<\\1&>,g' a; sed -E 's/(one)/[\\1]/' a", "", "0ne\ntw0\nthree\ntwo\none\nthree\none\n<wtw>o\n<hth>ree\n[one]\ntwo\nthree\n", 0},
		{"cp a z; sed -i 's/one/1/; 3d' z; cat z", "", "1\ntwo\n", 0},
		{"sed 'y/a/b/' a", "", "", 1},
		{"sort a; sort -r a; printf '10\\n9\\n9\\n' | sort -nu", "", "one\nthree\ntwo\ntwo\nthree\none\n9\n10\n", 0},
		{"echo a:b:c | cut -d: -f1,3; echo abcdef | cut -c2-3,5-; echo none | cut -d: -f2", "", "a:c\nbcef\nnone\n", 0},
		{"echo x | tee t1 t2; echo y | tee -a t1 >/dev/null; cat t1 t2", "", "x\nx\ny\nx\n", 0},
		{"mkdir -p d/e; mkdir -m 0700 f; touch d/e/g; ls d; ls -d d f; ls d/e", "", "e\nd\nf\ng\n", 0},
		{"mkdir a", "", "", 1},
		{"chmod 0600 a; ls -l a | cut -c1-10; chmod u+x,g=r a; ls -l a | cut -c1-10; chmod nonsense a", "", "-rw-------\n-rwxr-----\n", 1},
		{"mv a z; ls; rm z; rm -f z none; ls; rm z", "", "b\nc\nz\nb\nc\n", 1},
		{"mkdir d; rm d", "", "", 1},
		{"rm -rf /", "", "", 1},
		{"mkdir d; cp -r d e; cp a d; cat d/a; cp d x", "", "one\ntwo\nthree\n", 1},
		{"ln -s a l; readlink l; ln -sf b l; readlink l; ln a h; cat h | head -1; readlink a", "", "a\nb\none\n", 1},
		{"basename /x/y.txt .txt; dirname /x/y.txt; basename a", "", "y\n/x\na\n", 0},
		{"uname; uname -r; uname -sm", "", "Linux\n6.1.0\nLinux x86_64\n", 0},
		{"rpm -qa; rpm -q openssh-server; rpm -qa --qf '%{NAME} %{VERSION}\\n' 'open*'; rpm -q bash", "", "rehearsal-kernel-6.1.0-56.x86_64\nopenssh-server-1-1.noarch\nopenssh-server-1-1.noarch\nopenssh-server 1\npackage bash is not installed\n", 1},
		{"rpm -i x.rpm", "", "", 1},
		{"sleep 0.01; sleep x", "", "", 1},
		{"id -u; id -un; whoami", "", "0\nroot\nroot\n", 0},
		{"df | tail -1", "", "/dev/vda3              1000        750        250  75% /\n", 0},
		{"systemctl is-system-running; systemctl enable sshd; systemctl is-active sshd; cloud-init status --wait", "", "running\nactive\nstatus: done\n", 0},
		{"bash -c 'echo $0 $1; exit 3' x y", "", "bash y\n", 3},
		{"echo 'echo from a file $1' >s; sh s arg; echo 'exit 4' | sh", "", "from a file arg\n", 4},
		{"sudo -n id -u; env FOO=1 echo hi; seq 3 | tr '\\n' ' '; seq 2 3", "", "0\nhi\n1 2 3 2\n3\n", 0},
		{"timeout 0.05 sleep 20", "", "", 124},
		{"date +%Y | wc -c; mktemp -d >/dev/null", "", "5\n", 0},
		{"no-such-command", "", "", 127},
		{"set -e; false; echo not reached", "", "", 1},
		{"if then", "", "", 2},
		{"x=$(printf 'a b'); [ \"$x\" = 'a b' ] && for i in 1 2; do echo $i; done; cat <<E\nhere $x\nE", "", "1\n2\nhere a b\n", 0},
		{"trap 'echo end' EXIT; exit 5", "", "end\n", 5},
		{"poweroff", "", "", 1},
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"a": "one\ntwo\nthree\n", "b": "three\n", "c": "a+\nb.c\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		out, errs, code := run(t, testSystem(), dir, c.script, c.stdin)
		if out != c.want || code != c.code {
			t.Errorf("%s\ngot  %d %q\nwant %d %q\nstderr %q", c.script, code, out, c.code, c.want, errs)
		}
		if c.code != 0 && c.code != 1 && c.code < 124 {
			continue
		}
		if c.code == 127 && !strings.Contains(errs, "command not found") {
			t.Errorf("%s: stderr %q", c.script, errs)
		}
	}
}

func TestPower(t *testing.T) {
	var asked []string
	s := testSystem()
	s.Power = func(what string) { asked = append(asked, what) }
	run(t, s, "/", "poweroff; systemctl reboot; shutdown -h now; shutdown -r now; halt", "")
	if got := strings.Join(asked, " "); got != "poweroff reboot poweroff reboot halt" {
		t.Errorf("%q", got)
	}
	s.UID = 1000
	asked = nil
	if _, errs, code := run(t, s, "/", "poweroff", ""); code != 1 || len(asked) != 0 || !strings.Contains(errs, "root") {
		t.Errorf("a user: %d %v %q", code, asked, errs)
	}
}

func TestSudoOfUsers(t *testing.T) {
	s := testSystem()
	s.User, s.UID = "admin", 1000
	if _, errs, code := run(t, s, "/", "sudo -n id -u", ""); code != 1 || !strings.Contains(errs, "not offered") {
		t.Errorf("without sudo: %d %q", code, errs)
	}
	s.Sudo = func(_ io.Reader, out, _ io.Writer, args []string) int {
		io.WriteString(out, strings.Join(args, " ")+"\n")
		return 9
	}
	if out, _, code := run(t, s, "/", "sudo -n id -u", ""); code != 9 || out != "-n id -u\n" {
		t.Errorf("by the program: %d %q", code, out)
	}
	s.Become = func() error { return nil } // the program itself; no sudoers here allows "admin"
	s.User = "nobody of this machine"
	if _, errs, code := run(t, s, "/", "sudo -n id -u", ""); code != 1 || !strings.Contains(errs, "password is required") {
		t.Errorf("in the program: %d %q", code, errs)
	}
}

func TestCommand(t *testing.T) {
	var out bytes.Buffer
	code, err := testSystem().Command(context.Background(), []string{"/usr/bin/basename", "/a/it's; rm"}, Script{Stdout: &out})
	if err != nil || code != 0 || out.String() != "it's; rm\n" {
		t.Errorf("%d %q %v", code, out.String(), err)
	}
}

func TestEndedIn(t *testing.T) {
	dir := t.TempDir()
	ended := ""
	_, err := testSystem().Run(context.Background(), Script{Text: "mkdir sub; cd sub; exit 1", Dir: dir, EndedIn: func(d string) { ended = d }})
	if err != nil || ended != filepath.Join(dir, "sub") {
		t.Errorf("%q %v", ended, err)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if code, err := testSystem().Run(ctx, Script{Text: "while true; do sleep 0.01; done"}); code == 0 || err == nil {
		t.Errorf("an endless script: %d, %v", code, err)
	}
}

func TestNames(t *testing.T) {
	names := strings.Join(Names(), " ")
	for _, c := range []string{"cat", "tail", "base64", "tr", "head", "uname", "hostname", "rpm", "sync", "wc", "ls", "mkdir", "chmod", "sleep"} {
		if !strings.Contains(" "+names+" ", " "+c+" ") {
			t.Errorf("no %s, which the reporting scripts call", c)
		}
	}
}

func FuzzSed(f *testing.F) {
	f.Add("s/a/b/g;2d;/x/!p", "a\nb\n")
	f.Add(`s,\(x\)\1,&&,`, "xx")
	f.Add("s/", "")
	f.Fuzz(func(t *testing.T, script, text string) {
		for _, extended := range []bool{false, true} {
			program, err := parseSed(script, extended)
			if err != nil {
				continue
			}
			runSed(program, false, io.LimitReader(strings.NewReader(text), 1<<16), io.Discard)
		}
	})
}

func FuzzTrSet(f *testing.F) {
	f.Add(`a-z[:digit:]\n\101`)
	f.Add(`\`)
	f.Add("z-a--")
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 1000 {
			return
		}
		if n := len(trSet(s)); n > 256*(len(s)+8)*8 {
			t.Errorf("%d bytes out of %d", n, len(s))
		}
	})
}
