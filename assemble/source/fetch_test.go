package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/fetch"
)

// flags is how a program could call the fields.
func flags(field string) string { return "--" + field }

func TestFetch(t *testing.T) {
	r := newRig(t)
	f := r.fetchGood(t)
	if f.URL != r.URL+r.path || f.Cached || f.Unverified || f.Signature == nil || f.Signature.Fingerprint != r.signer.Ring.Fingerprints()[0] {
		t.Errorf("%+v", f)
	}
	var last int64
	for _, e := range r.events {
		if e.Kind == event.Progress {
			if e.Done < last || e.Total != isoSize || e.Unit != "B" || e.Step != "source" {
				t.Errorf("%+v after %d bytes", e, last)
			}
			last = e.Done
		}
	}
	if last != isoSize {
		t.Errorf("progress ended at %d of %d", last, isoSize)
	}

	// Again: from the cache, with one look at CHECKSUM.
	f = r.fetchGood(t)
	if !f.Cached || r.requests(r.path) != 1 {
		t.Errorf("the second fetch downloaded again: %+v, %d requests", f, r.requests(r.path))
	}

	// Offline: no request at all.
	before := len(r.seen)
	r.fetcher.Offline = true
	if f = r.fetchGood(t); f.Signature == nil {
		t.Error("offline: no signature")
	}
	if len(r.seen) != before {
		t.Errorf("offline, yet asked: %v", r.seen[before:])
	}
}

func TestFetchOfflineWithoutCache(t *testing.T) {
	r := newRig(t)
	r.fetcher.Offline = true
	if _, err := r.fetcher.Fetch(context.Background(), r.request); !errors.Is(err, ErrOffline) {
		t.Error(err)
	}
	r.request = Request{URL: r.URL + r.path, SHA256: sumOf(r.iso)}
	if _, err := r.fetcher.Fetch(context.Background(), r.request); !errors.Is(err, ErrOffline) {
		t.Error(err)
	}
	if len(r.seen) != 0 {
		t.Errorf("offline, yet asked: %v", r.seen)
	}
}

func TestFetchUnreachableUsesCache(t *testing.T) {
	r := newRig(t)
	r.fetchGood(t)
	r.Close()
	f := r.fetchGood(t)
	if !f.Cached || !r.said("from the cache") {
		t.Errorf("%+v; no warning", f)
	}
}

// Each connection brings some bytes and breaks.
func TestFetchResumesCutConnections(t *testing.T) {
	r := newRig(t)
	r.hooks[r.path] = func(w http.ResponseWriter, q *http.Request, n int) bool {
		if n <= 5 {
			r.cut(w, q, r.iso, 500<<10)
		}
		return false
	}
	r.fetchGood(t)
	if n := r.requests(r.path); n != 6 {
		t.Errorf("%d requests, want 6", n)
	}
	for i, line := range r.seen[2:] {
		if want := fmt.Sprintf("bytes=%d-", (i+1)*500<<10); !strings.Contains(line, want) || !strings.Contains(line, sumOf(r.iso)[:16]) {
			t.Errorf("request %q: no %s with If-Range", line, want)
		}
	}
}

// The process is stopped in the middle; the next one goes on.
func TestFetchResumesAfterRestart(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(context.Background())
	r.hooks[r.path] = func(w http.ResponseWriter, q *http.Request, n int) bool {
		if n == 1 {
			w.Header().Set("ETag", `"`+sumOf(r.iso)[:16]+`"`)
			w.Header().Set("Content-Length", fmt.Sprint(len(r.iso)))
			w.Write(r.iso[:1<<20])
			w.(http.Flusher).Flush()
			<-q.Context().Done()
			return true
		}
		return false
	}
	sink := r.fetcher.Sink
	tick := today
	r.fetcher.Now = func() time.Time { tick = tick.Add(time.Second); return tick }
	r.fetcher.Sink = func(e event.Event) {
		sink(e)
		if e.Kind == event.Progress && e.Done == 1<<20 {
			cancel()
		}
	}
	if _, err := r.fetcher.Fetch(ctx, r.request); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	items, err := r.fetcher.Items()
	if err != nil || len(items) != 1 || items[0].State != Partial || items[0].SizeBytes != 1<<20 {
		t.Fatalf("%+v, %v", items, err)
	}
	r.fetchGood(t)
	if last := r.seen[len(r.seen)-1]; !strings.Contains(last, "bytes=1048576-") {
		t.Errorf("the last request was %q", last)
	}
}

