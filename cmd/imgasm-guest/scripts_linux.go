// The kickstart's scripts: %pre, %pre-install, %post, %onerror.

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/imgasm/imgasm/kickstart"
)

// packageList is where the installed system keeps its packages' names, for rpm.
const packageList = "usr/lib/rehearsal/packages"

// A script is a script section with its header's options.
type script struct {
	section     *kickstart.Section
	interpreter string
	log         string
	fatal       bool // --erroronfail
	noChroot    bool
}

func readScript(s *kickstart.Section) script {
	out := script{section: s, interpreter: "/bin/sh"}
	words := s.Header.Args()
	for k := 0; k < len(words); k++ {
		name, value, has := strings.Cut(words[k].Value, "=")
		if !has && (name == "--log" || name == "--logfile" || name == "--interpreter") && k+1 < len(words) {
			k++
			value = words[k].Value
		}
		switch name {
		case "--interpreter":
			out.interpreter = value
		case "--log", "--logfile":
			out.log = value
		case "--erroronfail":
			out.fatal = true
		case "--nochroot":
			out.noChroot = true
		}
	}
	return out
}

// runScripts runs all sections of a name, in order. chroot is the target's
// root for those that run in it.
func (i *installer) runScripts(name, chroot string) error {
	if i.ks == nil {
		return nil
	}
	sections := i.ks.Sections(name)
	if name == "%pre" && len(sections) > 0 {
		i.con.Anaconda(clock() + " Running pre-installation scripts")
	}
	for _, section := range sections {
		s := readScript(section)
		line := section.Pos().Line
		root := chroot
		if s.noChroot {
			root = ""
		}
		output, code := i.runOne(s, root)
		i.log.Info("core.kickstart", "Running kickstart script at line %d: exit status %d", line, code)
		for _, l := range strings.Split(strings.TrimSpace(output), "\n") {
			if l != "" {
				i.log.Line("INFO", "program", "program: "+l)
			}
		}
		if code != 0 {
			i.log.Error("kickstart", "Error code %d running the kickstart script at line %d", code, line)
			if s.fatal {
				return &scriptError{line: line, output: output}
			}
		}
	}
	return nil
}

// maxOutput is what is kept of a script's output, and maxLog what its --log
// takes: that of a script that is not in the installed system lies in memory.
const (
	maxOutput = 64 << 10
	maxLog    = 16 << 20
)

// runOne runs a script, below root if that is not empty, and returns what it
// said, or what it left in its log.
func (i *installer) runOne(s script, root string) (string, int) {
	file := fmt.Sprintf("/tmp/ks-script-%d", s.section.Pos().Line)
	if err := os.WriteFile(root+file, s.section.BodyRaw(), 0o700); err != nil {
		return err.Error(), 1
	}
	defer os.Remove(root + file)
	cmd := exec.Command(s.interpreter, file)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
	if root != "" {
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	} else {
		cmd.Env = append(cmd.Env, "ANA_INSTALL_PATH="+sysimage)
	}
	tail := &lastBytes{max: maxOutput}
	var out io.Writer = tail
	if s.log != "" {
		if f, err := os.OpenFile(root+s.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err == nil {
			defer f.Close()
			out = io.MultiWriter(tail, &firstBytes{to: f, left: maxLog})
		}
	}
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	code := 0
	if err != nil {
		code = 1
		if exit, ok := err.(*exec.ExitError); ok {
			code = exit.ExitCode()
		} else {
			fmt.Fprintln(tail, err)
		}
	}
	if f, err := os.OpenFile("/tmp/program.log", os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err == nil {
		f.Write(tail.kept.Bytes())
		f.Close()
	}
	return tail.kept.String(), code
}
