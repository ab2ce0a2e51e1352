// Where a file's blocks are.

package nodefs

import "sync/atomic"

// Extent is a run of blocks, of a file and of its device.
type Extent struct {
	Off, Count uint64 // in the file
	Block      uint64 // of the device
	Zero       bool   // a hole, or allocated and never written: no block is to be read
}

// Leaf is all that is mapped of a file's blocks Lo to Hi, in their order.
type Leaf struct {
	Lo, Hi  uint64
	Extents []Extent
}

// Add takes the next extent. It reports false of one that is empty, does not lie
// in the leaf's range, or not behind the one before.
func (l *Leaf) Add(e Extent) bool {
	from := l.Lo
	if n := len(l.Extents); n > 0 {
		from = l.Extents[n-1].Off + l.Extents[n-1].Count
	}
	if e.Count == 0 || e.Off < from || e.Off >= l.Hi || e.Count > l.Hi-e.Off {
		return false
	}
	l.Extents = append(l.Extents, e)
	return true
}

// at is the rest of an extent from a block of the leaf on, or of a hole up to the
// next extent or the leaf's end.
func (l *Leaf) at(off uint64) Extent {
	lo, hi := 0, len(l.Extents) // the first extent that ends after off
	for lo < hi {
		if m := (lo + hi) / 2; l.Extents[m].Off+l.Extents[m].Count <= off {
			lo = m + 1
		} else {
			hi = m
		}
	}
	end := l.Hi
	if lo < len(l.Extents) {
		if e := l.Extents[lo]; e.Off <= off {
			skip := off - e.Off
			return Extent{Off: off, Count: e.Count - skip, Block: e.Block + skip, Zero: e.Zero}
		}
		end = l.Extents[lo].Off
	}
	return Extent{Off: off, Count: end - off, Zero: true}
}

// Extents finds a file's extents. It keeps one leaf of them, whatever the file's size.
type Extents struct{ last atomic.Pointer[Leaf] }

// At returns what is at block off of the file: the rest of an extent from there,
// or of a hole up to the next extent or a place where to ask again. descend finds
// the leaf that has a block.
func (x *Extents) At(off uint64, descend func(off uint64) (*Leaf, error)) (Extent, error) {
	l := x.last.Load()
	if l == nil || off < l.Lo || off >= l.Hi {
		var err error
		if l, err = descend(off); err != nil {
			return Extent{}, err
		}
		x.last.Store(l)
	}
	return l.at(off), nil
}