func TestFetchServerWithoutRange(t *testing.T) {
	r := newRig(t)
	r.hooks[r.path] = func(w http.ResponseWriter, q *http.Request, n int) bool {
		if n == 1 {
			r.cut(w, q, r.iso, 1<<20)
		}
		w.Header().Set("ETag", `"`+sumOf(r.iso)[:16]+`"`)
		w.Write(r.iso) // 200, from the beginning, whatever was asked
		return true
	}
	r.fetchGood(t)
	if !r.said("can't resume") {
		t.Error("nothing was said about starting again")
	}
}

// The file changes on the server between two parts. A server that honours
// If-Range sends the new one whole; one that ignores it answers 206.
func TestFetchFileChangesBetweenParts(t *testing.T) {
	for _, honest := range []bool{true, false} {
		t.Run(fmt.Sprintf("If-Range honoured %v", honest), func(t *testing.T) {
			r := newRig(t)
			old := content(2, isoSize) // as long as the new one
			r.hooks[r.path] = func(w http.ResponseWriter, q *http.Request, n int) bool {
				if n == 1 {
					r.cut(w, q, old, 1<<20)
				}
				if !honest {
					q.Header.Del("If-Range")
				}
				return false
			}
			r.fetchGood(t)
			if !r.said("has changed") {
				t.Error("nothing was said about the change")
			}
		})
	}
}

