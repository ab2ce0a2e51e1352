package debian

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/rehearsal/debian/debiantest"
	"github.com/imgasm/imgasm/internal/fetch"
)

var today = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// content is what nothing compresses, and differs by seed.
func content(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// pool are the packages of the test's Debian by suite.
var pool = map[string][]debiantest.Package{
	mainSuite: {
		{Name: "linux-image-amd64", Version: "6.1.176-1", Depends: "linux-image-6.1.0-50-amd64 (= 6.1.176-1)", Data: content(1, 1000)},
		{Name: "linux-image-6.1.0-50-amd64", Version: "6.1.176-1", Depends: "kmod", Data: content(2, 300_000)},
		shim,
	},
	securitySuite: {
		{Name: "linux-image-amd64", Version: "6.1.192-3", Depends: "linux-image-6.1.0-57-amd64 (= 6.1.192-3)", Data: content(3, 1000)},
		kernel,
	},
}

var (
	kernel = debiantest.Package{Name: "linux-image-6.1.0-57-amd64", Version: "6.1.192-3", Depends: "kmod, linux-base (>= 4.3~)", Data: content(4, 300_000)}
	shim   = debiantest.Package{Name: "shim-signed", Version: "1:1.44+15.8-1", Data: content(5, 300_000)}
)

const (
	mainRelease = "/debian/dists/bookworm/InRelease"
	secRelease  = "/debian-security/dists/bookworm-security/InRelease"
)

var kernelPath = "/debian-security" + kernel.Path("amd64")

// A rig is an honest mirror with all of Debian, and a folder for it.
type rig struct {
	*debiantest.Mirror
	key   debiantest.Key
	o     Options
	notes []string
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{Mirror: debiantest.New(t), key: debiantest.NewKey(t, today)}
	for _, suite := range []string{mainSuite, securitySuite} {
		r.publish(t, suite, today.AddDate(0, 0, -2), nil)
	}
	r.o = Options{Dir: t.TempDir(), Arch: "amd64", Mirrors: mirrors(r.Mirror), Keys: r.key.Ring, Now: func() time.Time { return today },
		Note: func(text string) { r.notes = append(r.notes, text) },
		Client: fetch.Client{Tries: 3, Stall: 10 * time.Second, Sleep: func(ctx context.Context, _ time.Duration) error {
			return ctx.Err()
		}},
	}
	return r
}

func mirrors(m *debiantest.Mirror) Mirrors {
	return Mirrors{[]string{m.URL + "/debian"}, []string{m.URL + "/debian-security"}}
}

func (r *rig) publish(t testing.TB, suite string, day time.Time, change func(string) string) {
	t.Helper()
	r.Publish(t, r.key, suite, "amd64", day, change, pool[suite]...)
}

// fetch is what a rehearsal does.
func (r *rig) fetch() ([]string, error) {
	a, err := Open(context.Background(), r.o)
	if err != nil {
		return nil, err
	}
	kernel, err := a.Kernel()
	if err != nil {
		return nil, err
	}
	return a.Download(context.Background(), kernel, "shim-signed")
}

// good fetches and compares every byte.
func (r *rig) good(t testing.TB) []string {
	t.Helper()
	files, err := r.fetch()
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range []debiantest.Package{kernel, shim} {
		b, err := os.ReadFile(files[i])
		if err != nil || !bytes.Equal(b, p.Data) {
			t.Fatalf("%s: %d wrong bytes, %v", files[i], len(b), err)
		}
	}
	return files
}
