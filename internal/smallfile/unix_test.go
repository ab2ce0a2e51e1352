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

// What is large is a regular file, or a pipe that is read once and left when
// the context ends.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	file, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "pipe")
	if err := errors.Join(os.WriteFile(file, []byte("text"), 0o600), syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, "/dev/zero"} {
		if f, err := smallfile.Open(path); err == nil {
			f.Close()
			t.Errorf("%s is opened", path)
		}
	}
	if f, err := smallfile.Open(file); err != nil {
		t.Error(err)
	} else {
		f.Close()
	}
	if _, err := smallfile.OpenStream(t.Context(), "/dev/zero"); !errors.Is(err, smallfile.ErrUnreadable) {
		t.Errorf("a device: %v", err)
	}

	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	opened := make(chan *os.File, 1)
	go func() {
		w, _ := os.OpenFile(pipe, os.O_WRONLY, 0)
		_, _ = w.WriteString("text")
		opened <- w
	}()
	r, err := smallfile.OpenStream(ctx, pipe)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w := <-opened
	defer w.Close()
	b := make([]byte, 100)
	if n, err := r.Read(b); err != nil || string(b[:n]) != "text" {
		t.Errorf("%q, %v", b[:n], err)
	}
	cancel(stop)
	if n, err := r.Read(b); n != 0 || err != stop {
		t.Errorf("read on: %d, %v; want %v", n, err, stop)
	}
}
