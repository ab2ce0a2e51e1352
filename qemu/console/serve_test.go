package console

import (
	"bytes"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// serve serves a console, and gives what was typed to it.
func serve(t *testing.T, greeting func() []byte) (*Server, io.Reader, func() net.Conn) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "c"))
	if err != nil {
		t.Skip(err)
	}
	typed, serial := io.Pipe()
	s := Serve(l, serial, greeting)
	t.Cleanup(func() {
		typed.Close()
		s.Close()
	})
	return s, typed, func() net.Conn {
		conn, err := net.Dial("unix", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
}

// hears fails unless this is what comes next.
func hears(t *testing.T, conn net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Fatalf("%q, %v; want %q", got, err, want)
	}
}

// Everybody hears the guest, from what it said before on, and may write to it.
func TestServe(t *testing.T) {
	s, typed, dial := serve(t, func() []byte { return []byte("earlier\n") })
	first, second := dial(), dial()
	hears(t, first, "earlier\n")
	hears(t, second, "earlier\n")
	s.Said([]byte("lo"))
	s.Said([]byte("gin: "))
	hears(t, first, "login: ")
	hears(t, second, "login: ")
	if _, err := second.Write([]byte("root\n")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(typed, got); err != nil || string(got) != "root\n" {
		t.Errorf("%q, %v", got, err)
	}
}

// The guest waits for nobody: who does not read is dropped, who reads is not.
func TestServeSlowClient(t *testing.T) {
	s, _, dial := serve(t, func() []byte { return []byte("a") })
	slow, quick := dial(), dial()
	line := bytes.Repeat([]byte("x"), 1<<10)
	hears(t, quick, "a")
	hears(t, slow, "a")
	for range 3 * maxBehind / len(line) {
		s.Said(line)
		hears(t, quick, string(line))
	}
	_ = slow.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, err := io.Copy(io.Discard, slow)
	if err != nil || n >= int64(3*maxBehind) {
		t.Errorf("who did not read was told %d bytes, %v", n, err)
	}
}
