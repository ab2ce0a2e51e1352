package remote_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/remote"
	"github.com/imgasm/imgasm/assemble/remote/transfer"
	"github.com/imgasm/imgasm/internal/digest"
)

// The test's own binary runs the jobs: their first argument says what they do.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "job" {
		if err := remote.Run(context.Background(), os.Args[2], os.Stdin, os.Stdout, work); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func work(_ context.Context, r remote.Request, lines io.Writer) remote.End {
	say := func(text string) { fmt.Fprintf(lines, "{\"text\":%q}\n", text) }
	switch r.Args[0] {
	case "copy":
		text, err := os.ReadFile(r.Args[1])
		if err != nil {
			return remote.End{Code: 1, Text: err.Error()}
		}
		say("held " + string(r.Held["secret"]))
		if err := errors.Join(os.MkdirAll("out/sub", 0o755), os.WriteFile("out/sub/copy", text, 0o640)); err != nil {
			return remote.End{Code: 1, Text: err.Error()}
		}
	case "wait":
		say("waiting")
		time.Sleep(time.Minute)
	case "die":
		fmt.Fprintln(os.Stderr, "the last words")
		os.Exit(9)
	}
	return remote.End{}
}

// serve is a host of which there is a client.
func serve(t *testing.T, dir string) *remote.Client {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return connect(t, &remote.Server{Dir: dir, Version: "1.0", Arch: "x86_64", OS: "linux", Job: []string{self, "job"}, Check: func(context.Context, remote.Need) ([]remote.Caution, error) { return nil, errors.New("no QEMU") }})
}

