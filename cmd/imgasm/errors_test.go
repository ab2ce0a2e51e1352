package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/internal/golden"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// errorsFile has an example of every error that a user can cause, as he sees it.
// A line "$ imgasm …" is a command, what follows is what it says and its exit code.
const errorsFile = "errors.txt"

// errorExamples are the commands of errorsFile.
func errorExamples(t *testing.T) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", errorsFile))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "$ ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// errorPlace is a folder with what the examples name.
func errorPlace(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	fakeInstaller(t, filepath.Join(dir, "dvd.iso"))
	for name, text := range map[string]string{
		"ok.ks": "text\npoweroff\n", "typo.ks": "text\nrebot\n", "short.iso": "no ISO", "text.qcow2": "no image", "other.raw": strings.Repeat("x", 512), "good.yaml": "images:\n  web: {kind: alma}\n",
		"key.pub": "ssh-ed25519 broken\n", "imgasm.yaml": "images:\n  web: {kind: alma, memroy: 2G}\n", "two.yaml": "images:\n  web: {kind: alma, matrix: {arch: [x86_64, aarch64]}, out: a.qcow2}\n", "bad.yaml": "images:\n  web: {kind: almma}\n  db: {kind: alma, memroy: 2G, cpus: [1, 2]}\n",
		"theirs.qcow2.json": "{}\n", "theirs.qcow2": "somebody's\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	raw := filepath.Join(dir, "disk.raw")
	if err := os.WriteFile(raw, make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := convert.Open(raw)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := convert.Create(context.Background(), filepath.Join(dir, "disk.qcow2"), d, convert.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
}

func TestErrors(t *testing.T) {
	lines := errorExamples(t)
	s := session{t, map[string]string{"IMGASM_CACHE": t.TempDir(), "XDG_STATE_HOME": t.TempDir(), "PATH": t.TempDir(), "HTTPS_PROXY": "http://127.0.0.1:1", "IMGASM_SSH": "no-ssh"}}
	qemu := qemutest.Executable(t, qemutest.Script{})
	home, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	errorPlace(t)
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, line := range lines {
		if strings.HasPrefix(line, "#") {
			fmt.Fprintf(&got, "\n%s\n", line)
			continue
		}
		args := strings.Fields(strings.TrimPrefix(line, "$ imgasm"))
		for i, a := range args {
			args[i] = strings.ReplaceAll(strings.Trim(a, "'"), "QEMU", qemu)
		}
		code, out, errs := s.run(args...)
		if code == exitDone || errs == "" && out == "" {
			t.Errorf("%s: exit code %d", line, code)
		}
		for from, to := range map[string]string{dir: "/home/me", qemu: "QEMU"} {
			errs, out = strings.ReplaceAll(errs, from, to), strings.ReplaceAll(out, from, to)
		}
		out = regexp.MustCompile(`"time":"[^"]*"`).ReplaceAllString(out, `"time":"…"`)
		fmt.Fprintf(&got, "\n%s\n%s%s[exit %d]\n", line, out, errs, code)
	}
	t.Chdir(home)
	golden.Check(t, errorsFile, []byte(strings.TrimPrefix(got.String(), "\n")))
	for _, block := range strings.Split(got.String(), "\n$ ")[1:] {
		line, said, _ := strings.Cut(block, "\n")
		if strings.Count(said, "imgasm: error: ") > 1 {
			t.Errorf("%s says it twice:\n%s", line, said)
		}
		for name := range fieldFlags {
			if name != "URL" && regexp.MustCompile(`(?m)^imgasm: error: .*\b`+name+`: `).MatchString(said) {
				t.Errorf("%s names the field %s:\n%s", line, name, said)
			}
		}
	}
}

// Every verb is called with a wrong number of arguments in an example, every flag
// that takes a number, a time, a size or one of some words with a wrong value.
func TestErrorExamplesComplete(t *testing.T) {
	examples := strings.Join(errorExamples(t), "\n") + "\n"
	var look func(commands []*cli.Command, before string)
	look = func(commands []*cli.Command, before string) {
		for _, c := range commands {
			if c.Hidden {
				continue
			}
			name := before + c.Name
			if len(c.Subcommands) == 0 && !strings.Contains(examples, "$ imgasm "+name+"\n") && !strings.Contains(examples, "$ imgasm "+name+" ") {
				t.Errorf("no example of imgasm %s", name)
			}
			for _, f := range flagsOf(c) {
				long := f.names[len(f.names)-1]
				_, number := flagNamed(c, long).(*cli.IntFlag)
				_, time := flagNamed(c, long).(*cli.DurationFlag)
				if (number || time || strings.Contains(f.value, "|") || f.value == "SIZE") && !strings.Contains(examples, long+" ") {
					t.Errorf("no example of a wrong %s, of imgasm %s", long, name)
				}
			}
			look(c.Subcommands, name+" ")
		}
	}
	look((&app{}).commands(), "")
}

func flagNamed(c *cli.Command, long string) cli.Flag {
	for _, f := range c.Flags {
		if f.Names()[0] == strings.TrimPrefix(long, "--") {
			return f
		}
	}
	return nil
}
