package ui

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/imgasm/imgasm/internal/event"
)

// A terminal of no size, as build servers open, shows what jobs say line by line.
func TestJobsWithoutSize(t *testing.T) {
	host, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	defer host.Close()
	n, err := unix.IoctlGetInt(int(host.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(host.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	guest, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer guest.Close()
	j := NewStreams(guest, guest, func(name string) string { return map[string]string{"TERM": "xterm"}[name] }).Jobs(Shown{})
	l := j.Start("web")
	l.Event(event.Event{Kind: event.StepStart, Step: "disk", Text: "make one"})
	l.End("built")
	j.Close()
	text := ""
	for said := make([]byte, 4096); err == nil && !strings.Contains(text, "web: built"); { // a read may bring less than all
		var n int
		n, err = host.Read(said)
		text += string(said[:n])
	}
	if err != nil || !strings.Contains(text, "make one") {
		t.Errorf("%q, %v", text, err)
	}
}
