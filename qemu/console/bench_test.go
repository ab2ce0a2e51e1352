package console

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
)

func benchmark(b *testing.B, raw []byte) {
	raw = bytes.Repeat(raw, 1+(4<<20)/len(raw))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		r := NewReader(func(Record) { n++ })
		for p := raw; len(p) > 0; {
			k := min(len(p), 4096)
			r.Write(p[:k])
			p = p[k:]
		}
		r.Flush()
	}
}

func BenchmarkKernel(b *testing.B)  { benchmark(b, recorded(b)["failure-kernel-panic"]) }
func BenchmarkSystemd(b *testing.B) { benchmark(b, recorded(b)["running-stage1-then-tmux"]) }
func BenchmarkDirect(b *testing.B)  { benchmark(b, recorded(b)["success-direct"]) }
func BenchmarkTmux(b *testing.B)    { benchmark(b, recorded(b)["success-tmux"]) }
func BenchmarkGarbage(b *testing.B) {
	benchmark(b, []byte(strings.Repeat("\xff\xfe\x00garbage\r", 1000)))
}

// A flood without a single newline is kept in bounded memory.
func TestMemoryIsBounded(t *testing.T) {
	for _, unit := range []string{"garbage ", "\xff\x80\r\x1b[5C", attach + "x\x1b[2;2H", "\x1b]", "\x1b[1;"} {
		var before, after runtime.MemStats
		flood := []byte(strings.Repeat(unit, 64<<10/len(unit)))
		r := NewReader(func(Record) {})
		r.Write(flood)
		runtime.GC()
		runtime.ReadMemStats(&before)
		for range 50 {
			r.Write(flood)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
			t.Errorf("%q: the heap grew by %d bytes over 3 MB", unit, grown)
		}
		runtime.KeepAlive(r)
	}
}
