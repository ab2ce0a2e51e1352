// Looking over the cache: what is in it, whether it is still right, and
// making room.

package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/imgasm/imgasm/internal/fetch"
)

// State of a cached file.
type State string

// The states.
const (
	Whole   State = "whole"   // verified when it was downloaded
	Partial State = "partial" // the beginning of a download, to be resumed
	Bad     State = "bad"     // failed verification, set aside
)

// Item is one file of the cache.
type Item struct {
	Path      string    `json:"path"`
	Name      string    `json:"name"`
	State     State     `json:"state"`
	SizeBytes int64     `json:"size"`
	SHA256    string    `json:"sha256,omitempty"`
	URL       string    `json:"url,omitempty"`
	Signer    string    `json:"signer,omitempty"`
	Fetched   time.Time `json:"fetched,omitzero"`
	Reason    string    `json:"reason,omitempty"` // of a bad file
	// Unverified: whole, but nothing said what its hash should be.
	Unverified bool `json:"unverified,omitempty"`

	entry entry
}

// Items lists the cache's files, whole ones first, each kind by name. A cache
// that does not exist is empty.
func (f *Fetcher) Items() ([]Item, error) {
	dirs, err := os.ReadDir(f.Cache)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var items []Item
	for _, d := range dirs {
		if !d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			continue
		}
		found, err := f.itemsOf(d.Name())
		if err != nil {
			return nil, err
		}
		items = append(items, found...)
	}
	order := []State{Whole, Partial, Bad}
	slices.SortStableFunc(items, func(a, b Item) int {
		return cmp.Or(slices.Index(order, a.State)-slices.Index(order, b.State), cmp.Compare(a.Name, b.Name))
	})
	return items, nil
}

func (f *Fetcher) itemsOf(key string) ([]Item, error) {
	e := f.entry(key, "")
	files, err := os.ReadDir(e.dir)
	if err != nil {
		return nil, err
	}
	rec, err := e.read()
	if err != nil {
		rec = &record{}
	}
	var items []Item
	for _, d := range files {
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // another imgasm is at work here
		}
		if err != nil {
			return nil, err
		}
		name := d.Name()
		it := Item{Path: filepath.Join(e.dir, name), Name: name, SizeBytes: info.Size()}
		switch {
		case !info.Mode().IsRegular():
			continue
		case name == rec.Name:
			it.State, it.SHA256, it.URL, it.Fetched, it.Unverified = Whole, rec.SHA256, rec.URL, rec.Fetched, rec.Unverified
			if rec.Signature != nil {
				it.Signer = rec.Signature.String()
			}
		case strings.HasSuffix(name, ".part"):
			it.State, it.Name = Partial, strings.TrimSuffix(name, ".part")
			if st, err := fetch.ReadState(it.Path); err == nil {
				it.URL = st.From
			}
		case strings.Contains(name, ".bad-") && !strings.HasSuffix(name, ".txt"):
			it.State, it.Name = Bad, name[:strings.LastIndex(name, ".bad-")]
			if b, err := os.ReadFile(it.Path + ".txt"); err == nil {
				it.Reason = strings.TrimSpace(string(b))
			}
		default:
			continue
		}
		it.entry = f.entry(key, it.Name)
		items = append(items, it)
	}
	return items, nil
}

// Verify reads a whole item again and compares it with its record. A file that
// fails is set aside, and the error is ErrVerify.
func (f *Fetcher) Verify(ctx context.Context, it Item) error {
	if it.State != Whole {
		return fmt.Errorf("%s is %s, nothing to verify", it.Path, it.State)
	}
	return f.withLock(ctx, it.entry, it.SizeBytes, func() error {
		sum, err := f.hashFile(ctx, it.Path, it.Name)
		if err != nil {
			return err
		}
		if sum == it.SHA256 {
			return nil
		}
		bad := &fetch.SumError{Want: it.SHA256, Got: sum}
		aside, err := setAside(it.Path, sum, bad.Error(), f.now())
		if err != nil {
			return err
		}
		return notVerified(it.Name, aside, bad)
	})
}

// CleanOptions says what Clean removes.
type CleanOptions struct {
	All       bool          // whole files too, not only partial and bad ones
	OlderThan time.Duration // only files not modified for this long; 0: all
	DryRun    bool          // only say what would go
}

// Clean removes files from the cache and returns those that went. Files that
// somebody is downloading now are left.
func (f *Fetcher) Clean(o CleanOptions) ([]Item, error) {
	items, err := f.Items()
	if err != nil {
		return nil, err
	}
	var gone []Item
	for _, it := range items {
		if it.State == Whole && !o.All {
			continue
		}
		st, err := os.Stat(it.Path)
		if err != nil || (o.OlderThan > 0 && f.now().Sub(st.ModTime()) < o.OlderThan) {
			continue
		}
		if !o.DryRun {
			removed, err := f.remove(it)
			if err != nil {
				return gone, err
			}
			if !removed {
				continue
			}
		}
		gone = append(gone, it)
	}
	return gone, nil
}

// remove deletes one item and what belongs to it, unless its lock is held.
func (f *Fetcher) remove(it Item) (bool, error) {
	if err := os.MkdirAll(filepath.Dir(it.entry.lock()), 0o755); err != nil {
		return false, err
	}
	l := flock.New(it.entry.lock())
	ok, err := l.TryLock()
	if err != nil || !ok {
		return false, err
	}
	defer l.Unlock()
	paths := []string{it.Path}
	switch it.State {
	case Whole:
		paths = append(paths, it.entry.record())
	case Partial:
		paths = append(paths, it.Path+".json")
	case Bad:
		paths = append(paths, it.Path+".txt")
	}
	if err := removeAll(paths...); err != nil {
		return false, err
	}
	// Only if nothing else is in it.
	_ = os.Remove(it.entry.dir)
	return true, nil
}
