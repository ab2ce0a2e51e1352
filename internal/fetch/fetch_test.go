package fetch_test

// Servers on the loopback interface that break, lie and attack.

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/fetch"
)

// content is a file of n bytes that differs by seed.
func content(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func sumOf(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

var file = content(1, 1<<20+345)

// server answers by a function that is given the number of the request, from 1.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	answer func(w http.ResponseWriter, r *http.Request, n int)
	seen   []*http.Request
}

func serve(t testing.TB, start func(http.Handler) *httptest.Server, answer func(w http.ResponseWriter, r *http.Request, n int)) *server {
	s := &server{answer: answer}
	s.Server = start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r)
		n := len(s.seen)
		s.mu.Unlock()
		s.answer(w, r, n)
	}))
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	return s
}

// whole answers as a good server does.
func whole(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"one"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
}

// cut answers well and drops the connection after n bytes.
func cut(w http.ResponseWriter, b []byte, n int) {
	w.Header().Set("ETag", `"one"`)
	w.Header().Set("Content-Length", fmt.Sprint(len(b)))
	w.Write(b[:n])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// raw sends bytes in place of an answer of Go's making.
func raw(w http.ResponseWriter, text string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	io.WriteString(conn, text)
}

// pace is a client that does not wait, and counts how often it would have.
func pace(slept *atomic.Int64) *fetch.Client {
	return &fetch.Client{Stall: 10 * time.Second, Sleep: func(ctx context.Context, _ time.Duration) error {
		slept.Add(1)
		return ctx.Err()
	}}
}

func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// What servers do, and what comes of it. Every case ends, takes no more bytes
// than there may be, and takes nothing for the file that is not.
func TestServers(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request, n int)
		job    fetch.Job
		bad    func(error) bool // nil: the file comes whole
		text   string           // in the error
		tries  int              // requests; 0: one
	}{
		"honest":          {answer: func(w http.ResponseWriter, r *http.Request, n int) { whole(w, r) }},
		"size is known":   {answer: func(w http.ResponseWriter, r *http.Request, n int) { whole(w, r) }, job: fetch.Job{SizeBytes: int64(len(file))}},
		"SHA-256 matches": {answer: func(w http.ResponseWriter, r *http.Request, n int) { whole(w, r) }, job: fetch.Job{SHA256: sumOf(file)}},
		"connection breaks": {tries: 2, answer: func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				cut(w, file, 300<<10)
			}
			whole(w, r)
		}},
		// 416 says that the file ends where the part does: it does not.
		"416 ends an unverified download": {tries: 3, answer: func(w http.ResponseWriter, r *http.Request, n int) {
			switch n {
			case 1:
				cut(w, file, 300<<10)
			case 2:
				w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", 300<<10))
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			default:
				whole(w, r)
			}
		}},
		"416 to everything": {bad: is[*fetch.StatusError], answer: func(w http.ResponseWriter, r *http.Request, n int) {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		}},
		"another file after the break": {tries: 3, answer: func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				cut(w, content(2, len(file)), 300<<10)
			}
			if n == 2 { // If-Range is ignored, the ETag tells
				w.Header().Set("ETag", `"two"`)
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", 300<<10, len(file)-1, len(file)))
				w.WriteHeader(http.StatusPartialContent)
				return
			}
			whole(w, r)
		}},
		"another file, silently": {tries: 3, job: fetch.Job{SHA256: sumOf(file)}, answer: func(w http.ResponseWriter, r *http.Request, n int) {
			if n == 1 {
				cut(w, content(2, len(file)), 300<<10)
			}
			whole(w, r)
		}},
		"wrong file": {bad: is[*fetch.SumError], text: sumOf(file), job: fetch.Job{SHA256: strings.Repeat("0", 64)}, answer: func(w http.ResponseWriter, r *http.Request, n int) { whole(w, r) }},
		"endless body without a length": {bad: func(err error) bool { return errors.Is(err, fetch.ErrNoLength) }, answer: func(w http.ResponseWriter, r *http.Request, n int) {
			for {
				if _, err := w.Write(file); err != nil {
					return
				}
			}
		}},
		"endless body where the size is known": {bad: is[*fetch.LengthError], job: fetch.Job{SizeBytes: 400_000}, answer: func(w http.ResponseWriter, r *http.Request, n int) {
			for {
				if _, err := w.Write(file); err != nil {
					return
				}
			}
		}},
		"a petabyte": {bad: is[*fetch.LengthError], text: "at most 1000000", job: fetch.Job{MaxBytes: 1_000_000}, answer: func(w http.ResponseWriter, r *http.Request, n int) {
			w.Header().Set("Content-Length", fmt.Sprint(1<<50))
		}},
		"too short": {bad: is[*fetch.LengthError], job: fetch.Job{SizeBytes: int64(len(file)) + 1}, answer: func(w http.ResponseWriter, r *http.Request, n int) { whole(w, r) }},
		"empty":     {bad: is[*fetch.LengthError], text: "is empty", answer: func(w http.ResponseWriter, r *http.Request, n int) {}},
		"a part that nobody asked for": {bad: is[error], text: "not asked for", answer: func(w http.ResponseWriter, r *http.Request, n int) {
			w.Header().Set("Content-Range", "bytes 5-9/10")
			w.WriteHeader(http.StatusPartialContent)
		}},
		"a part from elsewhere": {tries: 3, answer: func(w http.ResponseWriter, r *http.Request, n int) {
			switch n {
			case 1:
				cut(w, file, 300<<10)
			case 2:
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(file)-1, len(file)))
				w.WriteHeader(http.StatusPartialContent)
			default:
				whole(w, r)
			}
		}},
		"a part with escapes": {bad: is[error], answer: func(w http.ResponseWriter, r *http.Request, n int) {
			raw(w, "HTTP/1.1 206 OK\r\nContent-Range: bytes \x1b]0;title\x07\r\n\r\n")
		}},
		"a byte a connection": {bad: is[error], text: "6 tries without progress", tries: 6, answer: func(w http.ResponseWriter, r *http.Request, n int) {
			cut(w, file, 1)
		}},
		"busy for ever": {bad: is[*fetch.StatusError], text: "503 Service Unavailable", tries: 6, answer: func(w http.ResponseWriter, r *http.Request, n int) {
			http.Error(w, "busy", http.StatusServiceUnavailable)
		}},
		"not there": {bad: is[*fetch.StatusError], text: "404 Not Found", answer: func(w http.ResponseWriter, r *http.Request, n int) { http.NotFound(w, r) }},
		"a reason phrase with escapes": {bad: is[*fetch.StatusError], text: "404 Not Found", answer: func(w http.ResponseWriter, r *http.Request, n int) {
			raw(w, "HTTP/1.1 404 \x1b]52;c;cm0gLXJmIC8=\x07\r\nContent-Length: 0\r\n\r\n")
		}},
		"a status of its own": {bad: is[*fetch.StatusError], text: "the server says 799", answer: func(w http.ResponseWriter, r *http.Request, n int) {
			raw(w, "HTTP/1.1 799 \x1b[2J\r\n\r\n")
		}},
		"redirects in a circle": {bad: is[*fetch.RedirectError], text: "too often", tries: 11, answer: func(w http.ResponseWriter, r *http.Request, n int) {
			http.Redirect(w, r, "/file", http.StatusFound)
		}},
		"redirects to file:": {bad: is[*fetch.RedirectError], text: "file:///etc/passwd", answer: func(w http.ResponseWriter, r *http.Request, n int) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		}},
		"redirects to ftp:": {bad: is[*fetch.RedirectError], answer: func(w http.ResponseWriter, r *http.Request, n int) {
			http.Redirect(w, r, "ftp://u:secret@127.0.0.1/x", http.StatusMovedPermanently)
		}},
		"redirects to nowhere": {bad: is[*fetch.RedirectError], answer: func(w http.ResponseWriter, r *http.Request, n int) {
			http.Redirect(w, r, "http:///x", http.StatusTemporaryRedirect)
		}},
		"a header without an end": {bad: is[error], tries: 6, answer: func(w http.ResponseWriter, r *http.Request, n int) {
			raw(w, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20)+"\r\n\r\n")
		}},
		"no HTTP at all": {bad: is[error], tries: 6, answer: func(w http.ResponseWriter, r *http.Request, n int) { raw(w, "220 ftp ready\r\n") }},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, httptest.NewServer, c.answer)
			var slept atomic.Int64
			j := c.job
			j.URL, j.Part = s.URL+"/file", filepath.Join(t.TempDir(), "x.part")
			most := max(j.SizeBytes, int64(len(file)))
			j.Progress = func(done, total int64) {
				if done < 0 || done > most {
					t.Errorf("told %d of %d bytes", done, total)
				}
			}
			got, err := pace(&slept).File(t.Context(), j)
			if n := len(s.seen); n != max(1, c.tries) {
				t.Errorf("%d requests, want %d", n, max(1, c.tries))
			}
			if info, err := os.Stat(j.Part); err == nil && info.Size() > most {
				t.Errorf("%d bytes on the disk", info.Size())
			}
			if c.bad != nil {
				if err == nil || !c.bad(err) || !strings.Contains(err.Error(), c.text) {
					t.Errorf("%v, want %q", err, c.text)
				}
				if err != nil && (strings.ContainsAny(err.Error(), "\x1b\x07") || strings.Contains(err.Error(), "secret")) {
					t.Errorf("the error has what it must not: %q", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if b, _ := os.ReadFile(j.Part); !bytes.Equal(b, file) || got.SHA256 != sumOf(file) || got.SizeBytes != int64(len(file)) {
				t.Errorf("%+v; the file has %d bytes", got, len(b))
			}
			if _, err := fetch.ReadState(j.Part); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("state is left beside the whole file: %v", err)
			}
		})
	}
}