func connect(t *testing.T, s *remote.Server) *remote.Client {
	t.Helper()
	here, there := net.Pipe()
	go func() {
		_ = s.Serve(context.Background(), there, there)
		there.Close()
	}()
	c, err := remote.NewClient(t.Context(), here, "1.0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func never() <-chan struct{} { return make(chan struct{}) }

func ended(t *testing.T, c *remote.Client, id string, from int64) (*remote.End, []string) {
	t.Helper()
	var said []string
	end, err := c.Follow(t.Context(), id, from, never(), func(line string) { said = append(said, line) })
	if err != nil {
		t.Fatal(err)
	}
	return end, said
}

func TestJob(t *testing.T) {
	dir := t.TempDir()
	c := serve(t, dir)
	if _, err := c.Check(t.Context(), remote.Need{}); !errors.Is(err, remote.ErrHost) || err.Error() != "no QEMU" {
		t.Errorf("what the host lacks: %v", err)
	}
	in := filepath.Join(t.TempDir(), "in")
	text := []byte(strings.Repeat("text ", 1<<20))
	if err := os.WriteFile(in, text, 0o600); err != nil {
		t.Fatal(err)
	}
	file := remote.File{Path: "in/0/text", SHA256: digest.Bytes(text), Size: int64(len(text))}
	r := remote.Request{ID: remote.NewID(), Title: "copy", Args: []string{"copy", "in/0/text"}, Files: []remote.File{file}, Held: map[string][]byte{"secret": []byte("canary")}}
	if err := c.Start(t.Context(), r); !errors.Is(err, remote.ErrHost) {
		t.Errorf("a job without its input: %v", err)
	}
	// What a lost connection left of the file is not sent again.
	part := filepath.Join(dir, "files", file.SHA256+".part")
	if err := os.WriteFile(part, text[:3<<20], 0o600); err != nil {
		t.Fatal(err)
	}
	same := file
	same.Path = "in/1/text"
	if missing, err := c.Missing(t.Context(), []remote.File{file, same}); err != nil || len(missing) != 1 {
		t.Fatal(missing, err)
	}
	var steps []int64
	if err := c.Put(t.Context(), file, in, func(n int64) { steps = append(steps, n) }); err != nil || steps[0] != 3<<20 {
		t.Fatal(steps, err)
	}
	if missing, err := c.Missing(t.Context(), r.Files); err != nil || len(missing) != 0 {
		t.Fatal(missing, err)
	}
	// A server that was killed has left the folder, with further names of inputs.
	given := filepath.Join(dir, "jobs", r.ID, "in/0/text")
	if err := errors.Join(os.MkdirAll(filepath.Dir(given), 0o700), os.Link(strings.TrimSuffix(part, ".part"), given)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // asked twice, it is done once
		if err := c.Start(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	end, said := ended(t, c, r.ID, 0)
	if end.Code != 0 || end.Killed || len(said) != 1 || said[0] != `{"text":"held canary"}` || len(end.Files) != 1 || end.Files[0].Path != "sub/copy" || end.Files[0].Mode != 0o640 {
		t.Fatalf("%+v, %q", end, said)
	}
	if _, said := ended(t, serve(t, dir), r.ID, 1); len(said) > 0 {
		t.Errorf("from the second line on: %q", said)
	}
	home := t.TempDir()
	root, err := os.OpenRoot(home)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(home, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, there := range []string{string(text[:2<<20]), "something else", string(text)} { // right, wrong, all of it
		if err := os.WriteFile(filepath.Join(home, "sub/copy"), []byte(there), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.Fetch(t.Context(), r.ID, end.Files, root, func(int64, int64) {}); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(home, "sub/copy")); err != nil || string(got) != string(text) {
			t.Fatalf("%d bytes came home, %v", len(got), err)
		}
	}
	for mode, most := range map[uint32]os.FileMode{0o600: 0o600, 0o777: 0o644} { // a umask may forbid more
		name := fmt.Sprint("mode", mode)
		if err := c.Get(t.Context(), r.ID, remote.File{Path: "sub/copy", Size: file.Size, Mode: mode}, root, name, func(int64) {}); err != nil {
			t.Fatal(err)
		}
		if info, err := root.Stat(name); err != nil || info.Mode().Perm()&^most != 0 {
			t.Errorf("of %o: %v, %v", mode, info.Mode(), err)
		}
	}
	noSecret(t, dir)
	if err := c.Done(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*/*")); err != nil || len(left) > 0 {
		t.Errorf("left on the host: %v, %v", left, err)
	}
	if err := c.Done(t.Context(), r.ID); err != nil {
		t.Errorf("a job that is gone is done: %v", err)
	}
}

// noSecret looks for the secret in all files of the host but in what the job says.
func noSecret(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "lines" {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "canary") {
			t.Errorf("%s has the secret", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestStop(t *testing.T) {
	dir := t.TempDir()
	c := serve(t, dir)
	start := func(what string) string {
		r := remote.Request{ID: remote.NewID(), Title: what, Args: []string{what}}
		if err := c.Start(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		return r.ID
	}
	id := start("wait")
	stop := make(chan struct{})
	end, err := c.Follow(t.Context(), id, 0, stop, func(string) { close(stop) })
	if err != nil || !end.Killed { // a test binary dies of SIGINT
		t.Errorf("a job that is stopped: %+v, %v", end, err)
	}
	dead := start("die")
	if end, _ := ended(t, c, dead, 0); !end.Killed || end.Text != "the last words" {
		t.Errorf("a job that dies: %+v", end)
	}
	killed := &remote.Server{Dir: dir, Version: "1.0", Job: []string{"sh", "-c", "kill -9 $$"}}
	before, _ := filepath.Glob(filepath.Join(dir, "jobs/*"))
	if err := connect(t, killed).Start(t.Context(), remote.Request{ID: remote.NewID()}); !errors.Is(err, remote.ErrHost) || !strings.Contains(err.Error(), "without a word") {
		t.Errorf("a job that is killed before its first word: %v", err)
	}
	if err := c.Start(t.Context(), remote.Request{ID: remote.NewID(), Files: []remote.File{{Path: "../x", Link: "y"}}}); !errors.Is(err, remote.ErrHost) {
		t.Errorf("a job whose files cannot be placed: %v", err)
	}
	if after, _ := filepath.Glob(filepath.Join(dir, "jobs/*")); len(after) != len(before) {
		t.Errorf("they leave %v", after)
	}
	lives := start("wait")
	jobs, err := c.List(t.Context())
	if err != nil || len(jobs) != 3 || jobs[2].ID != lives || jobs[2].End != nil || jobs[1].End == nil {
		t.Errorf("%+v, %v", jobs, err)
	}
	if err := c.Done(t.Context(), lives); !errors.Is(err, remote.ErrHost) {
		t.Errorf("a job that runs is removed: %v", err)
	}
	if gone, err := c.Clean(t.Context(), nil); err != nil || len(gone) != 2 {
		t.Errorf("%+v, %v", gone, err)
	}
	if gone, err := c.Clean(t.Context(), []string{lives}); err != nil || len(gone) != 1 {
		t.Errorf("%+v, %v", gone, err)
	}
	if _, err := c.Clean(t.Context(), []string{lives}); !errors.Is(err, remote.ErrNoJob) {
		t.Errorf("a job that is gone: %v", err)
	}
}

// A record that cannot be read keeps no other job from being listed, and is removed.
func TestUnreadableJob(t *testing.T) {
	dir := t.TempDir()
	c := connect(t, &remote.Server{Dir: dir, Version: "1.0"})
	for _, name := range []string{"job.json", "end.json"} {
		path := filepath.Join(dir, "jobs", remote.NewID(), name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(filepath.Join(filepath.Dir(path), "job.json"), []byte("{}"), 0o600), os.WriteFile(path, []byte("{"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	jobs, err := c.List(t.Context())
	if err != nil || len(jobs) != 2 {
		t.Fatalf("%+v, %v", jobs, err)
	}
	said := ""
	for _, j := range jobs {
		said += j.Title + j.End.Text
	}
	if !strings.Contains(said, "job.json: unexpected end") || !strings.Contains(said, "end.json: unexpected end") {
		t.Error(said)
	}
	if gone, err := c.Clean(t.Context(), nil); err != nil || len(gone) != 2 {
		t.Errorf("%+v, %v", gone, err)
	}
}

func TestVersion(t *testing.T) {
	here, there := net.Pipe()
	s := remote.Server{Dir: t.TempDir(), Version: "2.0"}
	go func() { _ = s.Serve(context.Background(), there, there) }()
	if _, err := remote.NewClient(t.Context(), here, "1.0"); !errors.Is(err, remote.ErrHost) || !strings.Contains(err.Error(), "2.0") || !strings.Contains(err.Error(), "1.0") {
		t.Errorf("%v", err)
	}
}

// A host that cannot keep jobs says why.
func TestNoFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	here, there := net.Pipe()
	s := remote.Server{Dir: dir, Version: "1.0"}
	go func() { _ = s.Serve(context.Background(), there, there) }()
	if _, err := remote.NewClient(t.Context(), here, "1.0"); !errors.Is(err, remote.ErrHost) || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v", err)
	}
}

// A session connects again when a connection is lost, goes on where it was, and gives
// up when the host is out of reach for too long, or soon when somebody waits.
func TestSession(t *testing.T) {
	dir := t.TempDir()
	var said []string
	dials := 0
	s := remote.Session{Say: func(text string) { said = append(said, text) }, Patience: 3 * time.Second, Dial: func(ctx context.Context, again bool) (*remote.Client, error) {
		if dials++; again != (dials > 1) {
			t.Errorf("dial %d: again is %v", dials, again)
		}
		if dials > 2 {
			return nil, errors.New("no route")
		}
		return serve(t, dir), nil
	}}
	defer s.Close()
	tries := 0
	err := s.Do(t.Context(), func(c *remote.Client) error {
		if tries++; tries == 1 {
			c.Close()
		}
		_, err := c.List(t.Context())
		return err
	})
	if err != nil || tries != 2 || len(said) != 2 || said[1] != "connected again" {
		t.Fatalf("%v after %d tries; said: %q", err, tries, said)
	}
	own := errors.New("own")
	if err := s.Do(t.Context(), func(*remote.Client) error { return own }); err != own {
		t.Errorf("an error that is no lost connection: %v", err)
	}
	begun := time.Now()
	err = s.Do(t.Context(), func(c *remote.Client) error {
		c.Close()
		_, err := c.List(t.Context())
		return err
	})
	if !errors.Is(err, remote.ErrLost) || time.Since(begun) > 10*time.Second || !strings.Contains(err.Error(), "no route") {
		t.Errorf("after %s: %v", time.Since(begun), err)
	}
}

// The folder of what comes home is one program's at a time, and keeps what it knows.
func TestRecord(t *testing.T) {
	dir := filepath.Join(t.TempDir(), ".out.imgasm-remote")
	r, err := remote.OpenRecord(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.OpenRecord(t.Context(), dir); !errors.Is(err, remote.ErrBusy) {
		t.Errorf("opened twice: %v", err)
	}
	r.Host, r.ID, r.Request = "there", remote.NewID(), "sum"
	if err := r.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Close()
	again, err := remote.OpenRecord(t.Context(), dir)
	if err != nil || again.ID != r.ID || again.Host != "there" || again.Request != "sum" {
		t.Errorf("%+v, %v", again, err)
	}
	if err := again.Remove(); err != nil {
		t.Error(err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := remote.OpenRecord(t.Context(), dir); !errors.Is(err, remote.ErrBusy) {
		t.Errorf("a folder that others may read: %v", err)
	}
	if _, err := remote.OpenRecord(t.Context(), filepath.Join(dir, "no/folder")); !errors.Is(err, remote.ErrPlace) {
		t.Errorf("no folder for it: %v", err)
	}
}

// Whatever a client asks, a server writes nowhere but below its folder, and ends.
func FuzzServe(f *testing.F) {
	for _, calls := range []string{
		`{"op":"list"}`, `{"op":"get","id":"aaaaaaaaaaaa","path":"../../x"}`, `{"op":"put","sha256":"../../x","size":1}`, `{"op":"done","id":"../.."}`, `{"op":"clean","ids":[".."]}`,
		`{"op":"have","files":[{"path":"x","sha256":"../x"}]}`, `{"op":"start","request":{"id":"../aaaaaaaaa"}}`, `{"op":"start","request":{"id":"aaaaaaaaaaaa","files":[{"path":"../../x","link":"y"}]}}`,
		`{"op":"follow","id":"x","from":-1}`, `{"op":"stop"}` + "\n" + `{"op":"check"}`, "[]",
	} {
		f.Add([]byte(calls + "\n"))
	}
	f.Fuzz(func(t *testing.T, calls []byte) {
		base := t.TempDir()
		s := remote.Server{Dir: filepath.Join(base, "dir"), Job: []string{"/nonexistent"}}
		_ = s.Serve(t.Context(), strings.NewReader(string(calls)), io.Discard)
		if entries, err := os.ReadDir(base); err != nil || len(entries) != 1 {
			t.Errorf("%v, %v", entries, err)
		}
	})
}

// A host that says what it likes neither makes us write outside of a folder nor read without end.
func TestHostileHost(t *testing.T) {
	hello := `{"hello":{"version":"1.0"}}` + "\n"
	var long, short bytes.Buffer
	for text, stream := range map[string]*bytes.Buffer{"more than ten bytes": &long, "less": &short} {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(transfer.Send(t.Context(), stream, f, 0, nil), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for name, says := range map[string]string{
		"more than it said": hello + "{}\n" + long.String(), "less than it said": hello + "{}\n" + short.String(),
		"no hello": "welcome\n", "an endless line": hello + strings.Repeat("x", 20<<20), "nothing": hello, "another place": hello + `{"from":77}` + "\n", "no stream": hello + "{}\n" + strings.Repeat("y", 1<<20),
	} {
		here, there := net.Pipe()
		go func() {
			go io.Copy(io.Discard, there)
			io.WriteString(there, says)
			there.Close()
		}()
		c, err := remote.NewClient(t.Context(), here, "1.0")
		if err == nil {
			var root *os.Root
			if root, err = os.OpenRoot(t.TempDir()); err != nil {
				t.Fatal(err)
			}
			err = c.Get(t.Context(), "aaaaaaaaaaaa", remote.File{Path: "a", Size: 10}, root, "a", func(int64) {})
			if outside := c.Get(t.Context(), "aaaaaaaaaaaa", remote.File{Path: "../a"}, root, "a", func(int64) {}); !errors.Is(outside, remote.ErrHost) {
				t.Errorf("%s: a path outside: %v", name, outside)
			}
		}
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
