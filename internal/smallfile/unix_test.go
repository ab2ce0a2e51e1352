//go:build unix

package smallfile_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/imgasm/imgasm/internal/smallfile"
)

func TestPipesAndDevices(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}

	// What the user names may be a pipe.
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(pipe, []byte("text"), 0) }()
	if got, err := smallfile.Read(t.Context(), pipe, 8); err != nil || string(got) != "text" {
		t.Errorf("got %q and %v", got, err)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}

	// A pipe that nobody writes into is left when the context ends.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := smallfile.Read(ctx, pipe, 8); !errors.Is(err, context.Canceled) {
		t.Errorf("a pipe without a writer: %v", err)
	}

	// What is included may not.
	if _, err := smallfile.Below(t.Context(), dir, "pipe", 8); err == nil {
		t.Error("a pipe is included")
	}
	for _, device := range []string{"/dev/zero", "/dev/null"} {
		if _, err := smallfile.Read(t.Context(), device, 8); err == nil {
			t.Errorf("%s is read", device)
		}
		if err := os.Symlink(device, filepath.Join(dir, filepath.Base(device))); err != nil {
			t.Fatal(err)
		}
		if _, err := smallfile.Below(t.Context(), dir, filepath.Base(device), 8); err == nil {
			t.Errorf("%s is included", device)
		}
	}
}
