package rehearsal

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The cache keeps the newest ISOs of each architecture, and every one that a
// build may still be using, however many there are.
func TestPrune(t *testing.T) {
	o := cached(t, 0)
	now := time.Now().Add(time.Hour)
	o.Now = func() time.Time { return now }
	dir := filepath.Join(o.CacheDir, "rehearsal")
	ages := map[string]time.Duration{
		"rehearsal-x86_64-1.iso":  5 * time.Hour,
		"rehearsal-x86_64-2.iso":  6 * time.Hour,
		"rehearsal-x86_64-3.iso":  700 * time.Hour,
		"rehearsal-x86_64-4.iso":  7 * time.Hour,
		"rehearsal-aarch64-1.iso": 800 * time.Hour, // another architecture's newest
		"notes.iso":               900 * time.Hour,
	}
	for name, age := range ages {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		taken(path, now.Add(-age))
	}
	in, err := Build(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"lock-amd64", "notes.iso", "packages-amd64.tar", "rehearsal-aarch64-1.iso", "rehearsal-x86_64-1.iso", "rehearsal-x86_64-2.iso", filepath.Base(in.ISO), "tools-amd64.tar"}
	slices.Sort(want)
	if d := cmp.Diff(want, names(t, dir)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}

	// A build that takes an old one out of the cache holds it.
	taken(in.ISO, now.Add(-1000*time.Hour))
	if _, err := Build(context.Background(), o, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"5", "6", "7"} {
		path := filepath.Join(dir, "rehearsal-x86_64-"+name+".iso")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		taken(path, now.Add(time.Minute))
	}
	prune(dir, "x86_64", now.Add(time.Hour))
	if _, err := os.Stat(in.ISO); err != nil {
		t.Errorf("an ISO is removed that a build took an hour ago: %v", err)
	}
	prune(dir, "x86_64", now.Add(inUse+time.Second))
	if _, err := os.Stat(in.ISO); err == nil {
		t.Error("an ISO that nobody uses stays beside three newer ones")
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}
