package remote

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgasm/imgasm/assemble/remote/transfer"
)

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
