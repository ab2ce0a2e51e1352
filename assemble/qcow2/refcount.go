// Metadata that is written as soon as it cannot change any more.

package qcow2

import (
	"bytes"
	"encoding/binary"
)

// refcounts count the references to the file's clusters, in 16 bits each.
// (Section "Host cluster management".)
type refcounts struct {
	dst     Target
	cluster int64
	places  []int64  // offsets of the refcount blocks
	open    [][]byte // the blocks that are not written yet, in order
	written int64    // how many are
	spare   []byte   // one that can be used again
}

// perBlock is how many clusters a refcount block counts.
func (r *refcounts) perBlock() int64 { return r.cluster / 2 }

// covered is how many clusters are counted by blocks that have a place.
func (r *refcounts) covered() int64 { return int64(len(r.places)) * r.perBlock() }

func (r *refcounts) place(offset int64) { r.places = append(r.places, offset) }

// add counts a reference to a cluster.
func (r *refcounts) add(cluster int64) {
	i := cluster/r.perBlock() - r.written
	for i >= int64(len(r.open)) {
		if r.spare == nil {
			r.spare = make([]byte, r.cluster)
		}
		r.open, r.spare = append(r.open, r.spare), nil
	}
	count := r.open[i][cluster%r.perBlock()*2:]
	binary.BigEndian.PutUint16(count, binary.BigEndian.Uint16(count)+1)
}

// write writes the blocks that have a place and count nothing but clusters
// before final, which get no more references.
func (r *refcounts) write(final int64) error {
	for len(r.open) > 0 && r.written < int64(len(r.places)) && (r.written+1)*r.perBlock() <= final {
		b := r.open[0]
		if err := writeSparse(r.dst, b, r.places[r.written]); err != nil {
			return err
		}
		clear(b)
		r.spare, r.open, r.written = b, r.open[1:], r.written+1
	}
	return nil
}

// table is the refcount table, n clusters long.
func (r *refcounts) table(n int64) []byte {
	b := make([]byte, n*r.cluster)
	for i, offset := range r.places {
		binary.BigEndian.PutUint64(b[i*entrySize:], uint64(offset))
	}
	return b
}

// tablePage is the part of the L1 table at hand: its entries come in order.
type tablePage struct {
	dst   Target
	table int64 // offset of the table
	at    int64 // of the page in the table
	buf   [block]byte
}

func (t *tablePage) set(index int64, entry uint64) error {
	if at := index * entrySize / block * block; at != t.at {
		if err := t.write(); err != nil {
			return err
		}
		t.at = at
	}
	binary.BigEndian.PutUint64(t.buf[index*entrySize%block:], entry)
	return nil
}

func (t *tablePage) write() error {
	if isZero(t.buf[:]) {
		return nil
	}
	_, err := t.dst.WriteAt(bytes.TrimRight(t.buf[:], "\x00"), t.table+t.at)
	clear(t.buf[:])
	return err
}
