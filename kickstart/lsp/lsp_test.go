package lsp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgasm/imgasm/kickstart"
)

// talk sends messages to a server and returns its answers.
func talk(t testing.TB, messages ...string) ([]map[string]any, error) {
	t.Helper()
	var in, out bytes.Buffer
	for _, m := range messages {
		fmt.Fprintf(&in, "Content-Length: %d\r\n\r\n%s", len(m), m)
	}
	err := Serve(context.Background(), &in, &out, Options{Version: "1.2.3"})
	var answers []map[string]any
	for r := bufio.NewReader(&out); ; {
		data, readErr := readBody(r)
		if errors.Is(readErr, io.EOF) {
			return answers, err
		}
		if readErr != nil {
			t.Fatal(readErr)
		}
		var answer map[string]any
		if err := json.Unmarshal(data, &answer); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, answer)
	}
}

const (
	hello   = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"initializationOptions":{"fragment":true}}}`
	goodbye = `{"jsonrpc":"2.0","id":"end","method":"shutdown"}`
	exit    = `{"jsonrpc":"2.0","method":"exit"}`
)

func open(text string) string {
	quoted, _ := json.Marshal(text)
	return `{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"file:///x/ks.cfg","languageId":"kickstart","version":7,"text":` + string(quoted) + `}}}`
}

func ask(method string, line, character int) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":5,"method":"textDocument/%s","params":{"textDocument":{"uri":"file:///x/ks.cfg"},"position":{"line":%d,"character":%d}}}`, method, line, character)
}

// get follows a path of keys and indexes.
func get(t testing.TB, value any, path ...any) any {
	t.Helper()
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := value.(map[string]any)
			value = m[p]
		case int:
			a, _ := value.([]any)
			if p >= len(a) {
				t.Fatalf("%v has no element %d", value, p)
			}
			value = a[p]
		}
	}
	return value
}

func TestSession(t *testing.T) {
	answers, err := talk(t, hello,
		`{"jsonrpc":"2.0","method":"initialized","params":{}}`,
		open("# 𝔘世\npart 𝔘 --growth\n"),
		ask("formatting", 0, 0),
		`{"jsonrpc":"2.0","method":"textDocument/didChange","params":{"textDocument":{"uri":"file:///x/ks.cfg","version":8},"contentChanges":[{"text":"part / --size=1"}]}}`,
		`{"jsonrpc":"2.0","method":"textDocument/didClose","params":{"textDocument":{"uri":"file:///x/ks.cfg"}}}`,
		ask("hover", 0, 0),
		goodbye, ask("hover", 0, 0), exit)
	if err != nil {
		t.Fatal(err)
	}
	if len(answers) != 8 {
		t.Fatalf("%d answers: %v", len(answers), answers)
	}
	if got := get(t, answers[0], "result", "capabilities", "documentFormattingProvider"); got != true {
		t.Errorf("initialize: %v", answers[0])
	}
	// Characters are UTF-16: 𝔘 has two.
	want := map[string]any{
		"range": map[string]any{
			"start": map[string]any{"line": 1.0, "character": 8.0},
			"end":   map[string]any{"line": 1.0, "character": 16.0},
		},
		"severity": 1.0, "code": "unknown-option", "source": "imgasm",
		"message": "part has no option --growth\ndid you mean --grow?",
	}
	if diff := cmp.Diff(want, get(t, answers[1], "params", "diagnostics", 0)); diff != "" {
		t.Error(diff)
	}
	if got := get(t, answers[1], "params", "version"); got != 7.0 {
		t.Errorf("version %v", got)
	}
	if got := get(t, answers[2], "result", 0, "newText"); got != "# 𝔘世\npart \"𝔘\" --growth\n" {
		t.Errorf("formatted: %q", got)
	}
	if got := get(t, answers[2], "result", 0, "range", "end"); fmt.Sprint(got) != "map[character:0 line:2]" {
		t.Errorf("formatted up to %v", got)
	}
	if got := get(t, answers[3], "params", "diagnostics").([]any); len(got) != 0 {
		t.Errorf("after the change: %v", got)
	}
	if got := get(t, answers[4], "params", "diagnostics").([]any); len(got) != 0 {
		t.Errorf("after closing: %v", got)
	}
	if got := get(t, answers[5], "error", "message"); got != "the document is not open" {
		t.Errorf("closed document: %v", answers[5])
	}
	if _, ok := answers[6]["result"]; !ok || get(t, answers[6], "id") != "end" {
		t.Errorf("shutdown: %v", answers[6])
	}
	if get(t, answers[7], "error", "code") != float64(codeInvalidRequest) {
		t.Errorf("after shutdown: %v", answers[7])
	}
}

