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
// among the newest, and what interrupted builds left. What cannot be removed stays.
func prune(dir, arch string, now time.Time) {
	type file struct {
		path string
		used time.Time
	}
	list := func(pattern string) (files []file) {
		paths, _ := filepath.Glob(filepath.Join(dir, pattern)) // the pattern is right
		for _, p := range paths {
			if info, err := os.Stat(p); err == nil {
				files = append(files, file{p, info.ModTime()})
			}
		}
		slices.SortFunc(files, func(a, b file) int {
			return cmp.Or(b.used.Compare(a.used), cmp.Compare(a.path, b.path))
		})
		return files
	}
	isos := list("rehearsal-" + arch + "-*.iso")
	left := append(list("rehearsal-*.partial"), list(".*.partial")...)
	for _, f := range append(isos[min(keepISOs, len(isos)):], left...) {
		if now.Sub(f.used) > inUse {
			os.Remove(f.path)
		}
	}
}
