// The cache: what it holds, and making room.

package host

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/tmpdir"
)

// Cache is one of the folders of CacheDir.
type Cache struct {
	Name      string    `json:"name"`
	Path      string    `json:"path"`
	What      string    `json:"what"`
	SizeBytes int64     `json:"sizeBytes"`
	Written   time.Time `json:"written,omitzero"` // last
}

// ISOCache is the name of the cache that package source keeps, and cleans.
const ISOCache = "iso"

// whatOf says what is in each cache.
var whatOf = map[string]string{
	ISOCache:    "installer ISOs: imgasm source list",
	"rehearsal": "installer ISOs of rehearsals, and the packages that they are made of",
	"firmware":  "UEFI firmware, unpacked from packages",
	"nixos":     "the flake of the NixOS images, with its lock",
	"qemu":      "what was found out about QEMU and its accelerators",
	"remote":    "programs for other hosts, and the inputs of builds for others",
}

// CacheNames are the names of the caches that imgasm keeps.
func CacheNames() []string { return slices.Sorted(maps.Keys(whatOf)) }

// notCache is what lies beside caches and cannot be made again: the builds of
// others, and images of theirs that are not fetched yet.
const notCache = "remote/jobs"

// Caches are the folders of CacheDir, by name. A CacheDir that does not exist
// has none.
func (h Host) Caches() ([]Cache, error) {
	entries, err := list(h.CacheDir)
	if err != nil {
		return nil, err
	}
	var all []Cache
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		c := Cache{Name: e.Name(), Path: filepath.Join(h.CacheDir, e.Name()), What: cmp.Or(whatOf[e.Name()], "not known to this imgasm")}
		parts, err := c.parts()
		if err != nil {
			return nil, err
		}
		for _, p := range parts {
			c.SizeBytes += p.SizeBytes
			if p.Written.After(c.Written) {
				c.Written = p.Written
			}
		}
		all = append(all, c)
	}
	return all, nil
}

// CachePart is a file or folder of a cache that goes or stays as a whole.
type CachePart struct {
	Path      string    `json:"path"`
	SizeBytes int64     `json:"sizeBytes"`
	Written   time.Time `json:"written,omitzero"`
}

// ErrInUse is a cache that cannot be cleaned now.
var ErrInUse = fault.Class(fault.Host, "another imgasm works in it")

// Clean removes what was not written for a time, or with 0 all that is there, and
// returns what it was; dry: it only says what that is. A cache that another
// imgasm has locked is left as it is: ErrInUse.
func (c Cache) Clean(olderThan time.Duration, now time.Time, dry bool) (gone []CachePart, err error) {
	unlock, err := c.lock()
	if err != nil {
		return nil, err
	}
	if unlock == nil {
		return nil, ErrInUse
	}
	defer unlock()
	parts, err := c.parts()
	if err != nil {
		return nil, err
	}
	bin := ""
	for _, p := range parts {
		if now.Sub(p.Written) < olderThan {
			continue
		}
		if !dry {
			if bin == "" { // a folder goes at once, and not in the middle of its files
				var remove func()
				if bin, remove, err = tmpdir.Hidden(filepath.Dir(c.Path)); err != nil {
					return gone, err
				}
				defer remove()
			}
			if err := publish.Rename(p.Path, filepath.Join(bin, filepath.Base(p.Path))); err != nil {
				return gone, err
			}
		}
		gone = append(gone, p)
	}
	return gone, nil
}

// lock takes the locks of a cache; nil: somebody holds one.
func (c Cache) lock() (unlock func(), err error) {
	paths, err := filepath.Glob(filepath.Join(c.Path, lockPrefix+"*"))
	if err != nil {
		return nil, err
	}
	var held []*flock.Flock
	unlock = func() {
		for _, l := range held {
			_ = l.Close()
		}
	}
	for _, path := range paths {
		l := flock.New(path)
		ok, err := l.TryLock()
		if err != nil || !ok {
			unlock()
			return nil, err
		}
		held = append(held, l)
	}
	return unlock, nil
}

// lockPrefix begins the names of files by which a cache is locked.
const lockPrefix = "lock-"

// parts are the files and folders that a cache holds.
func (c Cache) parts() (all []CachePart, err error) {
	entries, err := list(c.Path)
	for _, e := range entries {
		if c.Name+"/"+e.Name() == notCache || strings.HasPrefix(e.Name(), lockPrefix) {
			continue
		}
		p := CachePart{Path: filepath.Join(c.Path, e.Name())}
		err := filepath.WalkDir(p.Path, func(_ string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) { // another imgasm is at work here
				return nil
			} else if err != nil {
				return err
			}
			info, err := d.Info()
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			case !d.IsDir():
				p.SizeBytes += info.Size()
			}
			if info.ModTime().After(p.Written) { // a package's files are older than their folder here
				p.Written = info.ModTime()
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, err
}

// list is what a folder holds; one that is not there holds nothing.
func list(dir string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return entries, err
}
