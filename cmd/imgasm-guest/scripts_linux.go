// The kickstart's scripts: %pre, %pre-install, %post, %onerror.

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/imgasm/imgasm/cmd/imgasm-guest/box"
	"github.com/imgasm/imgasm/kickstart"
)

// packageList is where the installed system keeps its packages' names, for rpm.
const packageList = "usr/lib/imgasm-rehearsal/packages"

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
	if !slices.Contains([]string{"sh", "bash"}, filepath.Base(s.interpreter)) {
		return fmt.Sprintf("%s: the rehearsal has no such interpreter", s.interpreter), 127
	}
	file := fmt.Sprintf("/tmp/ks-script-%d", s.section.Pos().Line)
	if err := os.WriteFile(root+file, s.section.BodyRaw(), 0o700); err != nil {
		return err.Error(), 1
	}
	defer os.Remove(root + file)
	cmd := exec.Command("/proc/self/exe", scriptVerb, file)
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

// scriptVerb makes the guest's program the interpreter of one script file.
const scriptVerb = "script"

// endedIn is the environment variable with the number of the descriptor on
// which a script's process is to tell the working folder at its end.
const endedIn = "IMGASM_REHEARSAL_ENDED_IN"

// runScript is that interpreter: it runs in a process of its own, so that it
// can have the installed system as its root.
func runScript(args []string) int {
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "imgasm-guest: script: no file")
		return 2
	}
	s := box.Script{Name: args[0], Env: os.Environ(), Args: args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	if args[0] == "-c" && len(args) > 1 {
		s.Name, s.Text, s.Args = "bash", args[1], args[2:]
	} else {
		text, err := os.ReadFile(args[0])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 127
		}
		s.Text = string(text)
	}
	if s.Dir, _ = os.Getwd(); s.Dir == "" {
		s.Dir = "/"
	}
	if fd, err := strconv.Atoi(os.Getenv(endedIn)); err == nil {
		tell := os.NewFile(uintptr(fd), "ended in")
		syscall.CloseOnExec(fd)
		os.Unsetenv(endedIn)
		s.EndedIn = func(dir string) { tell.WriteString(dir) }
	}
	code, err := guestSystem().Run(context.Background(), s)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return code
}

// runApplet runs one command, by whose name the program was called: on the
// installed system every command is a link to it.
func runApplet(argv []string) int {
	s := guestSystem()
	if filepath.Base(argv[0]) == "sudo" && os.Geteuid() == 0 {
		// Started with root's rights because of the file's mode. Whether the
		// user may use them is for box to find out.
		s.Become = func() error { return syscall.Setuid(0) }
	}
	dir, _ := os.Getwd()
	code, err := s.Command(context.Background(), argv, box.Script{Dir: dir, Env: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return code
}

// runSudo starts the installed program that has the right of sudo.
func runSudo(in io.Reader, out, errs io.Writer, args []string) int {
	cmd := exec.Command("/usr/bin/sudo", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, errs
	err := cmd.Run()
	if exit, ok := err.(*exec.ExitError); ok {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(errs, "sudo:", err)
		return 1
	}
	return 0
}

// guestSystem is what the commands of scripts and logins know of this guest.
func guestSystem() *box.System {
	uid, user := os.Getuid(), "root"
	if uid != 0 {
		user = fmt.Sprint(uid)
		for _, a := range accountsNow() {
			if a.uid == uid {
				user = a.name
			}
		}
	}
	return &box.System{
		User: user, UID: uid, Power: endOfSystem, Sudo: runSudo, Started: time.Now().Add(-sinceBoot()),
		Packages: func() []string {
			for _, root := range []string{"/", sysimage} {
				if data, err := os.ReadFile(filepath.Join(root, packageList)); err == nil {
					return strings.Fields(string(data))
				}
			}
			return nil
		},
		Uname: func() (box.Uname, error) {
			var u unix.Utsname
			if err := unix.Uname(&u); err != nil {
				return box.Uname{}, err
			}
			s := unix.ByteSliceToString
			return box.Uname{System: s(u.Sysname[:]), Node: s(u.Nodename[:]), Release: s(u.Release[:]), Version: s(u.Version[:]), Machine: s(u.Machine[:])}, nil
		},
		Filesystems: mounted,
	}
}

// mounted lists the file systems that lie on devices.
func mounted() []box.Filesystem {
	data, _ := os.ReadFile("/proc/self/mounts")
	var all []box.Filesystem
	for _, line := range strings.Split(string(data), "\n") {
		f := strings.Fields(line)
		if len(f) < 2 || !strings.HasPrefix(f[0], "/dev/") {
			continue
		}
		var s unix.Statfs_t
		if unix.Statfs(f[1], &s) == nil {
			k := int64(s.Bsize) / 1024
			all = append(all, box.Filesystem{Device: f[0], Mount: f[1], TotalKiB: int64(s.Blocks) * k, FreeKiB: int64(s.Bavail) * k})
		}
	}
	return all
}
