package rehearsal

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hinshun/vt10x"

	"github.com/imgasm/imgasm/assemble/rehearsal/failures"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/kickstart"
)

// guestBash is a shell that runs the guest's scripts.
func guestBash(t *testing.T) string {
	t.Helper()
	bash := hosttool.Find(t, "bash", "bash")
	if out, _ := exec.Command(bash, "-c", "((BASH_VERSINFO[0] >= 5)) && echo new; [ -e /proc/uptime ] && echo linux").Output(); string(out) != "new\nlinux\n" {
		t.Skip("the guest's scripts need bash 5 and Linux")
	}
	return bash
}

// inGuest runs a piece of bash with all of the guest's functions, and returns
// what it says. Functions that never come back say why and leave.
func inGuest(t *testing.T, script string) string {
	t.Helper()
	bash := guestBash(t)
	table := filepath.Join(t.TempDir(), "dialect.sh")
	if err := os.WriteFile(table, []byte(dialect()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bash, "-c", `for f in guest/*.sh "$0"; do . "$f"; done
end_by_error() { echo "error: $1"; exit; }
end_by_kickstart() { echo "kickstart line $1: $2"; exit; }
`+script, table)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	return string(out)
}

// quoted makes one word of bash out of a text.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func TestGuestIsCleanForShellcheck(t *testing.T) {
	tool := hosttool.Find(t, "shellcheck", "shellcheck")
	scripts, err := filepath.Glob("guest/*.sh")
	if err != nil || len(scripts) < 10 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	table := filepath.Join(t.TempDir(), "dialect.sh")
	whole := filepath.Join(filepath.Dir(table), "whole.sh")
	var text strings.Builder
	for _, s := range append(scripts, table, "guest/init") {
		path, err := filepath.Abs(s)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "# shellcheck source=%s\n. %s\n", path, path)
	}
	for path, data := range map[string]string{table: dialect(), whole: "#!/bin/bash\n" + text.String()} {
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(tool, "--external-sources", "--check-sourced", whole).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestGuestArguments(t *testing.T) {
	got := inGuest(t, `read_arguments 'BOOT_IMAGE=/x inst.ks=hd:LABEL=OEMDRV:/ks.cfg rd.shell=0 dyndbg="file a b +p" console=tty0 inst.ks=hd:LABEL=two\x20words:/k  inst.notmux a=it'\''s#1 quiet=no'
for name in inst.ks dyndbg a inst; do argument $name && echo "$name: $REPLY" || echo "no $name"; done
for name in inst.notmux rd.shell quiet absent inst.ks; do flag $name && echo "$name"; done
for value in 'hd:LABEL=two\x20words:/a:b' hd:LABEL=AlmaLinux-10-0 '' http://x/ks.cfg hd:LABEL=:/x hd:sda1:/ks file:/ks.cfg; do volume "$value" && echo "$label|$path" || echo none; done`)
	want := `inst.ks: hd:LABEL=two\x20words:/k
dyndbg: file a b +p
a: it's#1
no inst
inst.notmux
inst.ks
two words|/a:b
AlmaLinux-10-0|
none
none
none
none
none
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

var times = regexp.MustCompile(`\[ *\d+\.\d{6}\]`)

// The guest knows every failure that it can be asked for.
func TestGuestFails(t *testing.T) {
	var scripts strings.Builder
	err := fs.WalkDir(guest, "guest", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := guest.ReadFile(name)
		scripts.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range failures.All() {
		if !regexp.MustCompile(`(?m)(\$fail (!=|==|in) |^\t|\| )` + f.Name + `\b`).MatchString(scripts.String()) {
			t.Errorf("no script does what %s asks for", f.Name)
		}
	}
}

// A prompt without a line end never appears under journald.
func TestGuestJournal(t *testing.T) {
	got := inGuest(t, `say 'Starting installer, one moment...'
say $'Error\n\n  text\n  '
warn 'Could not boot.'
begin 'Starting automated install'; begin .
say 'Saving storage configuration...'; begin 'Press ENTER: '`)
	want := "[] anaconda[1801]: Starting installer, one moment...\n[] anaconda[1801]: Error\n[] anaconda[1801]:   text\n" +
		"[] dracut-initqueue[848]: Warning: Could not boot.\n[] anaconda[1801]: Starting automated install.Saving storage configuration...\n"
	if got = times.ReplaceAllString(got, "[]"); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

var colours = regexp.MustCompile(`\x1b\[[0-9;:]*m`)

// Whatever the length of the name, the line fits on the terminal.
func TestGuestUnit(t *testing.T) {
	lines := strings.Split(colours.ReplaceAllString(inGuest(t, `unit OK 'Reached target' poweroff.target 'System Power Off'
unit '' Starting dracut-emergency.service 'Dracut Emergency Shell..'
unit FAILED 'Failed to start' anaconda-direct.service 'the anaconda installation program'
for ((n = 1; n < 120; n++)); do printf -v u '%*s' $n; printf -v d '%*s' $((130 - n)); unit OK Started "${u// /u}" "${d// /d}"; done`), ""), "\r\n")
	if lines[0] != "[  OK  ] Reached target poweroff.target - System Power Off." || lines[1] != "         Starting dracut-emergency.service - Dracut Emergency Shell..." {
		t.Errorf("%q", lines[:2])
	}
	for _, line := range lines[2 : len(lines)-1] {
		if n := len([]rune(line)); n > 81 || !strings.Contains(line, "…") || !strings.HasSuffix(line, ".") {
			t.Errorf("%d columns: %q", n, line)
		}
	}
}

func TestGuestLog(t *testing.T) {
	dir := t.TempDir()
	bash := guestBash(t)
	text, err := guest.ReadFile("guest/log.sh")
	if err != nil {
		t.Fatal(err)
	}
	script := strings.ReplaceAll(string(text), "/tmp/", dir+"/") + `
log CRIT anaconda $'anaconda: exception: Traceback\nline 2'
info main /sbin/anaconda
log INFO dnf 'only on the port'
run sh -c 'echo said; exit 3' || echo "$REPLY"`
	cmd := exec.Command(bash, "-c", script)
	cmd.Env = append(os.Environ(), "TZ=UTC0")
	out, err := cmd.Output()
	if err != nil || string(out) != "sh -c echo said; exit 3: exit status 3: said\n" {
		t.Errorf("%v: %q", err, out)
	}
	clock := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d,\d{3} `)
	for name, want := range map[string]string{
		"port.log": "CRIT anaconda:anaconda: exception: Traceback#012line 2\nINFO anaconda:anaconda: main: /sbin/anaconda\nINFO dnf:only on the port\n" +
			"INFO anaconda:anaconda: program: Running... sh -c echo said; exit 3\nINFO program:program: said\n",
		"anaconda.log": "CRT exception: Traceback\nline 2\nINF main: /sbin/anaconda\nINF program: Running... sh -c echo said; exit 3\n",
	} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if got := clock.ReplaceAllString(string(data), ""); err != nil || got != want || len(clock.FindAll(data, -1)) < 3 {
			t.Errorf("%s: %v\n%s", name, err, data)
		}
	}
}

