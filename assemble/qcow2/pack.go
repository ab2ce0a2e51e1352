// The packer gives every cluster its place in the file:
//
//	header | L1 table | clusters, each L2 table before what it maps | refcount table
//
// so that readers go forward. A refcount block stands before the first cluster
// that it counts. Whatever the size of the disk, the packer holds one L2 table,
// a page of the L1 table, and the refcount blocks that may still change.

package qcow2

import (
	"encoding/binary"
	"fmt"
)

type packer struct {
	geometry
	dst         Target
	compression Compression
	backing     backing

	next   int64 // the first cluster of the file that is free
	counts refcounts

	l1      tablePage
	l1Index int64  // of the L2 table at hand; -1: there is none
	l2At    int64  // its offset in the file
	l2      []byte // what it holds

	tail int64 // offset behind the last compressed cluster
}

func newPacker(dst Target, g geometry, c Compression) *packer {
	p := &packer{geometry: g, dst: dst, compression: c, l1Index: -1, l2: make([]byte, g.cluster)}
	p.counts = refcounts{dst: dst, cluster: g.cluster}
	p.takeRow(1) // the header
	p.l1 = tablePage{dst: dst, table: p.takeRow(divideUp(g.l1Entries*entrySize, g.cluster))}
	return p
}

// take gives a cluster, and a place to its refcount where that has none.
// It returns the cluster's offset.
func (p *packer) take() int64 {
	p.cover(1)
	return p.takeRow(1)
}

func (p *packer) takeRow(n int64) int64 {
	at := p.next
	for ; p.next < at+n; p.next++ {
		p.counts.add(p.next)
	}
	return at * p.cluster
}

// cover gives places to the refcount blocks that count all clusters in use and
// n more.
func (p *packer) cover(n int64) {
	for p.counts.covered() < p.next+n {
		p.counts.place(p.next * p.cluster)
		p.takeRow(1)
	}
}

// takePacked gives n bytes, fewer than a cluster, to a compressed cluster:
// behind the one before, where they hang together there. A cluster of the file
// counts a reference for each that it has a part of. 16 bits count them all: no
// compressed cluster is smaller than 1/1032 (deflate) or 73 bytes of 2 MiB and
// 10 of 4 KiB to 128 KiB (zstd).
func (p *packer) takePacked(n int64) int64 {
	last := p.lastPacked()
	switch inside := p.tail % p.cluster; {
	case last < p.next && inside+n <= p.cluster:
		p.counts.add(last)
	case last == p.next-1 && p.next < p.counts.covered():
		p.counts.add(last)
		p.takeRow(1)
	default:
		p.tail = p.take()
	}
	p.tail += n
	return p.tail - n
}

// lastPacked is the cluster in which the last compressed one ends, if there is
// room behind it, and none but few came since; else the next free one.
func (p *packer) lastPacked() int64 {
	last := p.tail / p.cluster
	if p.tail%p.cluster == 0 || last+p.counts.perBlock() < p.next {
		return p.next
	}
	return last
}

// place gives the clusters of a batch their places, and the batch its runs.
func (p *packer) place(b *batch) error {
	packed := 0
	for _, c := range b.pieces {
		guest := b.off/p.cluster + int64(c.cluster)
		if err := p.turnTo(guest / p.perL2); err != nil {
			return err
		}
		next := run{buf: b.data, from: c.cluster * int(p.cluster), n: int(p.cluster), blocks: true}
		var entry uint64
		if c.packed == 0 {
			next.at = p.take()
			entry = copied | uint64(next.at)
		} else {
			next = run{buf: b.packed, from: packed, n: c.packed, at: p.takePacked(int64(c.packed))}
			packed += c.packed
			var err error
			if entry, err = p.packedEntry(next.at, int64(c.packed)); err != nil {
				return err
			}
		}
		binary.BigEndian.PutUint64(p.l2[guest%p.perL2*entrySize:], entry)
		b.addRun(next)
	}
	return p.counts.write(p.lastPacked())
}

// packedEntry is the L2 entry of a compressed cluster. (Section "Cluster
// mapping", "Compressed Clusters Descriptor".)
func (p *packer) packedEntry(at, n int64) (uint64, error) {
	x := 62 - (p.clusterBits - 8)
	if at+n > 1<<min(x, 56) {
		return 0, fmt.Errorf("compressed data past the offset of 2^%d bytes: %w", min(x, 56), ErrTooLarge)
	}
	more := (at%sectorSize+n+sectorSize-1)/sectorSize - 1
	return compressed | uint64(more)<<x | uint64(at), nil
}

// turnTo writes the L2 table at hand, if it is another than that of l1Index.
func (p *packer) turnTo(l1Index int64) error {
	if l1Index == p.l1Index {
		return nil
	}
	if p.l1Index >= 0 {
		if err := writeSparse(p.dst, p.l2, p.l2At); err != nil {
			return err
		}
		if err := p.l1.set(p.l1Index, copied|uint64(p.l2At)); err != nil {
			return err
		}
		clear(p.l2)
	}
	if p.l1Index = l1Index; l1Index >= 0 {
		p.l2At = p.take()
	}
	return nil
}

// finish writes what is left; the header last, so that nothing else is an image.
func (p *packer) finish() error {
	if err := p.turnTo(-1); err != nil {
		return err
	}
	if err := p.l1.write(); err != nil {
		return err
	}
	n := p.tableClusters()
	if n*p.cluster > max(maxTableSize, p.cluster) {
		return fmt.Errorf("refcount table of %d bytes, QEMU reads %d: %w", n*p.cluster, maxTableSize, ErrTooLarge)
	}
	table := p.takeRow(n)
	p.cover(0)
	if err := p.counts.write(p.counts.covered()); err != nil {
		return err
	}
	if err := writeSparse(p.dst, p.counts.table(n), table); err != nil {
		return err
	}
	if err := p.dst.Truncate(p.next * p.cluster); err != nil {
		return err
	}
	h := layout{p.geometry, p.compression, p.backing, p.l1.table, table, n}.header()
	_, err := p.dst.WriteAt(h, 0)
	return err
}

// tableClusters is how many clusters the refcount table takes, which lists also
// the refcount blocks that count its own clusters and each other.
func (p *packer) tableClusters() int64 {
	have := p.counts.covered() / p.counts.perBlock()
	for n := int64(1); ; n++ {
		blocks := have
		for blocks*p.counts.perBlock() < p.next+n+blocks-have {
			blocks++
		}
		if blocks*entrySize <= n*p.cluster {
			return n
		}
	}
}

// run is what goes to the file in one call.
type run struct {
	buf     []byte
	from, n int   // what of buf
	at      int64 // offset in the file
	blocks  bool  // whole clusters, in which blocks of zeros are left out
}

// addRun adds a run, to the last one if it follows that both in memory and in
// the file.
func (b *batch) addRun(next run) {
	if len(b.runs) > 0 {
		last := &b.runs[len(b.runs)-1]
		if last.blocks == next.blocks && last.from+last.n == next.from && last.at+int64(last.n) == next.at {
			last.n += next.n
			return
		}
	}
	b.runs = append(b.runs, next)
}

func (r run) write(dst Target) error {
	data := r.buf[r.from : r.from+r.n]
	if r.blocks {
		return writeSparse(dst, data, r.at)
	}
	_, err := dst.WriteAt(data, r.at)
	return err
}