// Nothing goes from https to http, once or in the middle; the other way is fine,
// and no server learns from which address one came.
func TestRedirectsBetweenSchemes(t *testing.T) {
	plain := serve(t, httptest.NewServer, func(w http.ResponseWriter, r *http.Request, n int) { whole(w, r) })
	var to string
	secure := serve(t, httptest.NewTLSServer, func(w http.ResponseWriter, r *http.Request, n int) { http.Redirect(w, r, to, http.StatusFound) })
	var slept atomic.Int64
	c := pace(&slept)
	c.Transport = secure.Client().Transport
	to = plain.URL + "/file"
	part := filepath.Join(t.TempDir(), "x.part")
	if _, err := c.File(t.Context(), fetch.Job{URL: secure.URL + "/x?sig=secret", Part: part}); !is[*fetch.RedirectError](err) || !strings.Contains(err.Error(), "from https to http") {
		t.Error(err)
	}
	if _, err := c.Bytes(t.Context(), secure.URL+"/x", 1<<20); !is[*fetch.RedirectError](err) {
		t.Error(err)
	}
	if _, err := c.Same(t.Context(), secure.URL+"/x", "", 1); !is[*fetch.RedirectError](err) {
		t.Error(err)
	}
	if len(plain.seen) != 0 || slept.Load() != 0 {
		t.Errorf("%d requests reached http, %d pauses", len(plain.seen), slept.Load())
	}
	// From http to https, by way of http.
	plain.answer = func(w http.ResponseWriter, r *http.Request, n int) {
		http.Redirect(w, r, secure.URL+"/x", http.StatusFound)
	}
	secure.answer = func(w http.ResponseWriter, r *http.Request, n int) { whole(w, r) }
	if _, err := c.File(t.Context(), fetch.Job{URL: plain.URL + "/x?sig=secret", Part: part}); err != nil {
		t.Error(err)
	}
	if ref := secure.seen[len(secure.seen)-1].Header.Get("Referer"); ref != "" {
		t.Errorf("Referer: %s", ref)
	}
}

