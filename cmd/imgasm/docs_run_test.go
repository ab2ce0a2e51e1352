// The blocks of commands in the documentation: each is run by a test, or says that
// it is not, in a comment above it.

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/hosttool"
)

// The marks of blocks.
const (
	markRun     = "run"                      // by TestDocumentedRuns
	markMachine = "run in a virtual machine" // by TestE2ETutorial
	markNot     = "not run"
)

var (
	docBlock  = regexp.MustCompile("(?ms)^(?:<!-- ([a-z ]+) -->\n)?```([a-z]*)\n(.*?)^```$")
	shellWord = regexp.MustCompile(`(?m)^(\$ )?(bin/)?(imgasm|make|git|brew) `)
)

// pageBlocks are the blocks of a page that have the mark, each with its language.
func pageBlocks(page, mark string) (blocks [][2]string) {
	for _, m := range docBlock.FindAllStringSubmatch(page, -1) {
		if m[1] == mark {
			blocks = append(blocks, [2]string{m[2], m[3]})
		}
	}
	return blocks
}

// Blocks of commands have a mark that is known, but for the sessions of
// TestKickstartDocumentation; none is indented in place of a fence.
func TestDocumentedMarks(t *testing.T) {
	for name, page := range docPages(t) {
		for _, m := range docBlock.FindAllStringSubmatch(page, -1) {
			shows := m[2] == "sh" || m[2] == "console" || shellWord.MatchString(m[3])
			session := filepath.Base(name) == "kickstart.md" && docSession.MatchString(m[0])
			switch known := m[1] == markRun || m[1] == markMachine || m[1] == markNot; {
			case m[1] != "" && !known:
				t.Errorf("%s: nobody knows the mark %q", name, m[1])
			case shows && m[1] == "" && !session:
				t.Errorf("%s: is this run by a test? if not, write <!-- %s --> above it\n%s", name, markNot, m[3])
			case m[1] == markMachine && filepath.Base(name) != "tutorial.md":
				t.Errorf("%s: only the tutorial is %s", name, markMachine)
			}
		}
		if blocks, _ := shownCommands(docBlock.ReplaceAllString(page, "")); len(blocks) > 0 {
			t.Errorf("%s: put %q between fences", name, blocks)
		}
	}
}

// runBlocks runs the blocks of a page that have the mark as a shell would, in the
// folder dir, which is the home too. Of a session ("console") the shown lines must be
// among those that come, with … for any text; other blocks must end well.
func runBlocks(t *testing.T, page, mark, dir string, env ...string) {
	t.Helper()
	hosttool.Find(t, "sh", "dash")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "imgasm")); err != nil {
		t.Fatal(err)
	}
	env = append(os.Environ(), append(env, "HOME="+dir, "PATH="+bin+":"+os.Getenv("PATH"))...)
	shell := func(script string) (string, error) {
		cmd := exec.Command("sh", "-ec", script)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		t.Logf("%s\n%s", script, out)
		return string(out), err
	}
	for _, b := range pageBlocks(page, mark) {
		if b[0] != "console" {
			if _, err := shell(b[1]); err != nil {
				t.Fatalf("%v", err)
			}
			continue
		}
		for _, one := range strings.Split("\n"+b[1], "\n$ ")[1:] {
			command, shown, _ := strings.Cut(one, "\n")
			said, _ := shell(command)
			for line := range strings.Lines(shown) {
				parts := strings.Split(strings.TrimSuffix(line, "\n"), "…")
				for i, p := range parts {
					parts[i] = regexp.QuoteMeta(p)
				}
				if !regexp.MustCompile(strings.Join(parts, ".*")).MatchString(said) {
					t.Errorf("%s: no %q", command, line)
				}
			}
		}
	}
}

// What needs no virtual machine is run, on a small disk by the name of alma.qcow2.
func TestDocumentedRuns(t *testing.T) {
	disk, err := smallDiskImage()
	if err != nil {
		t.Fatal(err)
	}
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJZoRHZgcqRlRWCmN5OG2K1gkeS4FfMD7oVCfOuhCQFX me\n"
	pages := 0
	for name, page := range docPages(t) {
		if len(pageBlocks(page, markRun)) == 0 {
			continue
		}
		pages++
		t.Run(filepath.Base(name), func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range map[string]string{"small.raw": string(disk), ".ssh/id_ed25519.pub": key} {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			runText(t, "convert", filepath.Join(dir, "small.raw"), filepath.Join(dir, "alma.qcow2"))
			runBlocks(t, page, markRun, dir, "IMGASM_CACHE="+filepath.Join(dir, "cache"))
		})
	}
	if pages < 3 {
		t.Errorf("only %d pages have blocks that are run", pages)
	}
}

// The tutorial, up to AlmaLinux: the rehearsal's image is built, run and logged in
// to; a kickstart with mistakes is told so before and during the installation.
func TestE2ETutorial(t *testing.T) {
	hosttool.Machines(t)
	hosttool.Find(t, "ssh", "openssh-client")
	t.Parallel()
	page, err := os.ReadFile("../../docs/tutorial.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := shortDir(t)
	s := &scene{t: t, dir: dir, env: map[string]string{"XDG_STATE_HOME": dir + "/s", "TMPDIR": dir}}
	t.Cleanup(func() { _, _, _ = s.call("", "kill") })     // what a failure has left running
	cache := strings.TrimSpace(runText(t, "cache", "dir")) // of packages: they are of this machine
	runBlocks(t, string(page), markMachine, dir, "IMGASM_CACHE="+cache, "XDG_STATE_HOME="+dir+"/s", "TMPDIR="+dir)
}
