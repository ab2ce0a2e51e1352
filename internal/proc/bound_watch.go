//go:build unix && !linux

package proc

// macOS and the BSDs have no word for "kill it when I die": a watcher does it.

import "os/exec"

type bond = watcher

func startBound(cmd *exec.Cmd) (*bond, error) { return startWatched(cmd) }
