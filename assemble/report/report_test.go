package report_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/imgasm/imgasm/assemble/report"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// bundle is the folder of a build that failed, by a guest that writes markup.
func bundle(t *testing.T) string {
	t.Helper()
	begun := time.Date(2026, 11, 29, 20, 0, 0, 0, time.UTC)
	var events bytes.Buffer
	for _, e := range []event.Event{
		{Kind: event.StepStart, Step: "disk", Text: "make a disk"},
		{Kind: event.StepDone, Step: "disk", Text: "10G"},
		{Kind: event.StepSkip, Step: "medium", Text: "not asked for"},
		{Kind: event.StepStart, Step: "install", Text: "install <b>it</b>"},
		{Kind: event.Phase, Step: "install", Text: "starting the kernel", Line: 1},
		{Kind: event.Written, Step: "install", Done: 1 << 20},
		{Kind: event.Progress, Step: "install", Text: "bash", Done: 1, Total: 2, Unit: "packages"},
		{Kind: event.Phase, Step: "install", Text: "installing packages", Line: 3},
		{Kind: event.Progress, Step: "install", Text: "vim", Done: 2, Total: 2, Unit: "packages"},
		{Kind: event.Written, Step: "install", Done: 5 << 20},
		{Kind: event.Warning, Text: "the disk is slow", Hint: "use another"},
		{Kind: event.Error, Step: "install", Text: "the installation failed: no space <script>alert(1)</script>\n    serial.log:4: x", Hint: "make the disk larger"},
	} {
		e.Time = begun
		begun = begun.Add(7 * time.Second)
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		events.Write(append(line, '\n'))
	}
	events.WriteString(`{"time":"2026-`) // the program was killed
	var screen bytes.Buffer
	if err := png.Encode(&screen, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "alma.qcow2.failed")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"events.jsonl":      events.Bytes(),
		"serial.log":        []byte("Linux <script>alert(2)</script>\r\nWanted one\r\nwanted two\r\nNo space left on device\r\n"),
		"boot-serial-2.log": []byte("it boots\r\n"),
		"failure.json":      []byte(`{"rule":"disk-full","phase":"packages","meaning":"No space.","hint":"grow","lines":[{"channel":"console","line":4,"text":"No space left on device"},{"channel":"log","line":9,"text":"</code><img src=x>"}]}`),
		"report.json":       []byte(`{"checks":[{"name":"ssh","status":"failed","seconds":61,"why":"nobody <i>answers","said":["sshd: <b>no keys"]},{"name":"boot","status":"passed","seconds":2,"why":"it booted"}]}`),
		"plan.json":         []byte(`{"arch":"x86_64"}`),
		"screen.png":        screen.Bytes(),
		"SUMMARY.md":        []byte("# failed"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// page makes the page of a bundle and returns its path and text.
func page(t *testing.T, bundle, place string) (path, text string) {
	t.Helper()
	b, err := report.Read(t.Context(), bundle)
	if err != nil {
		t.Fatal(err)
	}
	if path, err = b.Put(place); err != nil {
		t.Fatal(err)
	}
	all, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, string(all)
}

func TestPage(t *testing.T) {
	dir := bundle(t)
	_, text := page(t, dir, filepath.Join(t.TempDir(), "why.html"))
	for _, want := range []string{
		"<title>alma.qcow2: failed</title>", "the installation failed: no space &lt;script&gt;alert(1)&lt;/script&gt;</p>", "make the disk larger",
		`<a href="#c0-4">console, line 4</a> <code>No space left on device</code>`, `<span>log, line 9</span> <code>&lt;/code&gt;&lt;img src=x&gt;</code>`,
		`<span id="c0-4" class="fatal">`, "Linux &lt;script&gt;alert(2)&lt;/script&gt;", `<a href="#c0-3">installing packages</a>`, "rule disk-full",
		"Packages installed <b>2</b>", "Written to the guest&#39;s disks <b>5.0 MiB</b>", "skipped: not asked for", "the disk is slow", "data:image/png;base64,", "boot-serial-2.log", "1 min 17 s",
		`<td class="failed">failed</td>`, "nobody &lt;i&gt;answers", "sshd: &lt;b&gt;no keys", `<td class="passed">passed</td>`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	// It asks for nothing from anywhere.
	for _, link := range regexp.MustCompile(`<[^>]*\s(?:src|href)="([^"]*)"|url\(`).FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(link[1], "#") && !strings.HasPrefix(link[1], "data:") {
			t.Errorf("the page leads to %q", link[0])
		}
	}
}

// A machine that fails while an image is verified is told of by its own console.
func TestVerificationFailed(t *testing.T) {
	dir := bundle(t)
	for name, text := range map[string]string{
		"boot-serial.log": "it boots\r\nKernel panic\r\n",
		"report.json":     `{"checks":[{"name":"boot","status":"failed"}],"failure":{"rule":"panic","lines":[{"channel":"console","line":2,"text":"Kernel panic"}]}}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, text := page(t, dir, filepath.Join(t.TempDir(), "why.html"))
	for _, want := range []string{`<a href="#c1-2">console, line 2</a> <code>Kernel panic</code>`, `<span id="c1-2" class="fatal">`, "rule panic", "serial.log:4: x"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if strings.Count(text, `class="fatal"`) != 1 {
		t.Error("other lines are marked")
	}
}

// archived is an archive of a bundle, with what more adds.
func archived(t *testing.T, dir string, more func(*tar.Writer) error) string {
	t.Helper()
	archive := filepath.Join(t.TempDir(), "alma.qcow2.failed.tar.zst")
	f, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewWriter(f)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	if err := w.AddFS(os.DirFS(filepath.Dir(dir))); err != nil {
		t.Fatal(err)
	}
	if more != nil {
		err = more(w)
	}
	if err := errors.Join(err, w.Close(), z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return archive
}

// A stranger's archive is read within bounds, and until the context ends; its names
// lead nowhere.
func TestHostileArchive(t *testing.T) {
	dir := bundle(t)
	add := func(w *tar.Writer, name string, size int64) error {
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size})
		_, err2 := io.CopyN(w, lines{}, size)
		return errors.Join(err, err2)
	}
	for _, name := range []string{"x/core", "x/other-serial.log"} {
		bomb := archived(t, dir, func(w *tar.Writer) error { return add(w, name, 1<<30) })
		if _, err := report.Read(t.Context(), bomb); !errors.Is(err, report.ErrInput) || !strings.Contains(err.Error(), "unpacks to more than 1.0 GiB") {
			t.Errorf("%s: %v", name, err)
		}
		ctx, stop := context.WithCancelCause(t.Context())
		why := errors.New("stopped")
		stop(why)
		if _, err := report.Read(ctx, bomb); !errors.Is(err, why) {
			t.Errorf("%s, with a context that has ended: %v", name, err)
		}
	}
	odd := archived(t, dir, func(w *tar.Writer) (err error) {
		for n := range 12 {
			err = errors.Join(err, add(w, fmt.Sprintf("../%d<script>\n-serial.log", n), 9))
		}
		return errors.Join(err, add(w, "/etc/x/events.jsonl", 9))
	})
	_, text := page(t, odd, filepath.Join(t.TempDir(), "why.html"))
	if strings.Contains(text, "<script>\n-") || strings.Count(text, `<section class="console"`) != 8 || !strings.Contains(text, "<title>alma.qcow2: failed") {
		t.Errorf("%d consoles", strings.Count(text, `<section class="console"`))
	}
}

type lines struct{}

func (lines) Read(p []byte) (int, error) {
	copy(p, bytes.Repeat([]byte{'\n'}, len(p)))
	p[0] = 'x'
	return len(p), nil
}

// An archive of the bundle gives the same page; in a folder an index leads to it.
func TestArchiveAndIndex(t *testing.T) {
	dir := bundle(t)
	archive := archived(t, dir, nil)
	place := filepath.Join(t.TempDir(), "pages")
	path, text := page(t, archive, place)
	if _, want := page(t, dir, filepath.Join(t.TempDir(), "x.html")); text != want || path != filepath.Join(place, "alma.qcow2.html") {
		t.Errorf("%s differs from that of the folder", path)
	}
	index, err := os.ReadFile(filepath.Join(place, "index.html"))
	if err != nil || !strings.Contains(string(index), `<a href="./alma.qcow2.html">alma.qcow2</a>`) || !strings.Contains(string(index), "1 min 17 s") || !strings.Contains(string(index), "<h1>1 build</h1>") {
		t.Errorf("%v\n%s", err, index)
	}
}

// What is none of ours is not replaced, and a folder that holds no build is refused.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	theirs := filepath.Join(dir, "theirs.html")
	if err := os.WriteFile(theirs, []byte("<!doctype html>"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{theirs, filepath.Join(dir, "none", "x.html"), filepath.Join(theirs, "below")} {
		if err := report.Check(place, "alma"); !errors.Is(err, report.ErrPlace) {
			t.Errorf("%s: %v", place, err)
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := report.Check(file+"/", "alma"); err == nil || !strings.Contains(err.Error(), "is no folder") {
		t.Errorf("a file with a slash: %v", err)
	}
	if _, err := report.Read(t.Context(), dir); !errors.Is(err, report.ErrInput) {
		t.Errorf("%v", err)
	}
	if _, err := report.Read(t.Context(), theirs); !errors.Is(err, report.ErrInput) {
		t.Errorf("a file that is no archive: %v", err)
	}
}

// A link in a stranger's bundle brings no file of this host's into a page.
func TestLinkInBundle(t *testing.T) {
	dir := bundle(t)
	log := filepath.Join(dir, "serial.log")
	if err := errors.Join(os.Rename(log, filepath.Join(t.TempDir(), "x")), os.Symlink("/proc/self/status", log)); err != nil {
		t.Skip(err)
	}
	b, err := report.Read(t.Context(), dir)
	if err != nil || slices.ContainsFunc(b.Consoles, func(c report.Console) bool { return c.Name == "serial.log" }) {
		t.Errorf("%+v, %v", b, err)
	}
}

// Of very many events the page has the first, and the end.
func TestManyEvents(t *testing.T) {
	dir := bundle(t)
	log := filepath.Join(dir, "events.jsonl")
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	many := strings.Repeat(`{"kind":"note","text":"n"}`+"\n", 100_000) + string(text)
	if err := os.WriteFile(log, []byte(many), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := report.Read(t.Context(), dir); err != nil || len(b.Events) > 6_000 || b.Verdict() != report.Failed {
		t.Errorf("%d events, %v", len(b.Events), err)
	}
}

// Of a long console the beginning and the end are shown.
func TestLongConsole(t *testing.T) {
	dir := bundle(t)
	var long strings.Builder
	for n := range 70_000 {
		fmt.Fprintf(&long, "line %d\r\n", n+1)
	}
	if err := os.WriteFile(filepath.Join(dir, "serial.log"), []byte(long.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := report.Read(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	lines := b.Consoles[0].Lines
	if len(lines) != 20_001 || !lines[10_000].Gap || lines[10_000].Text != "lines up to 60000 are in the log alone" || lines[10_001].Line != 60_001 {
		t.Errorf("%d lines, %+v", len(lines), lines[9_999:10_002])
	}
}

// A browser, light and dark, wide and narrow: nothing is asked for or complained
// of, nothing is too wide, the search and the links work; without scripts and on paper
// there is no search, and on paper all of the console.
func TestE2EBrowser(t *testing.T) {
	hosttool.Machines(t)
	hosttool.Find(t, "chromium", "chromium")
	dir := t.TempDir()
	path, _ := page(t, bundle(t), dir)
	cmd := exec.Command("go", "run", ".", path, filepath.Join(dir, "index.html"))
	cmd.Dir = filepath.Join("testdata", "judges", "browser")
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var want strings.Builder
	for _, p := range [][2]string{
		{`found "1 of 2" then "2 of 2, 3wanted two", first link to "4No space left on device", said []`, `search: true, without scripts false, printed false; lines: "576px", printed "none"`},
		{`found "" then "", first link to "", said []`, `search: false, without scripts false, printed false; lines: "", printed ""`},
	} {
		for _, look := range []string{"light 1280: background rgb(251, 251, 249)", "light 390: background rgb(251, 251, 249)", "dark 1280: background rgb(20, 23, 26)", "dark 390: background rgb(20, 23, 26)"} {
			fmt.Fprintf(&want, "%s, too wide: false, %s\n", look, p[0])
		}
		want.WriteString(p[1] + "\n")
	}
	if string(out) != want.String() {
		t.Errorf("%s\nwant\n%s", out, want.String())
	}
}
