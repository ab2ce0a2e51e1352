// Names of directories that must be read to their end to find one.

package nodefs

import (
	"errors"
	"io"
	"io/fs"
	"sync"

	"github.com/imgasm/imgasm/internal/fault"
)

// EntryCost is what an entry takes besides its name, in a list or a map: bytes.
const EntryCost = 128

// Index finds names in directories, and keeps those of directories that were
// looked into, by their inode numbers. It may be used from many goroutines.
type Index struct {
	limit int

	mu   sync.Mutex
	dirs map[uint64]*names
	cost int
}

// names are those of a directory, or as much of it as could be read.
type names struct {
	entries map[string]Entry
	cost    int
	err     error // of a name that is not among them
}

// NewIndex keeps names of about limit bytes at most.
func NewIndex(limit int) *Index { return &Index{limit: limit, dirs: map[uint64]*names{}} }

// Lookup finds a name in the directory with a number, which list lists. Of two
// entries of one name the first counts. The error is fs.ErrNotExist, or list's.
func (x *Index) Lookup(dir uint64, name string, list func() Lister) (Entry, error) {
	x.mu.Lock()
	found := x.dirs[dir]
	x.mu.Unlock()
	if found == nil {
		found = read(list())
		x.keep(dir, found)
	}
	if e, ok := found.entries[name]; ok {
		return e, nil
	}
	return nil, found.err
}

func read(l Lister) *names {
	n := &names{entries: map[string]Entry{}, cost: 8 * EntryCost} // the directory itself
	for n.err == nil {
		var entries []Entry
		entries, n.err = l.Next()
		for _, e := range entries {
			if _, twice := n.entries[e.Name()]; !twice {
				n.entries[e.Name()] = e
				n.cost += EntryCost + len(e.Name())
			}
		}
	}
	if errors.Is(n.err, io.EOF) {
		n.err = fs.ErrNotExist
	}
	return n
}

// keep makes room for a directory, at the cost of all others.
func (x *Index) keep(dir uint64, n *names) {
	x.mu.Lock()
	defer x.mu.Unlock()
	known := errors.Is(n.err, fs.ErrNotExist) || fault.KindOf(n.err) == fault.Input
	if x.dirs[dir] != nil || !known { // a device may do better next time
		return
	}
	if x.cost+n.cost > x.limit {
		clear(x.dirs)
		x.cost = 0
	}
	x.dirs[dir] = n
	x.cost += n.cost
}
