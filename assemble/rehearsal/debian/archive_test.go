package debian

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/rehearsal/debian/debiantest"
	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/fetch"
	"github.com/imgasm/imgasm/internal/pgp"
)

func TestFetch(t *testing.T) {
	r := newRig(t)
	files := r.good(t)
	if base := filepath.Base(files[1]); base != "shim-signed_1%3a1.44+15.8-1_amd64.deb" {
		t.Errorf("kept as %s", base)
	}
	r.good(t)
	asked := r.Asked()
	if asked[kernelPath] != 1 || asked[mainRelease] != 2 {
		t.Errorf("the second time asks for more than what may have changed: %v", asked)
	}
	for path, n := range asked {
		if strings.Contains(path, "by-hash") && n != 1 {
			t.Errorf("%s is fetched %d times", path, n)
		}
	}
	if _, err := (&rig{o: func() Options { o := r.o; o.Arch = "riscv64"; return o }()}).fetch(); err == nil || !strings.Contains(err.Error(), "riscv64") {
		t.Errorf("an architecture that there is not: %v", err)
	}
	a, err := Open(context.Background(), r.o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Download(context.Background(), "no-such"); err == nil || !strings.Contains(err.Error(), "no package no-such in Debian 12") {
		t.Errorf("%v", err)
	}
}

// Offline all comes out of the folder, however old it is; with an empty one the
// error names the servers and the way out.
func TestOffline(t *testing.T) {
	r := newRig(t)
	r.o.Offline = true
	_, err := r.fetch()
	if !errors.Is(err, ErrFetch) || !strings.Contains(err.Error(), r.URL+"/debian") || !strings.Contains(fault.Hint(err, nil), "once without {Offline}") {
		t.Errorf("with an empty folder: %v", err)
	}
	if asked := r.Asked(); len(asked) > 0 {
		t.Errorf("the network was asked: %v", asked)
	}
	r.o.Offline = false
	r.good(t)
	r.o.Offline, r.o.Now = true, func() time.Time { return today.AddDate(1, 0, 0) }
	r.Asked()
	files := r.good(t)
	if asked := r.Asked(); len(asked) > 0 {
		t.Errorf("the network was asked: %v", asked)
	}
	os.Remove(files[0])
	if _, err := r.fetch(); !errors.Is(err, ErrFetch) || !strings.Contains(err.Error(), "linux-image-6.1.0-57-amd64_6.1.192-3_amd64.deb is not in the cache") {
		t.Errorf("without the kernel: %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	r := newRig(t)
	r.Close()
	_, err := r.fetch()
	if !errors.Is(err, ErrFetch) || !strings.Contains(err.Error(), r.URL+mainRelease) || !strings.Contains(fault.Hint(err, nil), "{Mirror}") || strings.Contains(fault.Hint(err, nil), "{ISO}") {
		t.Errorf("%v", err)
	}
}

// Whatever is damaged in the folder is fetched again.
func TestDamagedFolder(t *testing.T) {
	r := newRig(t)
	r.good(t)
	all, err := filepath.Glob(filepath.Join(r.o.Dir, "*"))
	if err != nil || len(all) != 6 {
		t.Fatalf("%v, %v", all, err)
	}
	for _, damage := range []func(string) error{
		func(f string) error { return os.Truncate(f, 100) },
		func(f string) error { return os.WriteFile(f, nil, 0o644) },
		func(f string) error {
			b, err := os.ReadFile(f)
			if err == nil {
				b[len(b)/2] ^= 1
				err = os.WriteFile(f, b, 0o644)
			}
			return err
		},
		func(f string) error { return os.WriteFile(f+".part", content(6, 200), 0o644) },
		os.Remove,
	} {
		for _, f := range all {
			if err := damage(f); err != nil {
				t.Fatal(err)
			}
			r.good(t)
		}
	}
}

// flood never ends.
func flood(w http.ResponseWriter, _ *http.Request) {
	for b := content(9, 1<<16); ; {
		if _, err := w.Write(b); err != nil {
			return
		}
	}
}

// lies are what a server can do to us.
var lies = map[string]struct {
	lie  func(t *testing.T, r *rig)
	says string // in the error
	ok   bool   // no harm is done: all comes
	is   error
}{
	"not signed": {says: "is not signed", is: pgp.ErrUnsigned, lie: func(t *testing.T, r *rig) {
		text := string(r.Files[mainRelease])
		r.Files[mainRelease] = []byte(text[strings.Index(text, "Origin"):strings.Index(text, "-----BEGIN PGP SIGNATURE")])
	}},
	"another key": {is: pgp.ErrUnknownKey, lie: func(t *testing.T, r *rig) {
		r.Publish(t, debiantest.NewKey(t, today), mainSuite, "amd64", today.AddDate(0, 0, -1), nil, pool[mainSuite]...)
	}},
	"altered": {is: pgp.ErrBad, lie: func(t *testing.T, r *rig) {
		r.Files[secRelease] = []byte(strings.Replace(string(r.Files[secRelease]), "Acquire-By-Hash: yes", "Acquire-By-Hash: no", 1))
	}},
	"words after the signature": {is: pgp.ErrBad, lie: func(t *testing.T, r *rig) {
		r.Files[secRelease] = append(r.Files[secRelease], "\nOrigin: Debian\n"...)
	}},
	"another suite": {says: "bookworm of Debian, not bookworm-security", lie: func(t *testing.T, r *rig) {
		r.Files[secRelease] = r.Files[mainRelease]
	}},
	"another distribution": {says: "bookworm of Ubuntu", lie: func(t *testing.T, r *rig) {
		r.publish(t, mainSuite, today.AddDate(0, 0, -1), func(s string) string { return strings.Replace(s, "Origin: Debian", "Origin: Ubuntu", 1) })
	}},
	"expired": {is: errExpired, says: "valid until 2026-11-27", lie: func(t *testing.T, r *rig) {
		r.publish(t, securitySuite, today.AddDate(0, 0, -9), nil)
	}},
	"an older one": {ok: true, lie: func(t *testing.T, r *rig) {
		r.good(t)
		r.publish(t, mainSuite, today.AddDate(0, 0, -5), nil)
		t.Cleanup(func() {
			if !strings.Contains(strings.Join(r.notes, "\n"), "was here before is used") {
				t.Errorf("nothing is said of it: %q", r.notes)
			}
		})
	}},
	"an older one that has expired": {is: errExpired, lie: func(t *testing.T, r *rig) {
		r.good(t)
		r.publish(t, mainSuite, today.AddDate(0, 0, -5), nil)
		r.o.Now = func() time.Time { return today.AddDate(0, 0, 6) }
		r.publish(t, securitySuite, today.AddDate(0, 0, 5), nil)
	}},
	"no date": {says: "no date", lie: func(t *testing.T, r *rig) {
		r.publish(t, mainSuite, today, func(s string) string { return strings.Replace(s, "\nDate:", "\nDay:", 1) })
	}},
	"a date of its own": {says: "Date", lie: func(t *testing.T, r *rig) {
		r.publish(t, mainSuite, today, func(s string) string { return strings.Replace(s, "\nDate: ", "\nDate: a ", 1) })
	}},
	"no index": {says: "has no index of packages for amd64", lie: func(t *testing.T, r *rig) {
		r.publish(t, mainSuite, today, func(s string) string { return strings.ReplaceAll(s, "binary-amd64", "binary-arm64") })
	}},
	"an index without an end": {says: "has no index of packages", lie: func(t *testing.T, r *rig) {
		r.publish(t, mainSuite, today, func(s string) string {
			return regexp.MustCompile(` \d+ main/`).ReplaceAllString(s, " 999999999999 main/")
		})
	}},
	"an endless InRelease": {says: "at most 4194304", lie: func(t *testing.T, r *rig) { r.Answer(mainRelease, flood) }},
	"the index is another": {says: "has SHA-256", lie: func(t *testing.T, r *rig) {
		b := r.index(mainRelease)
		b[len(b)/2] ^= 1
	}},
	"the index is cut short": {says: "it should have", lie: func(t *testing.T, r *rig) {
		path := r.indexPath(mainRelease)
		r.Files[path] = r.Files[path][:len(r.Files[path])/2]
	}},
	"the package is another": {says: "has SHA-256", lie: func(t *testing.T, r *rig) { r.Files[kernelPath] = content(7, 300_000) }},
	"the package is cut short": {says: "it should have", lie: func(t *testing.T, r *rig) {
		r.Files[kernelPath] = r.Files[kernelPath][:100_000]
	}},
	"the package does not end": {says: "it should have", lie: func(t *testing.T, r *rig) { r.Answer(kernelPath, flood) }},
	"the package is not there": {says: "404", lie: func(t *testing.T, r *rig) { delete(r.Files, kernelPath) }},
	"the connection always breaks": {says: "without progress", lie: func(t *testing.T, r *rig) {
		r.Answer(kernelPath, func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Content-Length", "300000")
			w.Write(content(8, 100))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		})
	}},
	"416 to the rest": {ok: true, lie: func(t *testing.T, r *rig) {
		r.part(t, kernel.Data[:100_000])
		r.Answer(kernelPath, func(w http.ResponseWriter, q *http.Request) {
			if q.Header.Get("Range") != "" {
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return
			}
			w.Write(r.Files[kernelPath])
		})
	}},
	"no ranges": {ok: true, lie: func(t *testing.T, r *rig) {
		r.part(t, kernel.Data[:100_000])
		r.Answer(kernelPath, func(w http.ResponseWriter, q *http.Request) { w.Write(r.Files[kernelPath]) })
	}},
	"the first half was another's": {ok: true, lie: func(t *testing.T, r *rig) { r.part(t, content(5, 100_000)) }},
	"it redirects to a file": {says: "file:///etc/passwd", lie: func(t *testing.T, r *rig) {
		r.Answer(kernelPath, func(w http.ResponseWriter, q *http.Request) {
			http.Redirect(w, q, "file:///etc/passwd", http.StatusFound)
		})
	}},
	"it redirects for ever": {says: "too often", lie: func(t *testing.T, r *rig) {
		r.Answer(mainRelease, func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, mainRelease, http.StatusFound) })
	}},
	"it says nothing": {is: fetch.ErrStalled, lie: func(t *testing.T, r *rig) {
		r.o.Client.Stall, r.o.Client.Tries = 100*time.Millisecond, 1
		r.Answer(mainRelease, func(w http.ResponseWriter, q *http.Request) { <-q.Context().Done() })
	}},
	"it drips": {is: fetch.ErrStalled, lie: func(t *testing.T, r *rig) {
		r.o.Client.Stall, r.o.Client.Tries = 200*time.Millisecond, 1
		r.Answer(kernelPath, func(w http.ResponseWriter, q *http.Request) {
			for q.Context().Err() == nil {
				w.Write([]byte("x"))
				w.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		})
	}},
}

// indexPath is where the server has the index of the suite of an InRelease file.
func (r *rig) indexPath(release string) string {
	for path := range r.Files {
		if strings.HasPrefix(path, filepath.Dir(release)+"/main/") {
			return path
		}
	}
	return ""
}

func (r *rig) index(release string) []byte { return r.Files[r.indexPath(release)] }

// part leaves the beginning of the kernel's package as an interrupted run does.
func (r *rig) part(t *testing.T, b []byte) {
	t.Helper()
	part := filepath.Join(r.o.Dir, filepath.Base(kernelPath)+".part")
	state := fmt.Sprintf(`{"url":%q,"from":%[1]q,"total":300000}`, r.URL+kernelPath)
	if err := errors.Join(os.WriteFile(part, b, 0o644), os.WriteFile(part+".json", []byte(state), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// A server that lies is found out, by name; nothing of what it said is used;
// and where another mirror is honest, its packages are.
func TestLies(t *testing.T) {
	for name, c := range lies {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			c.lie(t, r)
			files, err := r.fetch()
			if c.ok {
				if err != nil {
					t.Fatal(err)
				}
				r.good(t)
				return
			}
			if !errors.Is(err, ErrFetch) || !strings.Contains(err.Error(), r.URL) || !strings.Contains(err.Error(), c.says) || c.is != nil && !errors.Is(err, c.is) {
				t.Fatalf("%v, %v", files, err)
			}
			if fault.Hint(err, nil) == "" {
				t.Error("no advice")
			}
			kept, err := os.ReadFile(filepath.Join(r.o.Dir, filepath.Base(kernelPath)))
			if err == nil && !bytes.Equal(kept, kernel.Data) {
				t.Error("a wrong package is kept")
			}

			honest := debiantest.New(t)
			for _, suite := range []string{mainSuite, securitySuite} {
				honest.Publish(t, r.key, suite, "amd64", r.o.Now().AddDate(0, 0, -1), nil, pool[suite]...)
			}
			more := mirrors(honest)
			r.o.Mirrors.Archive = append(r.o.Mirrors.Archive, more.Archive...)
			r.o.Mirrors.Security = append(r.o.Mirrors.Security, more.Security...)
			r.good(t)
		})
	}
}

// A name that leads out of the folder is refused, whoever signed it.
func TestNames(t *testing.T) {
	for _, p := range []pkg{
		{name: "../x", version: "1", path: "pool/main/x.deb"},
		{name: "x", version: "1/2", path: "pool/main/x.deb"},
		{name: "x", version: "1", path: "pool/../x.deb"},
		{name: "x", version: "1", path: "../x.deb"},
		{name: "x", version: "1", path: "pool/main/x?y"},
		{name: "x", version: "1\n", path: "pool/main/x.deb"},
		{name: ".x", version: "1", path: "pool/main/x.deb"},
	} {
		if file, err := p.file("amd64"); err == nil {
			t.Errorf("%+v: %s", p, file)
		}
	}
}

func TestCancel(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(context.Background())
	r.Answer(mainRelease, func(w http.ResponseWriter, q *http.Request) { cancel(); <-q.Context().Done() })
	if _, err := Open(ctx, r.o); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// What Debian signed in November 2026 is signed by the pinned keys.
func TestRealReleases(t *testing.T) {
	keys, err := Keys()
	if err != nil {
		t.Fatal(err)
	}
	for suite, want := range map[string]struct{ date, until string }{
		mainSuite:     {"2026-07-11", "0001-01-01"},
		securitySuite: {"2026-11-28", "2026-12-05"},
	} {
		data := real(t, suite)
		r, err := readRelease(data, suite, keys, today)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.date.Format(time.DateOnly); got != want.date || r.validUntil.Format(time.DateOnly) != want.until || !r.byHash {
			t.Errorf("%s: %+v", suite, r)
		}
		for _, arch := range []string{"amd64", "arm64"} {
			if h := r.files["main/binary-"+arch+"/Packages.xz"]; !digest.Is(h.sha256) || h.size < 300_000 {
				t.Errorf("%s: %+v", suite, h)
			}
		}
		if err := r.current(today); err != nil {
			t.Error(err)
		}
		if _, err := readRelease([]byte(strings.Replace(string(data), "main", "mein", 1)), suite, keys, today); !errors.Is(err, pgp.ErrBad) {
			t.Errorf("%s, altered: %v", suite, err)
		}
	}
	r, err := readRelease(real(t, securitySuite), securitySuite, keys, today.AddDate(0, 0, 8))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.current(today.AddDate(0, 0, 8)); !errors.Is(err, errExpired) {
		t.Errorf("a week later: %v", err)
	}
}

func real(t *testing.T, suite string) []byte {
	t.Helper()
	f, err := os.Open("testdata/" + suite + ".InRelease.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The real thing, of the mirror that this system's apt has.
func TestE2EMirror(t *testing.T) {
	if os.Getenv("IMGASM_E2E") == "" {
		t.Skip("asks a mirror of Debian: run it with IMGASM_E2E=1 (make e2e)")
	}
	for _, arch := range []string{"amd64", "arm64"} {
		a, err := Open(context.Background(), Options{Dir: t.TempDir(), Arch: arch, Mirrors: SystemMirrors(os.DirFS("/etc/apt"))})
		if err != nil {
			t.Fatal(err)
		}
		kernel, err := a.Kernel()
		if err != nil {
			t.Fatal(err)
		}
		files, err := a.Download(context.Background(), "shim-signed", "grub-efi-"+arch+"-signed")
		if err != nil {
			t.Fatal(err)
		}
		t.Log(kernel, files)
		if !strings.HasPrefix(kernel, "linux-image-6.1.0-") || len(files) != 2 {
			t.Errorf("%s %v", kernel, files)
		}
	}
}
