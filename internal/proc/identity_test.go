package proc

import (
	"errors"
	"os"
	"os/exec"
	"testing"
)

// A process is known by more than its number: one that has the number of a dead
// one is not killed in its place.
func TestIdentity(t *testing.T) {
	me, err := Identity(os.Getpid())
	if err != nil {
		t.Skip(err)
	}
	if again, err := Identity(os.Getpid()); err != nil || again != me || !Alive(os.Getpid(), me) {
		t.Errorf("%q, then %q, %v", me, again, err)
	}
	child := exec.Command("sleep", "100")
	if err := child.Start(); err != nil {
		t.Skip(err)
	}
	defer child.Process.Kill()
	pid := child.Process.Pid
	id, err := Identity(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := KillIdentified(pid, me); !errors.Is(err, ErrGone) || !Alive(pid, id) {
		t.Errorf("a process of another identity: %v", err)
	}
	if err := KillIdentified(pid, id); err != nil {
		t.Error(err)
	}
	_ = child.Wait()
	if _, err := Identity(pid); !errors.Is(err, ErrGone) || Alive(pid, id) {
		t.Errorf("a process that has ended: %v", err)
	}
	if err := KillIdentified(pid, id); !errors.Is(err, ErrGone) {
		t.Errorf("a process that has ended is killed: %v", err)
	}
}
