package watch

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
		c := readChannel(us, func(p []byte) { got.Write(p) }, func(bool) {}, nil)
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

// So it is for each of several at once, while the guest goes on talking.
func TestSettleTogether(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // unlike net.Pipe, it buffers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	guest, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	us, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	var read atomic.Int64
	c := readChannel(us, func(p []byte) { read.Add(int64(len(p))) }, func(bool) {}, nil)
	var sent atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 400 {
			if _, err := guest.Write([]byte("x")); err != nil {
				return
			}
			sent.Add(1)
			time.Sleep(time.Millisecond)
		}
		guest.Close()
	}()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5 {
				before := sent.Load()
				settle(time.Minute, c)
				if got := read.Load(); got < before {
					t.Errorf("%d bytes read of %d that were sent", got, before)
				}
			}
		})
	}
	all.Wait()
	<-done
	<-c.ended
}

func TestChannelEndsWithItsConnection(t *testing.T) {
	us, guest := net.Pipe()
	flushed := make(chan bool, 10)
	c := readChannel(us, func([]byte) {}, func(bool) { flushed <- true }, nil)
	guest.Close()
	<-c.ended
	select {
	case <-flushed:
	default:
		t.Error("not flushed at the end")
	}
	settle(time.Minute, c) // must not wait for a channel that has ended
}
