package monitor

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/digitalocean/go-qemu/qmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const greeting = `{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian"}, "capabilities": ["oob"]}}` + "\r\n"

// server plays QEMU: it greets, answers qmp_capabilities, and hands every other
// command to answer, whose strings are sent as they are.
func server(t testing.TB, answer func(execute string, id json.RawMessage, args json.RawMessage) []string) (*Client, net.Conn) {
	t.Helper()
	ours, theirs := net.Pipe()
	go func() {
		io.WriteString(theirs, greeting)
		in := json.NewDecoder(theirs)
		for {
			var r struct {
				Execute   string          `json:"execute"`
				Arguments json.RawMessage `json:"arguments"`
				ID        json.RawMessage `json:"id"`
			}
			if in.Decode(&r) != nil {
				return
			}
			if r.Execute == "qmp_capabilities" {
				fmt.Fprintf(theirs, `{"return": {}, "id": %s}`+"\r\n", r.ID)
				continue
			}
			for _, line := range answer(r.Execute, r.ID, r.Arguments) {
				io.WriteString(theirs, line+"\r\n")
			}
		}
	}()
	c := New(ours)
	if err := c.Handshake(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Disconnect(); theirs.Close() })
	return c, theirs
}

// echo answers with the arguments.
func echo(_ string, id, args json.RawMessage) []string {
	if args == nil {
		args = json.RawMessage("{}")
	}
	return []string{fmt.Sprintf(`{"return": %s, "id": %s}`, args, id)}
}

func TestDo(t *testing.T) {
	c, _ := server(t, func(cmd string, id, args json.RawMessage) []string {
		switch cmd {
		case "bad":
			return []string{fmt.Sprintf(`{"id": %s, "error": {"class": "DeviceNotFound", "desc": "Device 'x' not found"}}`, id)}
		case "event-first":
			return append([]string{`{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "STOP"}`}, echo(cmd, id, args)...)
		}
		return echo(cmd, id, args)
	})
	if v := c.Version(); v.QEMU.Major != 7 || v.QEMU.Micro != 22 || v.Package != "Debian" {
		t.Errorf("version %+v", v)
	}
	var got struct{ A string }
	if err := c.Do(t.Context(), "echo", map[string]string{"A": "ü\n"}, &got); err != nil || got.A != "ü\n" {
		t.Errorf("%+v %v", got, err)
	}
	err := c.Do(t.Context(), "bad", nil, nil)
	var qe *Error
	if !errors.As(err, &qe) || qe.Class != "DeviceNotFound" || qe.Command != "bad" || err.Error() != "QMP bad: Device 'x' not found" {
		t.Errorf("%#v", err)
	}
	events := c.Subscribe("STOP")
	defer events.Close()
	if err := c.Do(t.Context(), "event-first", nil, nil); err != nil {
		t.Error(err)
	}
	if e := <-events.C(); e.Event != "STOP" || e.Timestamp.Seconds != 1 || e.Timestamp.Microseconds != 2 {
		t.Errorf("%+v", e)
	}
	var wrong struct{ A int }
	if err := c.Do(t.Context(), "echo", map[string]string{"A": "x"}, &wrong); err == nil || !strings.Contains(err.Error(), "QMP echo: answer") {
		t.Errorf("%v", err)
	}
	if err := c.Do(t.Context(), "echo", make(chan int), nil); err == nil {
		t.Error("a channel was sent")
	}
	if err := c.Do(t.Context(), "echo", nil, nil); err != nil {
		t.Errorf("after an argument that cannot be sent: %v", err)
	}
	if err := c.Handshake(t.Context()); err == nil {
		t.Error("a second handshake")
	}
}

