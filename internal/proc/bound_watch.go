//go:build unix && !linux

package proc

// macOS and the BSDs have no word for "kill it when I die": a watcher process does it.

import "os/exec"

type bond = watcher

// startBound starts the watcher first: a child that cannot be watched is not started.
func startBound(cmd *exec.Cmd) (*bond, error) {
	cmd.SysProcAttr.Setpgid = true
	w, err := newWatcher()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		w.release()
		return nil, err
	}
	if err := w.watch(cmd.Process.Pid); err != nil {
		killGroup(cmd.Process)
		cmd.Wait()
		w.release()
		return nil, err
	}
	return w, nil
}