// An independent terminal shows what a person would see in tmux.
func TestGuestScreen(t *testing.T) {
	term := vt10x.New(vt10x.WithSize(80, 24))
	// The line discipline of the console makes "\r\n" out of "\n".
	show := func(script string) string {
		term.Write([]byte(strings.ReplaceAll(inGuest(t, "screen_attach\n"+script), "\n", "\r\n")))
		return term.String()
	}
	if s := show("say 'Starting installer, one moment...'"); !strings.HasPrefix(s, "Starting installer, one moment...") || !strings.Contains(s, "[anaconda]1:main*") {
		t.Errorf("\n%s", s)
	}
	screen := show(`for ((n = 1; n <= 100; n++)); do say "Installing package-$n.x86_64 ($n/100)"; done
begin 'Press ENTER to quit: '; screen_clock`)
	for n := 85; n <= 100; n++ {
		if strings.Count(screen, fmt.Sprintf("(%d/100)", n)) != 1 {
			t.Errorf("package %d is not once on the screen\n%s", n, screen)
		}
	}
	if !strings.Contains(screen, "Press ENTER to quit:") || !regexp.MustCompile(`\d\d:\d\d:\d\d`).MatchString(screen) {
		t.Errorf("no prompt or no clock\n%s", screen)
	}
}

