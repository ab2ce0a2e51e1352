package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The test binary is its own child: the variable says as what.
const roleVar = "IMGASM_PROC_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVar); role != "" {
		os.Exit(play(role))
	}
	goleak.VerifyTestMain(m)
}

func play(role string) int {
	switch role {
	case "talk":
		fmt.Println("to stdout")
		fmt.Fprintln(os.Stderr, "first\nsecond")
	case "fail":
		fmt.Fprintln(os.Stderr, "it is broken")
		return 3
	case "chatter":
		for range 100_000 {
			fmt.Fprintln(os.Stderr, strings.Repeat("chatter ", 10))
		}
		fmt.Fprintln(os.Stderr, "the end")
		return 1
	case "much":
		os.Stdout.Write(make([]byte, maxOutput+1))
	case "sleep":
		time.Sleep(time.Hour)
	default:
		return playUnix(role)
	}
	return 0
}

func child(t testing.TB, role string) Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Cmd{Path: self, Env: append(os.Environ(), roleVar+"="+role)}
}

func TestOutput(t *testing.T) {
	c := child(t, "talk")
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.Output(t.Context())
	if err != nil || string(out) != "to stdout\n" || said.String() != "first\nsecond\n" {
		t.Errorf("%q %q %v", out, &said, err)
	}
}

func TestOutputBounded(t *testing.T) {
	out, err := child(t, "much").Output(t.Context())
	if err == nil || len(out) != maxOutput {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}

func TestFailure(t *testing.T) {
	err := child(t, "fail").Run(t.Context())
	var pe *Error
	if !errors.As(err, &pe) || pe.Code != 3 || pe.Stderr != "it is broken\n" || !strings.HasSuffix(err.Error(), "exit status 3: it is broken") {
		t.Errorf("%+v %v", pe, err)
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Errorf("%v is no *exec.ExitError", err)
	}
}

func TestTailOfChatter(t *testing.T) {
	err := child(t, "chatter").Run(t.Context())
	var pe *Error
	if !errors.As(err, &pe) || len(pe.Stderr) > 8<<10 || !strings.HasPrefix(pe.Stderr, "chatter ") || !strings.HasSuffix(pe.Stderr, "\nthe end\n") {
		t.Fatalf("%v", err)
	}
	if n := len(err.Error()); n > 1000 {
		t.Errorf("an error of %d bytes", n)
	}
}

func TestMissing(t *testing.T) {
	err := Cmd{Path: "no-such-program-anywhere"}.Run(t.Context())
	if !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("why not")
	time.AfterFunc(50*time.Millisecond, func() { cancel(why) })
	if err := child(t, "sleep").Run(ctx); !errors.Is(err, why) {
		t.Errorf("%v, want the context's cause", err)
	}
	if err := child(t, "sleep").Run(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, why) {
		t.Errorf("%v with a context that had ended before", err)
	}
}

func TestWaitByMany(t *testing.T) {
	p, err := child(t, "sleep").Start()
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			var pe *Error
			if err := p.Wait(); !errors.As(err, &pe) || pe.Code == 0 {
				t.Errorf("%v", err)
			}
		})
	}
	if p.State() != nil {
		t.Error("has a state while it runs")
	}
	p.Kill()
	all.Wait()
	p.Kill() // of a process that is gone: nothing
	p.Terminate()
	if p.State() == nil || p.Wait() == nil {
		t.Error("no state after the end")
	}
}

func TestQuote(t *testing.T) {
	tests := []struct {
		argv []string
		want string
	}{
		{[]string{"qemu", "-drive", "if=none,id=a,file=/x/y.raw"}, "qemu -drive if=none,id=a,file=/x/y.raw"},
		{[]string{"a b", "", "it's", "$x", "*", "~", "\n", "ü"}, `'a b' '' 'it'\''s' '$x' '*' '~' '` + "\n" + `' 'ü'`},
		{nil, ""},
	}
	for _, tt := range tests {
		if got := Quote(tt.argv); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.argv, got, tt.want)
		}
	}
}

// A shell reads back what Quote wrote.
func FuzzQuote(f *testing.F) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		f.Skip("there is no sh to read the words back")
	}
	f.Add("plain", "it's")
	f.Add("", "-n \\ \" `x` $(y) \t")
	f.Fuzz(func(t *testing.T, a, b string) {
		if strings.ContainsRune(a+b, 0) {
			t.Skip("no argument has a NUL")
		}
		out, err := exec.Command(sh, "-c", `printf '%s\001%s\001' `+Quote([]string{a, b})).Output()
		if err != nil || string(out) != a+"\x01"+b+"\x01" {
			t.Errorf("%q %q came back as %q (%v)", a, b, out, err)
		}
	})
}

func TestTail(t *testing.T) {
	tests := []struct {
		name   string
		max    int
		writes []string
		want   string
	}{
		{"short", 10, []string{"ab", "cd\n"}, "abcd\n"},
		{"exactly full", 4, []string{"ab", "cd"}, "abcd"},
		{"begins with a whole line", 8, []string{"one\ntwo\nthree\n"}, "three\n"},
		{"a line longer than the room", 4, []string{"abcdefgh"}, "efgh"},
		{"one by one", 4, []string{"a", "\n", "b", "\n", "c", "\n"}, "c\n"},
		{"a write that fills it", 3, []string{"x", "abc"}, "abc"},
	}
	for _, tt := range tests {
		tail := NewTail(tt.max)
		for _, w := range tt.writes {
			if n, err := tail.Write([]byte(w)); n != len(w) || err != nil {
				t.Errorf("%s: %d %v", tt.name, n, err)
			}
		}
		if got := tail.String(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func BenchmarkTail(b *testing.B) {
	tail, line := NewTail(0), []byte(strings.Repeat("x", 99)+"\n")
	b.SetBytes(100)
	for b.Loop() {
		tail.Write(line)
	}
}
