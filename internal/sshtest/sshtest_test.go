package sshtest_test

import (
	"bufio"
	"os/exec"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/sshtest"
)

func TestServer(t *testing.T) {
	s := sshtest.Start(t, "WORD=two words")
	run := func(command string) string {
		t.Helper()
		out, err := exec.Command("ssh", "-F", s.Config, "-T", "anyhost", command).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	if got := run(`echo "$HOME $WORD"`); got != s.Home+" two words\n" {
		t.Errorf("%q", got)
	}
	s.Set("ForceCommand echo forced")
	if got := run("true"); got != "forced\n" {
		t.Errorf("%q", got)
	}
	s.Set()
	cmd := exec.Command("ssh", "-F", s.Config, "-T", "anyhost", "echo here; cat")
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err == nil {
		_, err = cmd.StdinPipe() // that nobody writes to
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "here\n" {
		t.Fatal(line, err)
	}
	s.Cut()
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 255 || !strings.Contains(said.String(), "closed by remote host") {
		t.Errorf("%v: %s", err, &said)
	}
	run("true") // the next connection stands
}
