// Package debiantest is a mirror of Debian for tests, on the loopback
// interface and signed by a key that is thrown away.
package debiantest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ulikunitz/xz"

	"github.com/imgasm/imgasm/internal/pgp/pgptest"
)

// Key signs suites. It was made a year before the time that it was made for.
type Key struct {
	pgptest.Key
	now time.Time
}

// NewKey makes a key for signatures at the time now.
func NewKey(t testing.TB, now time.Time) Key {
	return Key{pgptest.New(t, now.AddDate(-1, 0, 0), 0), now}
}

// Package is one package of the mirror.
type Package struct {
	Name, Version, Depends string
	Data                   []byte
}

// Path is where the mirror has it, below the suite's root.
func (p Package) Path(arch string) string {
	_, version, found := strings.Cut(p.Version, ":")
	if !found {
		version = p.Version
	}
	return "/pool/main/" + p.Name + "/" + p.Name + "_" + version + "_" + arch + ".deb"
}

// Mirror has Debian's layout below /debian and /debian-security.
type Mirror struct {
	*httptest.Server
	Files map[string][]byte // by path; not to be changed while something is asked for

	mu     sync.Mutex
	answer map[string]http.HandlerFunc
	asked  map[string]int
}

// New starts a mirror that has nothing.
func New(t testing.TB) *Mirror {
	m := &Mirror{Files: map[string][]byte{}, answer: map[string]http.HandlerFunc{}, asked: map[string]int{}}
	m.Server = httptest.NewServer(m)
	t.Cleanup(m.Close)
	return m
}

func (m *Mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	m.asked[r.URL.Path]++
	answer := m.answer[r.URL.Path]
	m.mu.Unlock()
	b, found := m.Files[r.URL.Path]
	switch {
	case answer != nil:
		answer(w, r)
	case !found:
		http.NotFound(w, r)
	default:
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	}
}

// Answer has h answer in the place of the file at path; nil: the file again.
func (m *Mirror) Answer(path string, h http.HandlerFunc) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answer[path] = h
}

// Asked returns how often each path was asked for since the last call.
func (m *Mirror) Asked() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	asked := m.asked
	m.asked = map[string]int{}
	return asked
}

// Root is the path below which the mirror has a suite.
func Root(suite string) string {
	if strings.HasSuffix(suite, "-security") {
		return "/debian-security"
	}
	return "/debian"
}

// Publish puts a suite of the day on the mirror, with its packages. change may
// be nil, or alter the text that is signed.
func (m *Mirror) Publish(t testing.TB, by Key, suite, arch string, day time.Time, change func(string) string, packages ...Package) {
	t.Helper()
	var text strings.Builder
	for _, p := range packages {
		fmt.Fprintf(&text, "Package: %s\nArchitecture: %s\nVersion: %s\nDepends: %s\nDescription: a package\nFilename: %s\nSize: %d\nSHA256: %s\n\n",
			p.Name, arch, p.Version, p.Depends, p.Path(arch)[1:], len(p.Data), Sum(p.Data))
		m.Files[Root(suite)+p.Path(arch)] = p.Data
	}
	fmt.Fprintf(&text, "Package: day\nVersion: %d\n\n", day.Unix()) // indexes differ from day to day
	var index bytes.Buffer
	w, err := xz.WriterConfig{DictCap: 1 << 16}.NewWriter(&index)
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte(text.String()))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	sum, dir := Sum(index.Bytes()), Root(suite)+"/dists/"+suite+"/"
	release := fmt.Sprintf("Origin: Debian\nLabel: Debian\nCodename: %s\nDate: %s\nValid-Until: %s\nAcquire-By-Hash: yes\n"+
		"MD5Sum:\n %032d %d main/binary-%s/Packages.xz\nSHA256:\n %s %[5]d main/binary-%[6]s/Packages.xz\n",
		suite, day.Format(time.RFC1123), day.AddDate(0, 0, 7).Format(time.RFC1123), 0, index.Len(), arch, sum)
	if change != nil {
		release = change(release)
	}
	m.Files[dir+"InRelease"] = by.Sign(t, release, by.now.Add(-time.Hour), 0)
	m.Files[dir+"main/binary-"+arch+"/by-hash/SHA256/"+sum] = index.Bytes()
}

// Sum is the SHA-256 of b in hexadecimal digits.
func Sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