func TestHover(t *testing.T) {
	text := "part / --grow --size=5\n%post --log=/x\npart / --grow\n%end\nfrob --x\n"
	for at, want := range map[position]string{
		{0, 0}:  "part MOUNTPOINT [OPTIONS]",
		{0, 9}:  "part --grow",
		{0, 16}: "part --size=MIB",
		{1, 2}:  "%post [OPTIONS]",
		{1, 7}:  "%post --log=PATH",
		{0, 5}:  "", // the mount point
		{0, 99}: "",
		{2, 9}:  "", // a line of a script
		{4, 0}:  "",
		{99, 0}: "",
		{-1, 0}: "part MOUNTPOINT",
	} {
		answers, err := talk(t, hello, open(text), ask("hover", at.Line, at.Character), goodbye, exit)
		if err != nil {
			t.Fatal(err)
		}
		result := answers[len(answers)-2]
		got, _ := get(t, result, "result", "contents", "value").(string)
		if want == "" && got != "" || !strings.HasPrefix(strings.TrimPrefix(got, "```text\n"), want) {
			t.Errorf("%v: got %q, want %q", at, got, want)
		}
	}
}

func TestCompletion(t *testing.T) {
	for _, tc := range []struct {
		text            string
		line, character int
		has, hasNot     string
		inserts         string
	}{
		{"pa", 0, 2, "part", "text", "part"},
		{"\n", 0, 0, "%packages", "auth", "%packages"},
		{"%p", 0, 2, "%pre-install", "part", "%pre-install"},
		{"part / --gr", 0, 11, "--grow", "--size", "--grow"},
		{"part / --si\ntext", 0, 11, "--size", "--grow", "--size="},
		{"%post --er", 0, 10, "--erroronfail", "--grow", "--erroronfail"},
		{"%post\npa", 1, 2, "", "part", ""},
		{"%post\n%", 1, 1, "%end", "%post", "%end"},
		{"%post\n%end\npa", 2, 2, "partition", "%end", "partition"},
		{"part /", 0, 6, "", "part", ""},
		{"frob --", 0, 7, "", "--grow", ""},
	} {
		answers, err := talk(t, hello, open(tc.text), ask("completion", tc.line, tc.character), goodbye, exit)
		if err != nil {
			t.Fatal(err)
		}
		inserts := map[string]string{}
		for _, item := range get(t, answers[len(answers)-2], "result").([]any) {
			inserts[get(t, item, "label").(string)] = get(t, item, "textEdit", "newText").(string)
		}
		_, unwanted := inserts[tc.hasNot]
		if tc.has != "" && inserts[tc.has] != tc.inserts || unwanted || tc.has == "" && len(inserts) > 0 {
			t.Errorf("%q: got %v, want %q inserted by %q, and no %q", tc.text, inserts, tc.inserts, tc.has, tc.hasNot)
		}
	}
}

