package assemble

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLineSplitter(t *testing.T) {
	long := strings.Repeat("x", maxChannelLine+100)
	text := "one\r\n\ntwo\n" + long + "\nlast"
	want := []string{"1:one", "2:", "3:two", "4:" + long[:maxChannelLine], "5:last"}
	for _, cut := range []int{1, 7, len(text)} {
		var got []string
		s := &lineSplitter{emit: func(line int, text string) { got = append(got, fmt.Sprintf("%d:%s", line, text)) }}
		for piece := range slices.Chunk([]byte(text), cut) {
			_, _ = s.Write(piece)
		}
		_ = s.Close()
		if !slices.Equal(got, want) {
			t.Errorf("cut every %d bytes: %d lines, want %d", cut, len(got), len(want))
		}
	}
}

// What was sent before settle has been read after it, on every channel.
func TestSettle(t *testing.T) {
	const n = 20
	for range n {
		us, guest := net.Pipe()
		var got strings.Builder
		c := readChannel(us, func(p []byte) { got.Write(p) }, func() {})
		for range 3 {
			if _, err := guest.Write([]byte("done")); err != nil {
				t.Fatal(err)
			}
		}
		settle(time.Minute, c)
		guest.Close()
		<-c.ended
		if got.String() != "donedonedone" {
			t.Fatalf("read %q", got.String())
		}
	}
}

func TestChannelEndsWithItsConnection(t *testing.T) {
	us, guest := net.Pipe()
	flushed := make(chan bool, 10)
	c := readChannel(us, func([]byte) {}, func() { flushed <- true })
	guest.Close()
	<-c.ended
	select {
	case <-flushed:
	default:
		t.Error("not flushed at the end")
	}
	settle(time.Minute, c) // must not wait for a channel that has ended
}
