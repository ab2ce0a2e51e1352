package source

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/imgasm/imgasm/internal/event"
)

// A cached file that was changed is found out by its size or time, or by
// Rehash where somebody hid even those.
func TestFetchChangedCache(t *testing.T) {
	r := newRig(t)
	f := r.fetchGood(t)
	flip := func() {
		t.Helper()
		b := bytes.Clone(r.iso)
		b[77] ^= 1
		if err := os.WriteFile(f.Path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	flip()
	if err := os.Chtimes(f.Path, today, today); err != nil {
		t.Fatal(err)
	}
	if f := r.fetchGood(t); f.Cached || len(r.asides(t)) != 1 {
		t.Errorf("%+v", f)
	}
	st, err := os.Stat(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	flip()
	if err := os.Chtimes(f.Path, st.ModTime(), st.ModTime()); err != nil {
		t.Fatal(err)
	}
	r.fetcher.Rehash = true
	if f := r.fetchGood(t); f.Cached {
		t.Errorf("%+v", f)
	}
	// Touched but not changed: hashed, found right, not downloaded.
	r.fetcher.Rehash = false
	if err := os.Chtimes(f.Path, today, today); err != nil {
		t.Fatal(err)
	}
	if f := r.fetchGood(t); !f.Cached {
		t.Errorf("%+v", f)
	}
}

func TestFetchConcurrently(t *testing.T) {
	r := newRig(t)
	release := make(chan struct{})
	var once sync.Once
	r.hooks[r.path] = func(w http.ResponseWriter, q *http.Request, n int) bool {
		<-release
		return false
	}
	sink := r.fetcher.Sink
	r.fetcher.Sink = func(e event.Event) {
		sink(e)
		if strings.Contains(e.Text, "waiting for it") {
			once.Do(func() { close(release) })
		}
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			f, err := r.fetcher.Fetch(context.Background(), r.request)
			if err != nil || f.SHA256 != sumOf(r.iso) {
				t.Errorf("%+v, %v", f, err)
			}
		}()
	}
	wg.Wait()
	if n := r.requests(r.path); n != 1 {
		t.Errorf("%d downloads of one file", n)
	}
}

func TestVerifyAndClean(t *testing.T) {
	r := newRig(t)
	f := r.fetchGood(t)
	items, err := r.fetcher.Items()
	if err != nil || len(items) != 1 {
		t.Fatalf("%+v, %v", items, err)
	}
	it := items[0]
	if it.State != Whole || it.Path != f.Path || !strings.Contains(it.Signer, "test mirror") {
		t.Errorf("%+v", it)
	}
	if err := r.fetcher.Verify(context.Background(), it); err != nil {
		t.Error(err)
	}
	if gone, err := r.fetcher.Clean(CleanOptions{}); err != nil || len(gone) != 0 {
		t.Errorf("a whole file was cleaned away: %v, %v", gone, err)
	}
	if err := os.WriteFile(it.Path, r.iso[1:], 0o644); err != nil {
		t.Fatal(err)
	}
	err = r.fetcher.Verify(context.Background(), it)
	aside := r.asides(t)
	if !errors.Is(err, ErrVerify) || len(aside) != 1 || !strings.HasSuffix(err.Error(), "set aside as "+aside[0]) {
		t.Errorf("a changed file: %v, %v", err, aside)
	}
	if gone, err := r.fetcher.Clean(CleanOptions{DryRun: true}); err != nil || len(gone) != 1 || !exists(aside[0]) {
		t.Errorf("%v, %v", gone, err)
	}
	r.fetchGood(t)
	if gone, err := r.fetcher.Clean(CleanOptions{All: true}); err != nil || len(gone) != 2 {
		t.Errorf("%v, %v", gone, err)
	}
	left, err := filepath.Glob(filepath.Join(r.fetcher.Cache, "s*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestLocal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "my.iso")
	b := content(1, 100_000)
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	f := &Fetcher{}
	got, err := f.Local(context.Background(), path, "")
	if err != nil || got.SHA256 != sumOf(b) || !got.Unverified || got.SizeBytes != 100_000 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = f.Local(context.Background(), path, sumOf(b)); err != nil || got.Unverified {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err = f.Local(context.Background(), path, strings.Repeat("a", 64)); !errors.Is(err, ErrVerify) || !exists(path) {
		t.Error(err)
	}
	if _, err = f.Local(context.Background(), filepath.Dir(path), ""); err == nil {
		t.Error("a folder was taken for an ISO")
	}
}

func TestLocalSigned(t *testing.T) {
	r := newRig(t)
	path := filepath.Join(t.TempDir(), "AlmaLinux-10.2-x86_64-boot.iso")
	if err := os.WriteFile(path, r.iso, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := r.fetcher.LocalSigned(context.Background(), path, r.request)
	if err != nil || f.Signature == nil || f.Unverified || f.Path != path {
		t.Errorf("%+v, %v", f, err)
	}
	if err := os.WriteFile(path, r.iso[1:], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := r.fetcher.LocalSigned(context.Background(), path, r.request); !errors.Is(err, ErrVerify) || strings.Contains(err.Error(), "set aside") || !exists(path) {
		t.Errorf("a changed file of the user's: %v", err)
	}
	for name, want := range map[string]string{"AlmaLinux-10.2-x86_64-dvd.iso": "does not name", "my.iso": "not named as"} {
		if _, err := r.fetcher.LocalSigned(context.Background(), filepath.Join(filepath.Dir(path), name), r.request); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The same ISO by its version, its address and its path.
func TestThreeWays(t *testing.T) {
	r := newRig(t)
	found, err := r.fetcher.Fetch(context.Background(), r.request)
	if err != nil {
		t.Fatal(err)
	}
	byURL, err := r.fetcher.Fetch(context.Background(), Request{URL: r.URL + r.path, SHA256: found.SHA256})
	if err != nil || byURL.Path != found.Path {
		t.Errorf("%+v, %v", byURL, err)
	}
	local, err := r.fetcher.Local(context.Background(), found.Path, found.SHA256)
	if err != nil || local.URL != "" || local.SHA256 != found.SHA256 {
		t.Errorf("%+v, %v", local, err)
	}
}
