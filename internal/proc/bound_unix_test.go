//go:build unix

package proc

// A child dies with us, and not before us.

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// playUnix are the roles of a process that has a child and is then killed.
func playUnix(role string) int {
	self, _ := os.Executable()
	sleeper := Cmd{Path: self, Env: append(os.Environ(), roleVar+"=sleep")}
	switch role {
	case "parent": // as the system binds children
		p, err := sleeper.Start()
		if err != nil {
			fmt.Println("error", err)
			return 1
		}
		fmt.Println(p.Pid())
	case "parent at a terminal": // whose child stays in its group
		signal.Notify(make(chan os.Signal, 1), syscall.SIGINT)
		sleeper.Terminal = true
		p, err := sleeper.Start()
		if err != nil {
			fmt.Println("error", err)
			return 1
		}
		fmt.Println(p.Pid())
	case "watching parent": // by a watcher, on every unix
		cmd := exec.Command(sleeper.Path)
		cmd.Env, cmd.SysProcAttr = sleeper.Env, &syscall.SysProcAttr{Setpgid: true}
		if _, err := startWatched(cmd); err != nil {
			fmt.Println("error", err)
			return 1
		}
		fmt.Println(cmd.Process.Pid)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
	case "family": // a child with a child of its own that holds its stdout
		cmd := exec.Command(self)
		cmd.Env, cmd.Stdout = sleeper.Env, os.Stdout
		if err := cmd.Start(); err != nil {
			return 1
		}
		fmt.Println(cmd.Process.Pid)
	default:
		return 2
	}
	time.Sleep(time.Hour)
	return 0
}

func TestChildDiesWithKilledParent(t *testing.T) {
	for _, role := range []string{"parent", "parent at a terminal", "watching parent"} {
		t.Run(role, func(t *testing.T) {
			self, _ := os.Executable()
			parent := exec.Command(self)
			parent.Env = append(os.Environ(), roleVar+"="+role)
			out, err := parent.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := parent.Start(); err != nil {
				t.Fatal(err)
			}
			pid := readPid(t, bufio.NewReader(out))
			if !alive(pid) {
				t.Fatalf("child %d does not live", pid)
			}
			parent.Process.Signal(syscall.SIGKILL)
			parent.Wait()
			untilGone(t, pid)
		})
	}
}

func readPid(t *testing.T, r *bufio.Reader) int {
	t.Helper()
	line, err := r.ReadString('\n')
	pid, perr := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || perr != nil {
		t.Fatalf("no pid: %q %v", line, err)
	}
	return pid
}

// alive tells whether a process exists and is no zombie.
func alive(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return runtime.GOOS != "linux"
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// untilGone waits as long as the test may last: how long it takes is no concern.
func untilGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); alive(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			syscall.Kill(pid, syscall.SIGKILL)
			t.Fatalf("process %d is still there", pid)
		}
	}
}

// The death signal is bound to a thread: threads that end must not take the
// child with them.
func TestChildOutlivesThreads(t *testing.T) {
	var p *Process
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		var err error
		p, err = child(t, "sleep").Start()
		started <- err
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	for range 50 { // threads come and go
		done := make(chan struct{})
		go func() { runtime.LockOSThread(); close(done) }()
		<-done
	}
	runtime.GC()
	time.Sleep(50 * time.Millisecond)
	if !alive(p.Pid()) {
		t.Fatalf("the child has ended: %v", p.Wait())
	}
	p.Kill()
	p.Wait()
}

// A watcher that is told that the child has ended kills nothing.
func TestReleasedWatcherKillsNothing(t *testing.T) {
	bystander, err := child(t, "sleep").Start()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { bystander.Kill(); bystander.Wait() }()
	w, err := newWatcher()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.watch(bystander.Pid()); err != nil { // as if the pid were somebody else's by now
		t.Fatal(err)
	}
	w.release()
	if w.sh.ProcessState == nil {
		t.Error("the watcher lives on")
	}
	if !alive(bystander.Pid()) {
		t.Error("the watcher has killed a bystander")
	}
}

// A watcher survives what a terminal sends to everybody.
func TestWatcherIgnoresSignals(t *testing.T) {
	w, err := newWatcher()
	if err != nil {
		t.Fatal(err)
	}
	target, err := child(t, "sleep").Start()
	if err != nil {
		t.Fatal(err)
	}
	w.watch(target.Pid())
	// The shell sets its traps before it reads: a word through the pipe proves nothing,
	// but its command line can be asked again until the signals are ignored.
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && !ignores(w.sh.Process.Pid, syscall.SIGTERM); time.Sleep(time.Millisecond) {
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		w.sh.Process.Signal(sig)
	}
	w.in.Close() // as our death does
	w.sh.Wait()
	if err := target.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the watched child: %v", err)
	}
}

// ignores tells whether a process ignores a signal; true where that cannot be seen.
func ignores(pid int, sig syscall.Signal) bool {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(text), "SigIgn:\t")
	mask, _, _ := strings.Cut(rest, "\n")
	bits, _ := strconv.ParseUint(mask, 16, 64)
	return bits&(1<<(uint(sig)-1)) != 0
}

func TestOwnProcessGroup(t *testing.T) {
	p, err := child(t, "sleep").Start()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { p.Kill(); p.Wait() }()
	if g, err := syscall.Getpgid(p.Pid()); err != nil || g != p.Pid() {
		t.Errorf("process group %d (%v), want %d", g, err, p.Pid())
	}
}

// A terminal's Ctrl-C goes to the whole group, in which the child is, and ends
// neither; the kill that is meant for the child ends nobody else.
func TestTerminalChild(t *testing.T) {
	self, _ := os.Executable()
	parent := exec.Command(self)
	parent.Env = append(os.Environ(), roleVar+"=parent at a terminal")
	parent.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := parent.StdoutPipe()
	if err == nil {
		err = parent.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	pid := readPid(t, bufio.NewReader(out))
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && !ignores(pid, syscall.SIGINT); time.Sleep(time.Millisecond) {
	}
	for range 3 {
		if err := syscall.Kill(-parent.Process.Pid, syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if g, err := syscall.Getpgid(pid); err != nil || g != parent.Process.Pid || !alive(pid) || !alive(parent.Process.Pid) {
		t.Errorf("process group %d (%v), want %d; the child lives: %v; its parent: %v", g, err, parent.Process.Pid, alive(pid), alive(parent.Process.Pid))
	}
	parent.Process.Kill()
	parent.Wait()
	untilGone(t, pid)

	c := child(t, "sleep")
	c.Terminal = true
	p, err := c.Start()
	if err != nil {
		t.Fatal(err)
	}
	p.Kill() // we live on
	if err := p.Wait(); err == nil || !strings.Contains(err.Error(), "killed") || strings.Contains(err.Error(), "trap") {
		t.Errorf("%v", err)
	}
	c.Path = "there-is-no-such-program"
	if _, err := c.Start(); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestStopStubborn(t *testing.T) {
	c := child(t, "stubborn")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c.Stdout = w
	p, err := c.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	bufio.NewReader(r).ReadString('\n')
	p.Stop(50 * time.Millisecond)
	if err := p.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("%v, want killed", err)
	}
}

// Kill takes grandchildren along, and a grandchild that holds a pipe does not
// keep Wait from returning.
func TestKillTakesFamily(t *testing.T) {
	c := child(t, "family")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c.Stdout = w
	p, err := c.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	grandchild := readPid(t, bufio.NewReader(r))
	p.Kill()
	p.Wait()
	untilGone(t, grandchild)
}
