package source

// A mirror on the loopback interface that breaks in the ways real ones do.

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/pgp/pgptest"
)

var today = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// newKey makes a key that is a year old.
func newKey(t testing.TB, life time.Duration) pgptest.Key {
	return pgptest.New(t, today.AddDate(-1, 0, 0), life)
}

// content is a file of n bytes that compress badly and differ by seed.
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

func checksumText(files map[string][]byte) string {
	var s strings.Builder
	for name, b := range files {
		fmt.Fprintf(&s, "# %s: %d bytes\nSHA256 (%s) = %s\n", name, len(b), name, sumOf(b))
	}
	return s.String()
}

// mirror serves files and counts requests. A hook for a path may answer in the
// file's place: it is given the number of the request for that path, from 1.
type mirror struct {
	*httptest.Server
	mu    sync.Mutex
	files map[string][]byte
	etag  map[string]string
	hooks map[string]func(w http.ResponseWriter, r *http.Request, n int) (handled bool)
	count map[string]int
	seen  []string // "GET /path Range If-Range"
}

func newMirror(t testing.TB) *mirror {
	m := &mirror{files: map[string][]byte{}, etag: map[string]string{}, hooks: map[string]func(http.ResponseWriter, *http.Request, int) bool{}, count: map[string]int{}}
	m.Server = httptest.NewServer(m)
	t.Cleanup(m.Close)
	return m
}

func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	m.count[r.URL.Path]++
	n, hook, b, etag := m.count[r.URL.Path], m.hooks[r.URL.Path], m.files[r.URL.Path], m.etag[r.URL.Path]
	m.seen = append(m.seen, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", r.Method, r.URL.Path, r.Header.Get("Range"), r.Header.Get("If-Range"))))
	m.mu.Unlock()
	if hook != nil && hook(w, r, n) {
		return
	}
	if b == nil {
		http.NotFound(w, r)
		return
	}
	if etag == "" {
		etag = `"` + sumOf(b)[:16] + `"`
	}
	if etag != "-" {
		w.Header().Set("ETag", etag)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
}

func (m *mirror) requests(path string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.count[path]
}

// cut sends the header of a whole answer and only the first n bytes from where
// the request begins, then drops the connection.
func (m *mirror) cut(w http.ResponseWriter, r *http.Request, b []byte, n int) {
	var from int
	fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
	w.Header().Set("ETag", `"`+sumOf(b)[:16]+`"`)
	w.Header().Set("Content-Length", fmt.Sprint(len(b)-from))
	if from > 0 {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(b)-1, len(b)))
		w.WriteHeader(http.StatusPartialContent)
	}
	w.Write(b[from:min(len(b), from+n)])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// rig is a mirror with one release, and a fetcher for it.
type rig struct {
	*mirror
	signer  pgptest.Key
	fetcher *Fetcher
	iso     []byte
	path    string // of the ISO on the mirror
	request Request

	mu     sync.Mutex
	events []event.Event
	slept  []time.Duration
}

const isoSize = 3<<20 + 12345

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{mirror: newMirror(t), signer: newKey(t, 0), iso: content(1, isoSize)}
	name := "AlmaLinux-10.2-x86_64-boot.iso"
	r.path = "/10.2/isos/x86_64/" + name
	r.files[r.path] = r.iso
	r.files["/10/isos/x86_64/"+name] = r.iso
	r.files["/10/isos/x86_64/CHECKSUM"] = r.signer.Sign(t, checksumText(map[string][]byte{name: r.iso}), today.AddDate(0, -1, 0), 0)
	r.files["/10.2/isos/x86_64/CHECKSUM"] = r.files["/10/isos/x86_64/CHECKSUM"]
	r.request = Request{Mirror: r.URL, Vault: r.URL + "/vault"}
	r.fetcher = &Fetcher{
		Cache: t.TempDir(), Keyring: r.signer.Ring, StallTimeout: 10 * time.Second,
		Now: func() time.Time { return today },
		Sleep: func(ctx context.Context, d time.Duration) error {
			r.mu.Lock()
			r.slept = append(r.slept, d)
			r.mu.Unlock()
			return ctx.Err()
		},
		Sink: func(e event.Event) {
			r.mu.Lock()
			r.events = append(r.events, e)
			r.mu.Unlock()
		},
	}
	return r
}

// fetchGood fetches and compares every byte.
func (r *rig) fetchGood(t testing.TB) *File {
	t.Helper()
	f, err := r.fetcher.Fetch(context.Background(), r.request)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, r.iso) || f.SHA256 != sumOf(r.iso) || f.SizeBytes != int64(len(r.iso)) {
		t.Fatalf("wrong file: %d bytes, %+v", len(b), f)
	}
	return f
}

// said reports whether an event of any kind has the text.
func (r *rig) said(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if strings.Contains(e.Text, text) {
			return true
		}
	}
	return false
}

// asides lists the files that were set aside, each of which must have its reason.
func (r *rig) asides(t testing.TB) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"*/*.bad-*", ".checksums/*/*.bad-*"} {
		m, err := filepath.Glob(filepath.Join(r.fetcher.Cache, pattern))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, m...)
	}
	var out []string
	for _, p := range found {
		if strings.HasSuffix(p, ".txt") {
			continue
		}
		out = append(out, p)
		if !exists(p + ".txt") {
			t.Errorf("%s has no reason beside it", p)
		}
	}
	return out
}
