// The cache's installer ISOs: every change of the guest or of the kernel makes
// another one, of some 20 MB.

package rehearsal

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	// keepISOs is how many ISOs of an architecture stay: the newest ones.
	keepISOs = 3
	// inUse is how long an ISO stays that a build has taken, whatever else there
	// is. It is longer than a build may take by default.
	inUse = 4 * time.Hour
)

// taken notes that a build uses an ISO from now on. In a cache of another user
// that may be forbidden, and then nothing can be removed either.
func taken(path string, now time.Time) { _ = os.Chtimes(path, now, now) }

// prune removes the ISOs of an architecture that no build uses and that are not
// among the newest. What cannot be removed stays.
func prune(dir, arch string, now time.Time) {
	type file struct {
		path string
		used time.Time
	}
	var isos []file
	paths, _ := filepath.Glob(filepath.Join(dir, "rehearsal-"+arch+"-*.iso")) // the pattern is right
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil {
			isos = append(isos, file{p, info.ModTime()})
		}
	}
	slices.SortFunc(isos, func(a, b file) int {
		return cmp.Or(b.used.Compare(a.used), cmp.Compare(a.path, b.path))
	})
	for _, f := range isos[min(keepISOs, len(isos)):] {
		if now.Sub(f.used) > inUse {
			os.Remove(f.path)
		}
	}
}