// What an earlier process left is resumed only where the parts are known to be
// of one file, and never over http where https was asked.
func TestResume(t *testing.T) {
	for name, c := range map[string]struct {
		state string // URL stands for the server's
		sum   string
		from  string // the first byte asked for; "": all
	}{
		"with an ETag":            {`{"url":"URL","from":"URL","etag":"\"one\"","total":1048921}`, "", "bytes=5000-"},
		"with a date":             {`{"url":"URL","from":"URL","lastModified":"Mon, 02 Jan 2006 15:04:05 GMT","total":1048921}`, "", "bytes=5000-"},
		"with nothing":            {`{"url":"URL","from":"URL","total":1048921}`, "", ""},
		"with nothing but a hash": {`{"url":"URL","from":"URL","total":1048921}`, sumOf(file), "bytes=5000-"},
		"from another address":    {`{"url":"http://127.0.0.1:9/","from":"http://127.0.0.1:9/","etag":"\"one\""}`, "", ""},
		"from another, by hash":   {`{"url":"http://127.0.0.1:9/","from":"http://127.0.0.1:9/","etag":"\"one\""}`, sumOf(file), "bytes=5000-"},
		"led to file:":            {`{"url":"file:///etc/passwd","from":"URL","etag":"\"one\"","total":1048921}`, "", "bytes=5000-"},
		"damaged":                 {`{"url":`, sumOf(file), ""},
		"longer than the file":    {`{"url":"URL","from":"URL","etag":"\"one\"","total":100}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, httptest.NewServer, func(w http.ResponseWriter, r *http.Request, n int) {
				w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
				whole(w, r)
			})
			part := filepath.Join(t.TempDir(), "x.part")
			write(t, part, string(file[:5000]))
			write(t, part+".json", strings.ReplaceAll(c.state, "URL", s.URL+"/file"))
			var slept atomic.Int64
			if _, err := pace(&slept).File(t.Context(), fetch.Job{URL: s.URL + "/file", Part: part, SHA256: c.sum}); err != nil {
				t.Fatal(err)
			}
			if len(s.seen) != 1 || s.seen[0].Header.Get("Range") != c.from {
				t.Errorf("%d requests, the first for %q, want %q", len(s.seen), s.seen[0].Header.Get("Range"), c.from)
			}
			if b, _ := os.ReadFile(part); !bytes.Equal(b, file) {
				t.Errorf("the file has %d bytes", len(b))
			}
		})
	}
	secure := serve(t, httptest.NewTLSServer, func(w http.ResponseWriter, r *http.Request, n int) { whole(w, r) })
	plain := serve(t, httptest.NewServer, func(w http.ResponseWriter, r *http.Request, n int) { whole(w, r) })
	part := filepath.Join(t.TempDir(), "x.part")
	write(t, part, string(file[:5000]))
	write(t, part+".json", fmt.Sprintf(`{"url":%q,"from":%q,"etag":"\"one\"","total":1048921}`, plain.URL, secure.URL+"/file"))
	c := fetch.Client{Transport: secure.Client().Transport}
	if _, err := c.File(t.Context(), fetch.Job{URL: secure.URL + "/file", Part: part}); err != nil || len(plain.seen) != 0 {
		t.Errorf("%v; %d requests over http", err, len(plain.seen))
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestBytes(t *testing.T) {
	var slept atomic.Int64
	s := serve(t, httptest.NewServer, nil)
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request, n int)
		bad    func(error) bool
	}{
		"small":     {func(w http.ResponseWriter, r *http.Request, n int) { io.WriteString(w, "0123456789") }, nil},
		"announced": {func(w http.ResponseWriter, r *http.Request, n int) { io.WriteString(w, "0123456789a") }, is[*fetch.LengthError]},
		"endless": {func(w http.ResponseWriter, r *http.Request, n int) {
			for {
				if _, err := w.Write(file); err != nil {
					return
				}
			}
		}, is[*fetch.LengthError]},
		"part": {func(w http.ResponseWriter, r *http.Request, n int) { w.WriteHeader(http.StatusPartialContent) }, is[*fetch.StatusError]},
	} {
		s.answer = c.answer
		b, err := pace(&slept).Bytes(t.Context(), s.URL, 10)
		if c.bad == nil && (err != nil || string(b) != "0123456789") || c.bad != nil && !c.bad(err) {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	for _, address := range []string{"file:///etc/passwd", "ftp://x/y", "x", "http://", "//x/y", "unix:/run/x", "\x1b"} {
		if err := fetch.Check(address); err == nil {
			t.Errorf("%q passes as an address", address)
		}
		if _, err := pace(&slept).Bytes(t.Context(), address, 10); err == nil {
			t.Errorf("%q was fetched", address)
		}
	}
	if slept.Load() != 0 {
		t.Errorf("%d pauses for what cannot get better", slept.Load())
	}
}

// A server that is silent, before its header and in the body, is given up.
func TestStall(t *testing.T) {
	s := serve(t, httptest.NewServer, func(w http.ResponseWriter, r *http.Request, n int) {
		if n == 2 {
			w.Header().Set("Content-Length", "100000")
			w.Write(file[:10])
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	})
	c := fetch.Client{Stall: 50 * time.Millisecond, Tries: 2, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	if _, err := c.File(t.Context(), fetch.Job{URL: s.URL, Part: filepath.Join(t.TempDir(), "x.part")}); !errors.Is(err, fetch.ErrStalled) || len(s.seen) != 2 {
		t.Errorf("%v after %d requests", err, len(s.seen))
	}
}

// Who stops is told by his own reason, and at once.
func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("stopped by a test")
	s := serve(t, httptest.NewServer, func(w http.ResponseWriter, r *http.Request, n int) {
		cancel(reason)
		<-r.Context().Done()
	})
	var c fetch.Client
	if _, err := c.File(ctx, fetch.Job{URL: s.URL, Part: filepath.Join(t.TempDir(), "x.part")}); !errors.Is(err, reason) {
		t.Error(err)
	}
	if _, err := c.Bytes(ctx, s.URL, 1); !errors.Is(err, reason) {
		t.Error(err)
	}
}

// The proxy of the environment is used; Go reads it once, so another process does.
func TestProxyFromEnvironment(t *testing.T) {
	if address := os.Getenv("FETCH_TEST_ADDRESS"); address != "" {
		var c fetch.Client
		b, err := c.Bytes(t.Context(), address, 100)
		fmt.Printf("got %q, %v\n", b, err)
		return
	}
	proxy := serve(t, httptest.NewServer, func(w http.ResponseWriter, r *http.Request, n int) { io.WriteString(w, "by proxy: "+r.URL.String()) })
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxyFromEnvironment$")
	cmd.Env = append(os.Environ(), "FETCH_TEST_ADDRESS=http://mirror.invalid/x", "HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL, "NO_PROXY=", "no_proxy=")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), `got "by proxy: http://mirror.invalid/x", <nil>`) {
		t.Errorf("%s%v", out, err)
	}
}

// What cannot be written is no matter of the network.
func TestDisk(t *testing.T) {
	s := serve(t, httptest.NewServer, func(w http.ResponseWriter, r *http.Request, n int) { whole(w, r) })
	var slept atomic.Int64
	_, err := pace(&slept).File(t.Context(), fetch.Job{URL: s.URL, Part: filepath.Join(t.TempDir(), "none", "x.part")})
	if !is[*fetch.DiskError](err) || slept.Load() != 0 {
		t.Errorf("%v, %d pauses", err, slept.Load())
	}
}

// What the disk has no room for does not travel, and what is there counts.
func TestNoSpace(t *testing.T) {
	const size = 1 << 20
	s := serve(t, httptest.NewServer, func(w http.ResponseWriter, r *http.Request, n int) {
		w.Header().Set("Content-Length", strconv.Itoa(size))
		w.(http.Flusher).Flush()
		_, _ = io.Copy(w, io.LimitReader(zeros{}, size)) // ends when the client hangs up
	})
	dir := t.TempDir()
	var slept atomic.Int64
	c := pace(&slept)
	room := int64(size - 1)
	c.Free = func(of string) (int64, error) {
		if of != dir {
			t.Errorf("asked for the room in %s, want %s", of, dir)
		}
		return room, nil
	}
	job := fetch.Job{URL: s.URL, Part: filepath.Join(dir, "x.part")}
	_, err := c.File(t.Context(), job)
	if !is[*fetch.DiskError](err) || !errors.Is(err, syscall.ENOSPC) || slept.Load() != 0 || !strings.Contains(err.Error(), dir+" has 1.0 MiB free") {
		t.Errorf("%v, %d pauses", err, slept.Load())
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	room = size
	if got, err := c.File(t.Context(), job); err != nil || got.SizeBytes != size {
		t.Errorf("with just enough room: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// answers is a transport whose connections bring the given bytes, one answer each.
func answers(list [][]byte) *http.Transport {
	n := 0
	var mu sync.Mutex
	return &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if n == len(list) {
			return nil, errors.New("no more answers")
		}
		n++
		return &canned{r: bytes.NewReader(list[n-1])}, nil
	}}
}

// canned is a connection that says what it has to say, whatever it is told.
type canned struct{ r *bytes.Reader }

func (c *canned) Read(p []byte) (int, error)       { return c.r.Read(p) }
func (c *canned) Write(p []byte) (int, error)      { return len(p), nil }
func (c *canned) Close() error                     { return nil }
func (c *canned) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *canned) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *canned) SetDeadline(time.Time) error      { return nil }
func (c *canned) SetReadDeadline(time.Time) error  { return nil }
func (c *canned) SetWriteDeadline(time.Time) error { return nil }

// Whatever servers answer, on up to four connections: no panic, no file over
// its limit, nothing that has another hash or length than what was wanted, and
// no error that could command a terminal.
func FuzzAnswers(f *testing.F) {
	const body = "0123456789abcdef"
	ok := "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 16\r\n\r\n"
	f.Add([]byte(ok+body), true, uint8(16))
	f.Add([]byte(ok+body[:7]+"\x00HTTP/1.1 206 P\r\nETag: \"a\"\r\nContent-Range: bytes 7-15/16\r\nContent-Length: 9\r\n\r\n"+body[7:]), false, uint8(0))
	f.Add([]byte(ok+body[:7]+"\x00HTTP/1.1 416 R\r\nContent-Range: bytes */7\r\n\r\n\x00"+ok+body), false, uint8(0))
	f.Add([]byte("HTTP/1.1 302 F\r\nLocation: file:///etc/passwd\r\n\r\n"), false, uint8(0))
	f.Add([]byte("HTTP/1.1 302 F\r\nLocation: http://b/\r\n\r\n\x00HTTP/1.1 503 \x1b]0;x\x07\r\nRetry-After: 99\r\n\r\n\x00HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n0\r\n\r\n"), true, uint8(5))
	f.Fuzz(func(t *testing.T, data []byte, known bool, size uint8) {
		list := bytes.SplitN(data, []byte{0}, 4)
		c := fetch.Client{Transport: answers(list), Tries: 4, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
		j := fetch.Job{URL: "http://a/", Part: filepath.Join(t.TempDir(), "p"), SizeBytes: int64(size), MaxBytes: 64}
		if known {
			j.SHA256 = sumOf([]byte(body))
		}
		got, err := c.File(t.Context(), j)
		b, readErr := os.ReadFile(j.Part)
		if len(b) > max(64, int(size)) {
			t.Errorf("%d bytes on the disk", len(b))
		}
		if err != nil {
			if strings.ContainsAny(err.Error(), "\x1b\x07") {
				t.Errorf("%q", err)
			}
			return
		}
		if readErr != nil || got.SHA256 != sumOf(b) || got.SizeBytes != int64(len(b)) || len(b) == 0 || size > 0 && len(b) != int(size) || known && string(b) != body {
			t.Errorf("%+v for %q (size %d, known %v), %v", got, b, size, known, readErr)
		}
	})
}
