package replay

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
)

// benchmark replays 10 MB, made of repetitions, and reports the rate.
func benchmark(b *testing.B, raw []byte) {
	raw = bytes.Repeat(raw, 1+10_000_000/len(raw))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Run(Source{Console: bytes.NewReader(raw)}, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReplayKernel(b *testing.B) {
	raw := consoles(b)["failure-kernel-panic"]
	benchmark(b, raw[:bytes.Index(raw, []byte("traps: PANIC"))])
}
func BenchmarkReplayDirect(b *testing.B) { benchmark(b, consoles(b)["success-direct"]) }
func BenchmarkReplaySystemd(b *testing.B) {
	benchmark(b, consoles(b)["running-stage1-oemdrv-found"])
}
func BenchmarkReplayFailed(b *testing.B) { benchmark(b, consoles(b)["failure-stage2-missing"]) }
func BenchmarkReplayPty(b *testing.B)    { benchmark(b, consoles(b)["success-pty"]) }
func BenchmarkReplayTmux(b *testing.B) { // a screen in which packages scroll
	raw := read(b, "testdata/tmux")["running-packages"]
	benchmark(b, raw[bytes.Index(raw, []byte("Starting installer")):])
}
func BenchmarkReplayRepaints(b *testing.B) { // a screen that is painted anew all the time
	raw := read(b, "testdata/tmux")["success-late"]
	at := bytes.Index(raw, []byte("Installing package-number-"))
	benchmark(b, raw[bytes.LastIndex(raw[:at], []byte("\x1b[1;24r")):bytes.Index(raw, []byte("(330/400)"))])
}
func BenchmarkReplayGarbage(b *testing.B) {
	benchmark(b, []byte(strings.Repeat("\xff\xfe\x1bgarbage \x07", 1000)))
}

// What is kept does not grow with what is read.
func TestMemoryIsBounded(t *testing.T) {
	for _, unit := range []string{
		"no newline at all ", "[FAILED] Failed to start x.\r\n", "Traceback (most recent call last):\r\n",
		"There was an error running the kickstart script at line 2\r\n", "BUG: x\r\n",
		"The installation was stopped due to an error which occurred while running in\r\n",
	} {
		raw := []byte(strings.Repeat(unit, (6<<20)/len(unit)))
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		result := replay(t, raw)
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 2<<20 {
			t.Errorf("%q: %d bytes are kept of %d", unit, grown, len(raw))
		}
		runtime.KeepAlive(result)
		runtime.KeepAlive(raw)
	}
}
