package rehearsal

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/rehearsal/debian"
	"github.com/imgasm/imgasm/assemble/rehearsal/debian/debiantest"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/pgp"
)

// mirrored is a mirror with small packages, and options to build from it with
// an empty cache.
func mirrored(t *testing.T) (signedMirror, Options) {
	t.Helper()
	now := time.Now().Truncate(time.Second)
	m, key := debiantest.New(t), debiantest.NewKey(t, now)
	files := append(fakeModules(), file{"boot/vmlinuz-6.1.0-1-test", "kernel"})
	day := now.AddDate(0, 0, -1)
	packages := toolDebs(t)
	packages = append(packages,
		debiantest.Package{Name: "shim-signed", Version: "1:1.5", Data: fakeDeb(t, "data.tar.gz", file{"usr/lib/shim/shimx64.efi.signed", "shim"})},
		debiantest.Package{Name: "grub-efi-amd64-signed", Version: "1", Data: fakeDeb(t, "data.tar.xz", file{"usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", string(fakeGRUB)})})
	m.Publish(t, key, "bookworm", "amd64", day, nil, packages...)
	m.Publish(t, key, "bookworm-security", "amd64", day, nil,
		debiantest.Package{Name: "linux-image-amd64", Version: "6.1.1-1", Depends: "linux-image-6.1.0-1-amd64 (= 6.1.1-1)", Data: []byte("x")},
		debiantest.Package{Name: "linux-image-6.1.0-1-amd64", Version: "6.1.1-1", Data: fakeDeb(t, "data.tar.xz", files...)})
	o := Options{Arch: arch.X86_64, CacheDir: t.TempDir(), Mirror: m.URL + "/debian", keys: key.Ring, sleep: func(context.Context, time.Duration) error { return nil }}
	return signedMirror{m, key}, o
}

// toolDebs are the packages of the guest's tools.
func toolDebs(t *testing.T) []debiantest.Package {
	t.Helper()
	var all []debiantest.Package
	for _, name := range toolPackages() {
		files := []file{{"usr/share/doc/" + name + "/copyright", "free"}}
		for _, f := range fakeTools(t, arch.X86_64).sorted() {
			if f.pkg == name {
				files = append(files, file{f.name, string(f.data)})
			}
		}
		all = append(all, debiantest.Package{Name: name, Version: "1", Data: fakeDeb(t, "data.tar.gz", files...)})
	}
	return all
}

type signedMirror struct {
	*debiantest.Mirror
	Key debiantest.Key
}