// A reply of several MiB, as no Scanner reads it, and one over the cap.
func TestBigReply(t *testing.T) {
	big := strings.Repeat("x", 5<<20)
	c, _ := server(t, func(_ string, id, _ json.RawMessage) []string {
		return []string{fmt.Sprintf(`{"return": {"big": %q}, "id": %s}`, big, id)}
	})
	var got struct{ Big string }
	if err := c.Do(t.Context(), "x", nil, &got); err != nil || got.Big != big {
		t.Errorf("%d bytes %v", len(got.Big), err)
	}
}

func TestReadLine(t *testing.T) {
	tests := []struct {
		name, in string
		max      int
		want     []string
		err      string
	}{
		{"CRLF, LF, blank lines", "a\r\nb\n\r\n\nc\r\n", 10, []string{"a", "b", "c"}, "EOF"},
		{"unfinished", "a\nb", 10, []string{"a"}, "unexpected EOF"},
		{"too long", "12345678\n123456789\n", 9, []string{"12345678"}, "more than 9 bytes"},
		{"nothing", "", 10, nil, "EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := bufio.NewReaderSize(iotest.OneByteReader(strings.NewReader(tt.in)), 16)
			var got []string
			for {
				line, err := readLine(r, tt.max)
				if err != nil {
					if !strings.Contains(err.Error(), tt.err) {
						t.Errorf("%v, want %s", err, tt.err)
					}
					break
				}
				got = append(got, string(line))
			}
			if strings.Join(got, "|") != strings.Join(tt.want, "|") {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestCommandTimeout(t *testing.T) {
	release := make(chan struct{})
	c, _ := server(t, func(cmd string, id, args json.RawMessage) []string {
		if cmd == "slow" {
			<-release
		}
		return echo(cmd, id, args)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := c.Do(ctx, "slow", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	close(release)
	// The late answer belongs to nobody; the next command gets its own.
	var got struct{ N int }
	if err := c.Do(t.Context(), "echo", map[string]int{"N": 7}, &got); err != nil || got.N != 7 {
		t.Errorf("%+v %v", got, err)
	}
}

func TestConnectionEnds(t *testing.T) {
	for _, how := range []string{"closed by QEMU", "garbage", "closed by us", "neither event nor answer"} {
		t.Run(how, func(t *testing.T) {
			asked := make(chan struct{})
			c, theirs := server(t, func(string, json.RawMessage, json.RawMessage) []string { close(asked); return nil })
			events := c.Subscribe()
			result := make(chan error)
			go func() { result <- c.Do(context.Background(), "x", nil, nil) }()
			<-asked
			switch how {
			case "closed by QEMU":
				theirs.Close()
			case "garbage":
				io.WriteString(theirs, "qemu: Speicherzugriffsfehler\n")
			case "neither event nor answer":
				io.WriteString(theirs, "{}\n")
			default:
				c.Disconnect()
			}
			if err := <-result; !errors.Is(err, ErrClosed) {
				t.Errorf("%v, want ErrClosed", err)
			}
			if _, ok := <-events.C(); ok {
				t.Error("an event")
			}
			<-c.closed
			if _, ok := <-c.Subscribe().C(); ok {
				t.Error("an event for who subscribed too late")
			}
		})
	}
}

func TestHandshakeFails(t *testing.T) {
	for _, tt := range []struct{ name, greeting, want string }{
		{"silence", "", "deadline exceeded"},
		{"end", "END", "unexpected EOF"},
		{"not JSON", "hello\n", "not QEMU's"},
		{"other JSON", "{\"return\": {}}\n", "not QEMU's"},
		{"greeting, then the end", greeting + "END", "QMP qmp_capabilities: QMP connection closed"},
		{"greeting, then silence", greeting, "deadline exceeded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ours, theirs := net.Pipe()
			defer theirs.Close()
			go func() {
				text, end := strings.CutSuffix(tt.greeting, "END")
				io.WriteString(theirs, text)
				if end {
					theirs.Close()
				}
				io.Copy(io.Discard, theirs)
			}()
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			c := New(ours)
			err := c.Handshake(ctx)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if err := c.Do(t.Context(), "x", nil, nil); !errors.Is(err, ErrClosed) {
				t.Errorf("%v, want ErrClosed", err)
			}
		})
	}
}

// Nobody reads the events, many send commands: nothing is blocked, and the
// vital events are kept.
func TestUnreadEventsBlockNobody(t *testing.T) {
	c, theirs := server(t, echo)
	unread := c.Subscribe()
	defer unread.Close()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 100 {
				var got struct{ N int }
				if err := c.Do(t.Context(), "echo", map[string]int{"N": i}, &got); err != nil || got.N != i {
					t.Errorf("%+v %v", got, err)
				}
			}
		})
	}
	io.WriteString(theirs, `{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-panic"}}`+"\n")
	for range 3 * queueLen {
		io.WriteString(theirs, `{"event": "BLOCK_IO_ERROR"}`+"\n")
	}
	all.Wait()
	c.Disconnect()
	var names []string
	for e := range unread.C() {
		names = append(names, e.Event)
	}
	if names[0] != "SHUTDOWN" && names[1] != "SHUTDOWN" { // one event may have been on its way already
		t.Errorf("first events: %q", names[:3])
	}
	if len(names) < queueLen || len(names) > queueLen+1 {
		t.Errorf("%d of %d read, want the newest %d", len(names), 3*queueLen+1, queueLen)
	}
}

func TestVictim(t *testing.T) {
	queue := func(names ...string) (q []qmp.Event) {
		for _, n := range names {
			q = append(q, qmp.Event{Event: n})
		}
		return q
	}
	for _, tt := range []struct {
		q    []qmp.Event
		want int
	}{
		{queue("SHUTDOWN", "BLOCK_IO_ERROR", "BLOCK_IO_ERROR"), 1},
		{queue("SHUTDOWN", "STOP", "RESUME", "STOP"), 1},
		{queue("SHUTDOWN", "STOP"), 0},
	} {
		if got := victim(tt.q); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.q, got, tt.want)
		}
	}
}

// Whatever comes down the wire: no panic, no hang, and what decodes is one of the three kinds.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		strings.TrimSpace(greeting),
		`{"return": {"running": true, "singlestep": false, "status": "running"}, "id": 3}`,
		`{"id": 4, "error": {"class": "GenericError", "desc": "Block format 'qcow2' used by node 'x'"}}`,
		`{"timestamp": {"seconds": 1790000000, "microseconds": 42}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}`,
		`{"timestamp": {"seconds": -1, "microseconds": -1}, "event": "RTC_CHANGE", "data": {"offset": 0}}`,
		`{"timestamp": "never", "event": "STOP"}`,
		`{"event": 1}`, `{"return": null}`, `{"id": -1, "return": {}}`, `{"id": {"a": 1}, "return": []}`, `[`, `null`, `"\ud800"`,
	} {
		f.Add([]byte(s + "\r\n"))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bufio.NewReaderSize(strings.NewReader(string(b)), 16)
		for {
			line, err := readLine(r, 1<<16)
			if err != nil {
				return
			}
			m, err := decode(line)
			if err != nil {
				continue
			}
			kinds := 0
			if m.Event != nil {
				kinds++
			}
			if m.Return != nil || m.Error != nil {
				kinds++
			}
			if kinds != 1 {
				t.Errorf("%q: %+v", line, m)
			}
		}
	})
}

func BenchmarkDo(b *testing.B) {
	c, _ := server(b, echo)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Do(b.Context(), "query-status", nil, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEvents(b *testing.B) {
	line := []byte(`{"timestamp": {"seconds": 1790000000, "microseconds": 42}, "event": "BLOCK_IO_ERROR", "data": {"device": "hd", "nospace": true}}`)
	c := New(nil)
	c.subs[&Subscription{wake: make(chan struct{}, 1)}] = struct{}{}
	b.ReportAllocs()
	for b.Loop() {
		m, err := decode(line)
		if err != nil {
			b.Fatal(err)
		}
		c.dispatch(m)
	}
}