// The same, where neither ETag nor date betrays the change: the hash does, the
// mixture is set aside, and the file is fetched again in one piece.
func TestFetchMixtureIsSetAside(t *testing.T) {
	r := newRig(t)
	r.etag[r.path] = "-"
	old := content(2, isoSize)
	r.hooks[r.path] = func(w http.ResponseWriter, q *http.Request, n int) bool {
		if n == 1 {
			w.Header().Set("Content-Length", fmt.Sprint(isoSize))
			w.Write(old[:1<<20])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		return false
	}
	r.fetchGood(t)
	if a := r.asides(t); len(a) != 1 {
		t.Errorf("set aside: %v", a)
	}
}

func TestFetchWrongHash(t *testing.T) {
	r := newRig(t)
	bad := bytes.Clone(r.iso)
	bad[isoSize/2] ^= 1
	for path := range r.files {
		if strings.HasSuffix(path, ".iso") {
			r.files[path] = bad
		}
	}
	f, err := r.fetcher.Fetch(context.Background(), r.request)
	if !errors.Is(err, ErrVerify) || f != nil {
		t.Fatalf("%+v, %v", f, err)
	}
	for _, want := range []string{sumOf(bad), sumOf(r.iso), "set aside"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	if fault.Hint(err, flags) == "" {
		t.Error("no hint")
	}
	a := r.asides(t)
	if len(a) != 1 {
		t.Fatalf("set aside: %v", a)
	}
	if b, err := os.ReadFile(a[0]); err != nil || !bytes.Equal(b, bad) {
		t.Errorf("the file that was set aside is not what came: %v", err)
	}
	if reason, _ := os.ReadFile(a[0] + ".txt"); !strings.Contains(string(reason), sumOf(r.iso)) {
		t.Errorf("reason: %s", reason)
	}
	items, err := r.fetcher.Items()
	if err != nil || len(items) != 1 || items[0].State != Bad || items[0].Reason == "" {
		t.Errorf("%+v, %v", items, err)
	}
}

// One mirror folder has a broken copy, the next address a good one.
func TestFetchNextAddressAfterWrongHash(t *testing.T) {
	r := newRig(t)
	r.files[r.path] = content(9, isoSize)
	if f := r.fetchGood(t); !strings.Contains(f.URL, "/10/") {
		t.Errorf("came from %s", f.URL)
	}
}

func TestFetchWrongLength(t *testing.T) {
	r := newRig(t)
	for path := range r.files {
		if strings.HasSuffix(path, ".iso") {
			r.files[path] = r.iso[:isoSize-1]
		}
	}
	_, err := r.fetcher.Fetch(context.Background(), r.request)
	var length *fetch.LengthError
	if !errors.As(err, &length) || length.Want != isoSize || length.Got != isoSize-1 {
		t.Fatal(err)
	}
	if !strings.Contains(err.Error(), "no address has it") {
		t.Error(err)
	}
}

// More bytes than announced by CHECKSUM, without a length in the header.
func TestFetchEndlessBody(t *testing.T) {
	r := newRig(t)
	for path := range r.files {
		if strings.HasSuffix(path, ".iso") {
			r.hooks[path] = func(w http.ResponseWriter, q *http.Request, n int) bool {
				for {
					if _, err := w.Write(r.iso); err != nil {
						return true
					}
				}
			}
		}
	}
	_, err := r.fetcher.Fetch(context.Background(), r.request)
	var length *fetch.LengthError
	if !errors.As(err, &length) {
		t.Fatal(err)
	}
}

func TestFetchFromVault(t *testing.T) {
	r := newRig(t)
	r.request.Version = "10.1"
	old := content(3, 1<<20)
	name := "AlmaLinux-10.1-x86_64-boot.iso"
	r.files["/vault/10.1/isos/x86_64/"+name] = old
	r.files["/vault/10.1/isos/x86_64/CHECKSUM"] = r.signer.Sign(t, checksumText(map[string][]byte{name: old}), today.AddDate(0, -6, 0), 0)
	r.iso = old
	f := r.fetchGood(t)
	if f.URL != r.URL+"/vault/10.1/isos/x86_64/"+name {
		t.Errorf("came from %s", f.URL)
	}
	// A pinned address that has died finds the vault too.
	r.fetcher.Cache = t.TempDir()
	r.request = Request{URL: r.URL + "/10.1/isos/x86_64/" + name, SHA256: sumOf(old), Vault: r.URL + "/vault"}
	if f := r.fetchGood(t); !strings.Contains(f.URL, "/vault/") {
		t.Errorf("came from %s", f.URL)
	}
}

func TestFetchRedirects(t *testing.T) {
	r := newRig(t)
	other := newMirror(t)
	other.files["/x/y.iso"] = r.iso
	other.hooks["/x/y.iso"] = func(w http.ResponseWriter, q *http.Request, n int) bool {
		if n == 1 {
			other.cut(w, q, r.iso, 1<<20)
		}
		return false
	}
	r.hooks[r.path] = func(w http.ResponseWriter, q *http.Request, n int) bool {
		http.Redirect(w, q, other.URL+"/x/y.iso", http.StatusFound)
		return true
	}
	f := r.fetchGood(t)
	if f.URL != r.URL+r.path {
		t.Errorf("recorded as %s, not under the address that was asked for", f.URL)
	}
	if n := r.requests(r.path); n != 1 {
		t.Errorf("the redirecting server was asked %d times; the rest must come from where the beginning came from", n)
	}

	r.fetcher.Cache = t.TempDir()
	loop := func(w http.ResponseWriter, q *http.Request, n int) bool {
		http.Redirect(w, q, q.URL.Path, http.StatusFound)
		return true
	}
	for path := range r.files {
		if strings.HasSuffix(path, ".iso") {
			r.hooks[path] = loop
		}
	}
	slept := len(r.slept)
	if _, err := r.fetcher.Fetch(context.Background(), r.request); err == nil || len(r.slept) != slept {
		t.Errorf("a loop of redirects: %v, tried again %d times", err, len(r.slept)-slept)
	}
}

// The mirror that a redirect led to dies: go back to the first address.
func TestFetchRedirectTargetDies(t *testing.T) {
	r := newRig(t)
	other := newMirror(t)
	other.hooks["/x.iso"] = func(w http.ResponseWriter, q *http.Request, n int) bool {
		if n == 1 {
			other.cut(w, q, r.iso, 1<<20)
		}
		http.Error(w, "gone", http.StatusServiceUnavailable)
		return true
	}
	r.hooks[r.path] = func(w http.ResponseWriter, q *http.Request, n int) bool {
		if n == 1 {
			http.Redirect(w, q, other.URL+"/x.iso", http.StatusFound)
			return true
		}
		return false
	}
	r.fetchGood(t)
}

// A server that sends a little now and then is given up, and the next one asked.
func TestFetchTrickle(t *testing.T) {
	r := newRig(t)
	r.fetcher.StallTimeout = 700 * time.Millisecond
	r.fetcher.Tries = 2
	r.hooks[r.path] = func(w http.ResponseWriter, q *http.Request, n int) bool {
		w.Header().Set("Content-Length", fmt.Sprint(len(r.iso)))
		for i := range r.iso {
			w.Write(r.iso[i : i+1])
			w.(http.Flusher).Flush()
			select {
			case <-q.Context().Done():
				return true
			case <-time.After(50 * time.Millisecond):
			}
		}
		return true
	}
	f := r.fetchGood(t)
	if strings.Contains(f.URL, "/10.2/") || !r.said(fetch.ErrStalled.Error()) {
		t.Errorf("came from %s", f.URL)
	}
}

func TestFetchRetriesServerErrors(t *testing.T) {
	r := newRig(t)
	r.hooks[r.path] = func(w http.ResponseWriter, q *http.Request, n int) bool {
		switch n {
		case 1:
			w.Header().Set("Retry-After", "7")
			http.Error(w, "busy", http.StatusTooManyRequests)
		case 2:
			http.Error(w, "oops", http.StatusBadGateway)
		default:
			return false
		}
		return true
	}
	r.fetchGood(t)
	if len(r.slept) != 2 || r.slept[0] != 7*time.Second || r.slept[1] < time.Second || r.slept[1] > 2*time.Second {
		t.Errorf("waited %v; want 7s as asked for, then 1 to 2 s", r.slept)
	}
}

func TestFetchGivesUp(t *testing.T) {
	r := newRig(t)
	for path := range r.files {
		if strings.HasSuffix(path, ".iso") {
			r.hooks[path] = func(w http.ResponseWriter, q *http.Request, n int) bool {
				http.Error(w, "oops", http.StatusInternalServerError)
				return true
			}
		}
	}
	_, err := r.fetcher.Fetch(context.Background(), r.request)
	if !errors.Is(err, ErrDownload) || errors.Is(err, ErrVerify) || strings.Count(err.Error(), "\n  http") != 3 || fault.Hint(err, flags) == "" {
		t.Fatalf("%v", err)
	}
	if n := r.requests(r.path); n != 6 {
		t.Errorf("%d tries at the first address, want 6", n)
	}
}

func TestFetchURL(t *testing.T) {
	r := newRig(t)
	// A hash that was given needs no CHECKSUM.
	r.request = Request{URL: r.URL + r.path, SHA256: "sha256:" + strings.ToUpper(sumOf(r.iso))}
	if f := r.fetchGood(t); f.Signature != nil || f.Unverified {
		t.Errorf("%+v", f)
	}
	if r.requests("/10.2/isos/x86_64/CHECKSUM") != 0 {
		t.Error("CHECKSUM was asked for")
	}
	// Without one the CHECKSUM beside it counts, and the cached copy serves.
	r.request = Request{URL: r.URL + r.path}
	if f := r.fetchGood(t); f.Signature == nil || !f.Cached {
		t.Errorf("%+v", f)
	}
	// With neither: taken, and plainly called unverified.
	r.files["/lone/my%20own.iso"] = nil
	r.files["/lone/own.iso"] = r.iso
	r.request = Request{URL: r.URL + "/lone/own.iso"}
	if f := r.fetchGood(t); !f.Unverified || f.Cached {
		t.Errorf("%+v", f)
	}
	if !r.said("can't be verified") {
		t.Error("no warning")
	}
	if f := r.fetchGood(t); !f.Unverified || !f.Cached {
		t.Errorf("second time: %+v", f)
	}
	// It changes on the server.
	r.iso = content(5, isoSize+1)
	r.files["/lone/own.iso"] = r.iso
	if f := r.fetchGood(t); f.Cached || len(r.asides(t)) != 1 {
		t.Errorf("after a change: %+v, set aside %v", f, r.asides(t))
	}
}

// An address that brought the wrong file is named once, and the network is not
// blamed; a file at the top of a server has its CHECKSUM there too.
func TestFetchURLErrors(t *testing.T) {
	r := newRig(t)
	r.files["/lone.iso"] = r.iso
	address := r.URL + "/lone.iso"
	_, err := r.fetcher.Fetch(t.Context(), Request{URL: address, SHA256: strings.Repeat("0", 64)})
	if !errors.Is(err, ErrVerify) || strings.Count(err.Error(), address) != 1 || !strings.HasPrefix(fault.Hint(err, flags), "fetch it again") {
		t.Errorf("%v\n%s", err, fault.Hint(err, flags))
	}
	r.files["/own.iso"] = r.iso
	r.files["/CHECKSUM"] = r.signer.Sign(t, checksumText(map[string][]byte{"own.iso": r.iso}), today.AddDate(0, -1, 0), 0)
	r.request = Request{URL: r.URL + "/own.iso"}
	if f := r.fetchGood(t); f.ChecksumURL != r.URL+"/CHECKSUM" {
		t.Errorf("CHECKSUM of %s", f.ChecksumURL)
	}
}

// A CHECKSUM that is well signed and does not name the ISO is not called missing,
// nor is the ISO taken on trust.
func TestFetchUnnamed(t *testing.T) {
	r := newRig(t)
	r.files["/10.2/isos/x86_64/respin.iso"] = r.iso
	_, err := r.fetcher.Fetch(t.Context(), Request{URL: r.URL + "/10.2/isos/x86_64/respin.iso"})
	if !errors.Is(err, ErrVerify) || !strings.Contains(err.Error(), "does not name respin.iso") || !strings.Contains(fault.Hint(err, flags), "--SHA256") {
		t.Errorf("%v\n%s", err, fault.Hint(err, flags))
	}
	if r.said("no CHECKSUM") || r.requests("/10.2/isos/x86_64/respin.iso") != 0 {
		t.Errorf("told as missing, or downloaded: %v", r.seen)
	}
	// Its hash is enough.
	r.request = Request{URL: r.URL + "/10.2/isos/x86_64/respin.iso", SHA256: sumOf(r.iso)}
	r.fetchGood(t)
}

// A server that answers 416 does not thereby end a file of which nobody knows the hash.
func TestFetchUnverifiedEndedBy416(t *testing.T) {
	r := newRig(t)
	r.files["/lone/own.iso"] = r.iso
	r.hooks["/lone/own.iso"] = func(w http.ResponseWriter, q *http.Request, n int) bool {
		switch n {
		case 1:
			r.cut(w, q, r.iso, 1<<20)
		case 2:
			w.Header().Set("Content-Range", "bytes */1048576")
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return true
		}
		return false
	}
	r.request = Request{URL: r.URL + "/lone/own.iso"}
	r.fetchGood(t)
}

// A redirect to what is not fetched at all is refused at once.
func TestFetchRedirectToOtherSchemes(t *testing.T) {
	for _, to := range []string{"file:///etc/passwd", "ftp://127.0.0.1/x.iso"} {
		r := newRig(t)
		r.hooks["/lone/own.iso"] = func(w http.ResponseWriter, q *http.Request, n int) bool {
			http.Redirect(w, q, to, http.StatusFound)
			return true
		}
		if _, err := r.fetcher.Fetch(t.Context(), Request{URL: r.URL + "/lone/own.iso"}); err == nil || r.requests("/lone/own.iso") != 1 {
			t.Errorf("%s: %v after %d requests", to, err, r.requests("/lone/own.iso"))
		}
	}
}

// Nobody says how long an unverified file is: it is not taken, and the disk stays free.
func TestFetchUnverifiedWithoutEnd(t *testing.T) {
	r := newRig(t)
	r.hooks["/lone/own.iso"] = func(w http.ResponseWriter, q *http.Request, n int) bool {
		for {
			if _, err := w.Write(r.iso); err != nil {
				return true
			}
		}
	}
	if _, err := r.fetcher.Fetch(t.Context(), Request{URL: r.URL + "/lone/own.iso"}); !errors.Is(err, fetch.ErrNoLength) {
		t.Error(err)
	}
	if items, err := r.fetcher.Items(); err != nil || len(items) != 0 {
		t.Errorf("left: %+v, %v", items, err)
	}
}

func TestFetchDemandedHashDiffersFromChecksum(t *testing.T) {
	r := newRig(t)
	r.request.SHA256 = strings.Repeat("0", 64)
	if _, err := r.fetcher.Fetch(context.Background(), r.request); !errors.Is(err, ErrVerify) {
		t.Error(err)
	}
}

func TestFetchThroughProxy(t *testing.T) {
	r := newRig(t)
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		asked = append(asked, q.URL.String())
		q.RequestURI = ""
		r.ServeHTTP(w, q)
	}))
	defer proxy.Close()
	r.fetcher.Transport = &http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return url.Parse(proxy.URL) }}
	r.request.Mirror = "http://mirror.invalid"
	r.fetchGood(t)
	if len(asked) != 2 || !strings.HasPrefix(asked[0], "http://mirror.invalid/10/") {
		t.Errorf("the proxy was asked for %v", asked)
	}
}

func TestFetchCancelledWhileWaiting(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	reason := errors.New("stopped by a test")
	r.hooks[r.path] = func(w http.ResponseWriter, q *http.Request, n int) bool {
		cancel(reason)
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return true
	}
	if _, err := r.fetcher.Fetch(ctx, r.request); !errors.Is(err, reason) {
		t.Error(err)
	}
}

func BenchmarkDownload(b *testing.B) {
	r := newRig(b)
	r.fetcher.Sink = nil
	r.request = Request{URL: r.URL + "/big.iso"}
	r.iso = content(1, 64<<20)
	r.files["/big.iso"] = r.iso
	r.request.SHA256 = sumOf(r.iso)
	b.SetBytes(64 << 20)
	for b.Loop() {
		r.fetcher.Cache = b.TempDir()
		if _, err := r.fetcher.Fetch(context.Background(), r.request); err != nil {
			b.Fatal(err)
		}
	}
}