func TestWrongClients(t *testing.T) {
	for name, tc := range map[string]struct {
		messages []string
		want     string // the last answer's error message
		ends     error
	}{
		"request before initialize": {[]string{ask("hover", 0, 0), hello, goodbye, exit}, "", nil},
		"no JSON":                   {[]string{"{", exit}, "not a JSON message", errNoShutdown},
		"unknown method":            {[]string{hello, `{"jsonrpc":"2.0","id":2,"method":"workspace/symbol"}`, exit}, "workspace/symbol", errNoShutdown},
		"unknown dialect":           {[]string{`{"jsonrpc":"2.0","id":2,"method":"initialize","params":{"initializationOptions":{"dialect":"suse"}}}`, exit}, "unknown kickstart dialect", errNoShutdown},
		"unformattable":             {[]string{hello, open("text '"), ask("formatting", 0, 0), exit}, "the quotation mark is not closed", errNoShutdown},
		"leaves":                    {[]string{hello}, "", errNoShutdown},
	} {
		t.Run(name, func(t *testing.T) {
			answers, err := talk(t, tc.messages...)
			if !errors.Is(err, tc.ends) {
				t.Errorf("ended with %v, want %v", err, tc.ends)
			}
			got, _ := get(t, answers[len(answers)-1], "error", "message").(string)
			if !strings.Contains(got, tc.want) || tc.want == "" && got != "" {
				t.Errorf("got %v, want %q", answers, tc.want)
			}
		})
	}
	for _, frame := range []string{"Content-Length: x\r\n\r\n{}", "Content-Length: 99999999999\r\n\r\n", "Content-Length: 5\r\n\r\n{}", "nonsense", "Content-Length: -1\r\n\r\n", "X: y\r\n\r\n{}", "nonsense\r\n\r\n", "Content-Length: 209715201\r\n\r\n"} {
		if err := Serve(context.Background(), strings.NewReader(frame), io.Discard, Options{}); err == nil {
			t.Errorf("%q is taken", frame)
		}
	}
}

// endless gives the same text again and again, and counts what was taken.
type endless struct {
	text string
	read int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.text)
	e.read += n
	return n, nil
}

// A client that never comes to its message is left, before it has cost memory.
func TestEndlessHeader(t *testing.T) {
	for _, text := range []string{"x", "X: y\r\n", "Content-Length: 1\r\n"} {
		in := &endless{text: text}
		err := Serve(context.Background(), in, io.Discard, Options{})
		if err == nil || !strings.Contains(err.Error(), "header of more than") {
			t.Errorf("%q: %v", text, err)
		}
		if in.read > 64<<10 {
			t.Errorf("%q: %d bytes were read", text, in.read)
		}
	}
}

// A client that says nothing keeps nobody from stopping the server.
func TestStopped(t *testing.T) {
	silent, client := io.Pipe()
	defer client.Close()
	stop := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if err := Serve(ctx, silent, io.Discard, Options{}); !errors.Is(err, stop) {
		t.Errorf("ended with %v", err)
	}
}

func TestPositionsComeBack(t *testing.T) {
	file, err := kickstart.Parse("x", []byte("a\r\n𝔘é\rb\n\xff世\n"))
	if err != nil {
		t.Fatal(err)
	}
	d := newDocument(file)
	for offset, want := range map[int]position{0: {0, 0}, 3: {1, 0}, 7: {1, 2}, 9: {1, 3}, 10: {2, 0}, 12: {3, 0}, 13: {3, 1}, 16: {3, 2}, 17: {4, 0}} {
		if got := d.position(offset); got != want {
			t.Errorf("offset %d is at %v, want %v", offset, got, want)
		}
		if got := d.offset(want); got != offset {
			t.Errorf("%v is offset %d, want %d", want, got, offset)
		}
	}
}

func FuzzServe(f *testing.F) {
	f.Add("part / --gr\n%post\npa", 0, 11)
	f.Add("\ufeff%packages\n@x\n%en", 2, 3)
	f.Add("text '\\\n\xff\u2028", -1, 1<<30)
	f.Fuzz(func(t *testing.T, text string, line, character int) {
		answers, err := talk(t, hello, open(text), ask("hover", line, character), ask("completion", line, character),
			ask("formatting", 0, 0), goodbye, exit)
		if err != nil || len(answers) != 6 {
			t.Fatalf("%v: %d answers", err, len(answers))
		}
	})
}
