//go:build unix

package nixos

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A build that is interrupted ends nix with all that it has started, and leaves nothing.
func TestInterrupted(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	s, _ := testSpec(t, built("/nix/store/absent").but("*build*", "sleep 600 & echo $! > "+pid+".new; mv "+pid+".new "+pid+"; wait"), comesUp)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for _, err := os.Stat(pid); err != nil; _, err = os.Stat(pid) {
			time.Sleep(10 * time.Millisecond)
		}
		cancel()
	}()
	if _, _, err := run(ctx, t, testHost(t), s); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	text, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); syscall.Kill(n, 0) == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("process %d lives", n)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(s.Out)); err != nil || len(entries) > 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}
