package watch

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a guest says is kept up to a bound, and the log says what is not in it.
func TestKeptLog(t *testing.T) {
	whole := new(bytes.Buffer)
	for i := 1; i <= 10000; i++ {
		fmt.Fprintf(whole, "line %d\n", i)
	}
	for _, size := range []int{1, 7, 4096, whole.Len()} {
		path := filepath.Join(t.TempDir(), "log")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		k := NewKeptLog(f)
		k.head, k.tail = 1000, 500
		for p := whole.Bytes(); len(p) > 0; {
			n := min(size, len(p))
			if _, err := k.Write(p[:n]); err != nil {
				t.Fatal(err)
			}
			p = p[n:]
			if cap(k.end) > 4*k.tail+2*size {
				t.Fatalf("keeps %d bytes of the end", cap(k.end))
			}
		}
		if err := k.Finish(); err != nil || k.Finish() != nil {
			t.Fatal(err)
		}
		if _, err := k.Write([]byte("too late")); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil || len(text) > 1600 {
			t.Fatalf("%d bytes, %v", len(text), err)
		}
		head, rest, cut := strings.Cut(string(text), "\n[imgasm has left out ")
		var left, next int
		if n, err := fmt.Sscanf(rest, "%d bytes here: the next line was line %d]", &left, &next); !cut || n != 2 || err != nil {
			t.Fatalf("the log does not say what is left out: %q", text)
		}
		_, tail, _ := strings.Cut(rest, "\n")
		if head != whole.String()[:1000] || !strings.HasPrefix(tail, fmt.Sprintf("line %d\n", next)) || !strings.HasSuffix(tail, "line 10000\n") {
			t.Errorf("pieces of %d: the end is %q, said to begin with line %d", size, tail, next)
		}
		if len(head)+left+len(tail) != whole.Len() {
			t.Errorf("pieces of %d: %d bytes are said to be left out, and %d are missing", size, left, whole.Len()-len(head)-len(tail))
		}
	}
}

// What fits is kept as it is.
func TestKeptLogWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	k := NewKeptLog(f)
	k.head, k.tail = 10, 10
	for _, p := range []string{"0123", "456789ab", "cdefghij"} {
		_, _ = k.Write([]byte(p))
	}
	if err := k.Finish(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "0123456789abcdefghij" {
		t.Errorf("%q, %v", text, err)
	}
}
