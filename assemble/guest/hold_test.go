package guest

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgasm/imgasm/assemble"
)

// A folder that came with an archive looks like ours: what is typed at imgasm
// console must not reach a socket of somebody's choice.
func TestConsoleOfAForeignSocket(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "console"))
	if err != nil {
		t.Skip(err)
	}
	defer l.Close()
	out := filepath.Join(t.TempDir(), "x")
	if err := os.Mkdir(assemble.WorkFolder(out), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(assemble.WorkFolder(out), consoleFile), []byte(l.Addr().String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if conn, err := Dial(out); !errors.Is(err, ErrNoConsole) {
		t.Errorf("%v, %v", conn, err)
	}
}
