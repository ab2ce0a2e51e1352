package alma

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
	ok(t, os.Mkdir(assemble.WorkFolder(out), 0o700))
	ok(t, os.WriteFile(filepath.Join(assemble.WorkFolder(out), consoleFile), []byte(l.Addr().String()), 0o600))
	if conn, err := DialConsole(out); !errors.Is(err, ErrNoConsole) {
		t.Errorf("%v, %v", conn, err)
	}
}
