package remote

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgasm/imgasm/assemble/remote/transfer"
	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/fault"
)

// A file that is written to while it is sent is named, with what to do.
func TestPutOfAnother(t *testing.T) {
	here, there := net.Pipe()
	host := &Server{Dir: t.TempDir()}
	go func() {
		defer there.Close()
		_ = host.Serve(context.Background(), there, there)
	}()
	c, err := NewClient(t.Context(), here, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	err = c.Put(t.Context(), File{SHA256: digest.Bytes([]byte("before")), Size: 7}, path, func(int64) {})
	if !errors.Is(err, ErrHost) || err.Error() != path+": the file has changed while it was sent" || fault.Hint(err, nil) == "" {
		t.Errorf("%v", err)
	}
}

// A host that dies when it has all of a file, and has not said so, is not taken to
// have it.
func TestPutIsAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	here, there := net.Pipe()
	failed := make(chan error, 1)
	go func() {
		defer there.Close()
		host := newWire(there, there)
		var c call
		failed <- errors.Join(host.send(reply{Hello: &Hello{}}), host.receive(&c), host.send(reply{}), func() error {
			f, err := os.Create(path + ".there")
			if err != nil {
				return err
			}
			return errors.Join(transfer.Receive(t.Context(), host.r, f, nil), f.Close())
		}())
	}()
	c, err := NewClient(t.Context(), here, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Put(t.Context(), File{Size: 7}, path, func(int64) {}); !errors.Is(err, ErrLost) {
		t.Errorf("%v", err)
	}
	if err := <-failed; err != nil {
		t.Error(err)
	}
}