// What bash makes of a line is what imgasm's own parser makes of it.
func TestGuestSplits(t *testing.T) {
	for _, line := range []string{
		"lang en_US.UTF-8", "  a\tb  c\r", `user --name=x --password="a \"b\" \$ \\ c" # comment`, "a#b c", `rootpw 'it''s' "" x\ y \#`,
		`echo "don't" 'say "no"' a'b'"c"d`, `part / --label="two words"`, `x "open`, `y 'open`, `'\' "\x"`,
	} {
		file, err := kickstart.Parse("ks.cfg", []byte(line+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		c := file.Commands()[0]
		want := ""
		for _, w := range c.Words {
			want += "<" + w.Value + ">"
		}
		if c.Err != nil {
			want = "open"
		}
		if got := inGuest(t, "if split "+quoted(line)+"; then printf '<%s>' \"${split[@]}\"; else printf open; fi"); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}

func TestGuestKickstart(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	show := `; for k in "${!error_texts[@]}"; do echo "${error_lines[k]}: ${error_texts[k]}"; done; printf 'warning: %s\n' "${warnings[@]}"`
	for text, want := range map[string]string{
		"lang en_US.UTF-8\n\nfrobnicate now\n":     "3: Unknown command: frobnicate\nwarning: \n",
		"part / --size=1 --bogus\n":                "1: unrecognized arguments: --bogus\nwarning: \n",
		"btrfs none --data=0 a\n":                  "warning: \n",
		"url --url\n":                              "1: argument --url: expected one argument\nwarning: \n",
		"auth --enableshadow\n":                    "1: auth has been removed.\nwarning: \n",
		"%post\necho\n":                            "1: Section %post does not end with %end.\nwarning: \n",
		"%post\necho\n%packages\n%end":             "1: Section %post does not end with %end.\nwarning: \n",
		"cmdline\n%anaconda\n%end\n":               "2: Unknown kickstart section: %anaconda\nwarning: \n",
		"cmdline\n%nonsense\n%end\n":               "2: Unknown kickstart section: %nonsense\nwarning: \n",
		"cmdline\nvnc\npoweroff\n":                 "warning: line 2: vnc is deprecated\n",
		"lang 'x\n":                                "1: No closing quotation\nwarning: \n",
		"%include /no/such/file\n":                 "1: Unable to open input kickstart file: Error opening file: open /no/such/file: no such file or directory\nwarning: \n",
		"%pre\n%nothing\nvnc\n%end\ncmdline # x\n": "warning: \n",
	} {
		if got := inGuest(t, "read_kickstart "+write("ks.cfg", text)+" follow"+show); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	outer := write("outer.ks", "zerombr\n%include "+write("inner.ks", "poweroff")+"\n")
	loop := filepath.Join(dir, "loop.ks")
	write("loop.ks", "cmdline\n%include "+loop+"\n")
	ks := write("ks.cfg", "cmdline\n%include "+outer+"\n%packages\nbash\n%include "+write("pkgs", "vim")+"\n%end\n%post --log=/x\n%include /no/script\n\n%end\npart / --grow --fstype ext4 # --size\n")
	got := inGuest(t, "read_kickstart "+ks+` follow
echo "${command_names[*]}/${section_names[*]}/${section_lines[*]}"; printf '<%s>' "${section_bodies[@]}"
show() { echo "$line:${arguments[*]}:${given[--fstype]}:${given[--grow]}:${given[--size]-none}"; }; each show part
read_kickstart `+loop+" follow; echo ${#command_names[@]}")
	if want := "cmdline zerombr poweroff part/%packages %post/3 7\n<bash\nvim\n><%include /no/script\n\n>11:/:ext4:yes:none\n11\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Output that has no end fills neither memory nor disk.
func TestGuestKeepsLog(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	if got := inGuest(t, "log_limit=5; printf abcdefghij | keep_log "+log); got != "abcdefghij" {
		t.Errorf("%q is passed on", got)
	}
	if data, err := os.ReadFile(log); err != nil || string(data) != "abcdethe rehearsal: the rest is left out\n" {
		t.Errorf("the log is %q, %v", data, err)
	}
}

func TestGuestGRUB(t *testing.T) {
	menu := inGuest(t, `words=(console=tty0 inst.ks=x console=ttyS0,115200n8)
kernel_arguments root-uuid ' console=tty0 net.ifnames=0 x="a b" y=$z '
grub_menu boot-uuid /boot 6.1 "$REPLY" 3`)
	for _, want := range []string{
		"set timeout=3\n", "--set=root boot-uuid\n", `menuentry 'imgasm rehearsal 10.0 (6.1)' {`,
		`linux /boot/vmlinuz-6.1 root=UUID=root-uuid ro console=ttyS0,115200n8 console=tty0 net.ifnames=0 x=\"a b\" y=\$z` + "\n", "initrd /boot/initramfs-6.1.img\n",
	} {
		if !strings.Contains(menu, want) {
			t.Errorf("no %q in\n%s", want, menu)
		}
	}
	cmd := exec.Command(hosttool.Find(t, "grub-script-check", "grub-common"))
	cmd.Stdin = bytes.NewReader([]byte(menu))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, menu)
	}
}
