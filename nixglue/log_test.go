package nixglue

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/golden"
)

// recorded are the logs of real nix below testdata/logs, by name: of Debian's nix
// 2.8.0, 2.26.3 and 2.34.8, run on flakes like that of real_test.go.
func recorded(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/logs/*.log")
	if err != nil || len(files) < 25 {
		t.Fatalf("%d recorded logs: %v", len(files), err)
	}
	logs := map[string][]byte{}
	for _, file := range files {
		if logs[strings.TrimSuffix(filepath.Base(file), ".log")], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	return logs
}

// read gives a log to a Log in pieces of size bytes; 0: as a whole.
func read(t testing.TB, raw []byte, size int) (*Log, []Event) {
	t.Helper()
	var events []Event
	l := NewLog(func(e Event) { events = append(events, e) })
	if size <= 0 {
		size = max(len(raw), 1)
	}
	for piece := range slices.Chunk(raw, size) {
		if n, err := l.Write(piece); n != len(piece) || err != nil {
			t.Fatalf("Write: %d of %d bytes, %v", n, len(piece), err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l, events
}

func TestEventsOfRealLogs(t *testing.T) {
	for name, raw := range recorded(t) {
		_, events := read(t, raw, 0)
		var text strings.Builder
		for _, e := range events {
			line, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&text, "%s\n", strings.Replace(string(line), `"time":"0001-01-01T00:00:00Z",`, "", 1))
		}
		golden.Check(t, "events/"+name+".jsonl", []byte(text.String()))
		for _, size := range []int{1, 7, 4096} {
			if _, cut := read(t, raw, size); !cmp.Equal(events, cut) {
				t.Errorf("%s in pieces of %d bytes:\n%s", name, size, cmp.Diff(events, cut))
			}
		}
	}
}

// What three generations of nix say of one build is the same to those who watch.
func TestGenerationsAgree(t *testing.T) {
	logs := recorded(t)
	build := func(name string) (told []string) {
		_, events := read(t, logs[name], 0)
		for _, e := range events {
			if e.Kind == event.Console || e.Kind == event.Phase {
				told = append(told, string(e.Kind)+" "+e.Text)
			}
		}
		return append(told, fmt.Sprint(events[len(events)-1].Done))
	}
	want := []string{"phase kernel: buildPhase", "console nixos-disk-image> partitioning", "console nixos-disk-image> warn on stderr",
		"console nixos-disk-image> copying 50%", "console nixos-disk-image> done", "2"}
	for _, version := range []string{"2.8", "2.26", "2.34"} {
		if diff := cmp.Diff(want, build(version+"-build")); diff != "" {
			t.Errorf("nix %s:\n%s", version, diff)
		}
	}
}

// A log that was damaged tells something else, but of all that is whole.
func TestDamagedLog(t *testing.T) {
	raw := recorded(t)["2.34-build"]
	lines := strings.SplitAfter(string(raw), "\n")
	for i := range lines {
		for _, damage := range []string{"@nix {\n", "@nix {\"action\":\"start\",\"id\":-1}\n", "@nix null\n", "@nix {\"action\":\"dance\"}\n", "\x00\xff\n", "@nix {\"action\":\"result\",\"id\":1e99}\n",
			"@nix {\"action\":\"result\",\"type\":105,\"id\":126611340918788,\"fields\":[{},\"x\"]}\n"} {
			_, events := read(t, []byte(strings.Join(lines[:i], "")+damage+strings.Join(lines[i:], "")), 0)
			done := 0
			for _, e := range events {
				if e.Kind == event.Console {
					done++
				}
			}
			if done != 4 {
				t.Errorf("%q before line %d: %d lines of the build's log, not 4", damage, i, done)
			}
		}
	}
}

func TestUnboundedOutput(t *testing.T) {
	l, events := read(t, []byte(strings.Repeat("x", 3<<20)+"\nnext\n"), 64<<10)
	want := []Event{{Kind: event.Note, Text: "nix wrote a line of 3145728 bytes, which is left out"}, {Kind: event.Note, Text: "next"}}
	if diff := cmp.Diff(want, events); diff != "" {
		t.Error(diff)
	}
	if cap(l.line) > maxLine {
		t.Errorf("%d bytes of a line are kept", cap(l.line))
	}

	l = NewLog(nil)
	long := strings.Repeat("y", 3<<10)
	for i := range 2 * maxActivities {
		drv := fmt.Sprintf("/nix/store/%032d-%s.drv", i, long)
		fmt.Fprintf(l, "@nix {\"action\":\"start\",\"id\":%d,\"type\":105,\"fields\":[%q,\"\",1,1]}\n", i, drv)
		if i < 100 {
			for range 2 * ringLines {
				fmt.Fprintf(l, "@nix {\"action\":\"result\",\"id\":%d,\"type\":101,\"fields\":[\"line\"]}\n", i)
			}
		}
		fmt.Fprintf(l, "@nix {\"action\":\"msg\",\"level\":0,\"msg\":\"error %d\"}\nplain %d\n", i, i)
	}
	if len(l.activities) != maxActivities || len(l.builds) != maxBuilds || len(l.errors) != maxNotes || len(l.notes) != maxNotes {
		t.Errorf("%d activities, %d builds, %d errors, %d notes", len(l.activities), len(l.builds), len(l.errors), len(l.notes))
	}
	for _, b := range l.builds {
		if len(b.drv) > maxText+len("…") || len(b.log) > ringLines {
			t.Errorf("a build with a name of %d bytes and %d lines", len(b.drv), len(b.log))
		}
	}
	logs := 0 // also of builds that still run, and are too many to be kept
	for id, a := range l.activities {
		fmt.Fprintf(l, "@nix {\"action\":\"result\",\"id\":%d,\"type\":101,\"fields\":[\"line\"]}\n", id)
		if len(a.build.log) > 0 {
			logs++
		}
	}
	if logs > maxBuilds {
		t.Errorf("logs of %d builds", logs)
	}
}

// The log of a build that runs is kept while others come and go.
func TestRunningBuildIsKept(t *testing.T) {
	l := NewLog(nil)
	start := func(id int) {
		fmt.Fprintf(l, "@nix {\"action\":\"start\",\"id\":%d,\"type\":105,\"fields\":[\"/nix/store/%d.drv\",\"\",1,1]}\n", id, id)
	}
	start(1)
	for i := range 130 {
		fmt.Fprintf(l, "@nix {\"action\":\"result\",\"id\":1,\"type\":101,\"fields\":[\"line %d\"]}\n", i)
	}
	for id := 2; id < 3*maxBuilds; id++ {
		start(id)
		fmt.Fprintf(l, "@nix {\"action\":\"stop\",\"id\":%d}\n", id)
	}
	if b := l.builds[0]; b.drv != "/nix/store/1.drv" || len(b.log) != ringLines || b.log[0] != "line 30" || b.log[ringLines-1] != "line 129" {
		t.Errorf("%s, %d lines", b.drv, len(b.log))
	}
}

// nix tells of every buffer; a hundred events are enough of one copy.
func TestBytesAreThinned(t *testing.T) {
	for _, total := range []int64{0, 40 << 20} {
		var raw strings.Builder
		raw.WriteString(`@nix {"action":"start","id":1,"type":101,"fields":["https://example.org/a.iso"]}` + "\n")
		for done := int64(0); done < 40<<20; done += 9000 {
			fmt.Fprintf(&raw, "@nix {\"action\":\"result\",\"id\":1,\"type\":105,\"fields\":[%d,%d,0,0]}\n", done, total)
		}
		raw.WriteString(`@nix {"action":"stop","id":1}` + "\n")
		_, events := read(t, []byte(raw.String()), 0)
		last := events[len(events)-1]
		if len(events) < 35 || len(events) > 102 || last.Done != 41940000 || last.Total != total || last.Unit != "B" || last.Text != "downloading https://example.org/a.iso" {
			t.Errorf("of %d bytes: %d events, the last %+v", total, len(events), last)
		}
	}
}

// Whatever nix or a builder writes, and however it comes cut: no panic, the same
// events, none without a text or with one that is too long, no negative numbers.
func FuzzLog(f *testing.F) {
	for _, raw := range recorded(f) {
		f.Add(raw[:min(len(raw), 4<<10)], 3)
		f.Add(raw[max(0, len(raw)-4<<10):], 100)
	}
	f.Add([]byte("@nix {\"action\":\"msg\",\"level\":0,\"msg\":\"\x1b[31;1merror:\x1b[0m\\n  a\\n  b\"}\nerror: x\r\n"), 1)
	f.Fuzz(func(t *testing.T, raw []byte, size int) {
		l, whole := read(t, raw, 0)
		if _, cut := read(t, raw, size); !cmp.Equal(whole, cut) {
			t.Errorf("in pieces of %d bytes:\n%s", size, cmp.Diff(whole, cut))
		}
		for _, e := range whole {
			if len(e.Text) > 3*maxText || e.Done < 0 || e.Total < 0 || strings.Contains(e.Text, "\x1b[31") {
				t.Errorf("bad event %+v", e)
			}
		}
		var failed Failure
		if failed.classify(l.errors) == nil {
			t.Error("an error without a class")
		}
	})
}