func TestBuildFromMirror(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // no apt, no anything
	m, o := mirrored(t)
	in, err := Build(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if in.Cached || in.Kernel != "6.1.0-1-test" || len(in.Origin) != 3 || in.Origin[0] != "linux-image-6.1.0-1-amd64_6.1.1-1_amd64" || in.Origin[1] != "shim-signed_1%3a1.5_amd64" {
		t.Errorf("%+v", in)
	}
	m.Asked()
	if in, err := Build(context.Background(), o, nil); err != nil || !in.Cached {
		t.Errorf("the second time: %+v, %v", in, err)
	}
	if asked := m.Asked(); len(asked) > 0 {
		t.Errorf("within a week the mirror is asked again: %v", asked)
	}

	// After a week it is asked what is new: nothing, so nothing is unpacked.
	weekLater := func(keep func(string) bool) []string {
		old := time.Now().Add(-8 * 24 * time.Hour)
		for _, name := range []string{"packages-amd64.tar", "tools-amd64.tar"} {
			if err := os.Chtimes(filepath.Join(o.CacheDir, "rehearsal", name), old, old); err != nil {
				t.Fatal(err)
			}
		}
		var said []string
		in, err := Build(context.Background(), o, func(e event.Event) {
			if keep(string(e.Kind) + " " + e.Text) {
				said = append(said, e.Text)
			}
		})
		if err != nil || !in.Cached {
			t.Fatalf("after a week: %+v, %v", in, err)
		}
		return said
	}
	if said := weekLater(func(s string) bool { return strings.Contains(s, "unpacking linux") }); len(said) > 0 {
		t.Errorf("the same packages are unpacked again: %q", said)
	}
	m.Close()
	if said := weekLater(func(s string) bool { return strings.HasPrefix(s, "warning") }); len(said) != 2 || !strings.Contains(said[0], "8 days ago") || !strings.Contains(said[0], m.URL) {
		t.Errorf("without the mirror: %q", said)
	}
	o.CacheDir = t.TempDir()
	if _, err := Build(context.Background(), o, nil); !errors.Is(err, debian.ErrFetch) || !errors.Is(err, ErrNoKernel) {
		t.Errorf("without the mirror, and without a cache: %v", err)
	}
}

// Whatever of the cache is damaged, cut short or missing, the next build makes
// it anew; offline too, as long as the packages are there.
func TestDamagedCache(t *testing.T) {
	_, o := mirrored(t)
	in, err := Build(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(in.ISO)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(o.CacheDir, "rehearsal")
	for _, offline := range []bool{false, true} {
		o.Offline = offline
		for _, path := range []string{in.ISO, filepath.Join(dir, "packages-amd64.tar"), filepath.Join(dir, "tools-amd64.tar")} {
			for name, damage := range map[string]func([]byte) []byte{
				"a bit":     func(b []byte) []byte { b[len(b)/2] ^= 4; return b },
				"the end":   func(b []byte) []byte { return b[:len(b)-7] },
				"all of it": func(b []byte) []byte { return nil },
			} {
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, damage(b), 0o644); err != nil {
					t.Fatal(err)
				}
				again, err := Build(context.Background(), o, nil)
				if err != nil {
					t.Fatalf("%s of %s is damaged: %v", name, path, err)
				}
				got, err := os.ReadFile(again.ISO)
				if err != nil || again.ISO != in.ISO || !bytes.Equal(got, want) || again.Cached != (path != in.ISO) {
					t.Errorf("%s of %s is damaged: %+v is another ISO, or %v", name, path, again, err)
				}
			}
		}
	}
}

// Two that begin at once on an empty cache both get the ISO, and one of them
// has fetched and built for both.
func TestTwoAtOnce(t *testing.T) {
	m, o := mirrored(t)
	isos := make([]*Installer, 4)
	errs := make([]error, len(isos))
	var all sync.WaitGroup
	for i := range isos {
		all.Go(func() { isos[i], errs[i] = Build(context.Background(), o, nil) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	built := 0
	for _, in := range isos {
		if in.ISO != isos[0].ISO {
			t.Errorf("%s and %s", in.ISO, isos[0].ISO)
		}
		if !in.Cached {
			built++
		}
	}
	if built != 1 {
		t.Errorf("%d of them have built it", built)
	}
	for path, n := range m.Asked() {
		if n != 1 && !strings.HasSuffix(path, "/InRelease") {
			t.Errorf("%s is asked for %d times", path, n)
		}
	}
}

// A process that is killed in any part of a cold build leaves nothing that the
// next one minds, which makes the same ISO.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("IMGASM_TEST_CACHE"); dir != "" {
		buildUntilKilled(t, dir)
		return
	}
	m, o := mirrored(t)
	in, err := Build(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	moments := []string{"unpacking linux-image", "unpacking grub", "writing the"}
	for path := range m.Asked() {
		if strings.Contains(path, "-security/") || strings.Contains(path, "/shim-signed") { // enough of a kind
			moments = append(moments, path)
		}
	}
	for _, moment := range moments {
		o.CacheDir = t.TempDir()
		ring := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(ring, m.Key.Public, 0o644); err != nil {
			t.Fatal(err)
		}
		child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		child.Env = append(os.Environ(), "IMGASM_TEST_CACHE="+o.CacheDir, "IMGASM_TEST_KEYS="+ring, "IMGASM_TEST_MIRROR="+o.Mirror)
		var killed atomic.Bool
		started := make(chan struct{})
		kill := func() { <-started; killed.Store(true); child.Process.Kill() }
		if data, found := m.Files[moment]; found {
			m.Answer(moment, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", strconv.Itoa(len(data)))
				w.Write(data[:len(data)/2])
				w.(http.Flusher).Flush()
				kill()
			})
		}
		stdout, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		close(started)
		var said strings.Builder
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			said.WriteString(lines.Text() + "\n")
			if strings.HasPrefix(lines.Text(), moment) {
				kill()
			}
		}
		if child.Wait() == nil || !killed.Load() {
			t.Fatalf("not killed at %s: %s", moment, said.String())
		}
		m.Answer(moment, nil)
		again, err := Build(context.Background(), o, nil)
		if err != nil || filepath.Base(again.ISO) != filepath.Base(in.ISO) {
			t.Errorf("killed at %s, then: %+v, %v", moment, again, err)
		}
	}
}

// buildUntilKilled is the child's part: it builds, and goes on only if it is not
// killed at what it says.
func buildUntilKilled(t *testing.T, cache string) {
	key, err := os.ReadFile(os.Getenv("IMGASM_TEST_KEYS"))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := pgp.ReadKeyring("test", key)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Arch: arch.X86_64, CacheDir: cache, Mirror: os.Getenv("IMGASM_TEST_MIRROR"), keys: ring}
	_, err = Build(context.Background(), o, func(e event.Event) {
		fmt.Println(e.Text)
		time.Sleep(50 * time.Millisecond)
	})
	t.Fatalf("it lives: %v", err)
}
