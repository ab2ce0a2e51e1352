//go:build unix

package ui

import "testing"

func TestCanMove(t *testing.T) {
	for kind, want := range map[string]bool{"": false, "dumb": false, "xterm-256color": true, "vt100": true} {
		if got := canMove(kind); got != want {
			t.Errorf("TERM=%q: %v, want %v", kind, got, want)
		}
	}
}
