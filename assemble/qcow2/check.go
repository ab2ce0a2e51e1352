// Checking: the references to the file's clusters are counted and compared with
// the refcounts that the image has.

package qcow2

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/imgasm/imgasm/internal/fault"
)

// CheckResult is what Check has found. Clusters are the image's.
type CheckResult struct {
	Clusters   int64 `json:"clusters"`   // that the disk has
	Allocated  int64 `json:"allocated"`  // of them, that have a place in the file
	Compressed int64 `json:"compressed"` // of those
	// Leaks are clusters of the file that are counted as used more often than
	// they are. They cost room, and harm nothing.
	Leaks int64 `json:"leaks"`
	// Errors are contradictions by which data are lost, or will be by the next
	// write; Findings tells of the first of them.
	Errors   int64    `json:"errors"`
	Findings []string `json:"findings,omitempty"`
}

// ErrUnchecked is for images whose references cannot all be counted.
var ErrUnchecked = fault.Class(fault.Input, "it holds persistent bitmaps, whose clusters are not counted")

const (
	maxFindings  = 20
	maxSnapshots = 1 << 16 // QEMU's limit
)

// checkWindow is how many clusters of the file are counted in one pass: in 32 MiB
// of memory.
var checkWindow int64 = 8 << 20

// Check compares the refcounts of an image of fileSize bytes with the references
// that its tables have: those of the disk, of snapshots, and of the refcounts
// themselves. It reads metadata only. (Section "Host cluster management".)
//
// Errors: those of ReadHeader; ErrDamaged if the tables are not where they could
// be; ErrUnchecked; those of ctx and r.
func Check(ctx context.Context, r io.ReaderAt, fileSize int64) (CheckResult, error) {
	h, err := ReadHeader(r, fileSize)
	if err != nil {
		return CheckResult{}, err
	}
	if h.bitmaps {
		return CheckResult{}, ErrUnchecked
	}
	m := &Image{r: r, fileSize: fileSize, header: h}
	m.tables.limit = cacheBytes / maxTablePage
	c := checker{Image: m, ctx: ctx, fileClusters: divideUp(fileSize, h.ClusterSize) + 1}
	c.Clusters = divideUp(h.Size, h.ClusterSize)
	if err := c.findL1s(); err != nil {
		return CheckResult{}, err
	}
	for first := int64(0); first < c.fileClusters; first += checkWindow {
		c.first = first
		n := min(checkWindow, c.fileClusters-first)
		if c.counts == nil {
			c.counts = make([]uint32, n)
		}
		c.counts = c.counts[:n]
		clear(c.counts)
		if err := c.count(); err != nil {
			return c.CheckResult, err
		}
		if err := c.compare(); err != nil {
			return c.CheckResult, err
		}
	}
	return c.CheckResult, nil
}

// checker counts the references to a window of the file's clusters.
type checker struct {
	*Image
	CheckResult
	ctx          context.Context
	fileClusters int64  // and one more: a compressed cluster's last sector may lie past the end
	l1s          []span // the disk's, then the snapshots'
	snapshots    span   // their table
	first        int64  // of the window
	counts       []uint32
	l1           []byte // a buffer
}

// wrong notes what is wrong.
func (c *checker) wrong(format string, args ...any) {
	if c.Errors++; len(c.Findings) < maxFindings {
		c.Findings = append(c.Findings, fmt.Sprintf(format, args...))
	}
}

// fault is wrong for what every pass sees: the first one notes it.
func (c *checker) fault(format string, args ...any) {
	if c.first == 0 {
		c.wrong(format, args...)
	}
}

// refer counts a reference to a range of the file, of whatever is named.
func (c *checker) refer(s span, what string) bool {
	size := c.header.ClusterSize
	if s.n <= 0 || s.at > c.fileClusters*size || s.n > c.fileClusters*size-s.at {
		c.fault("%s stands at %d, past the file's end", what, s.at)
		return false
	}
	for i := s.at/size - c.first; i <= (s.at+s.n-1)/size-c.first; i++ {
		if i >= 0 && i < int64(len(c.counts)) && c.counts[i] < 1<<32-1 {
			c.counts[i]++
		}
	}
	return true
}

// referCluster is refer for what takes a whole cluster, and begins where one does.
func (c *checker) referCluster(at int64, what string) bool {
	if at%c.header.ClusterSize != 0 {
		c.fault("%s stands at %d, in the midst of a cluster", what, at)
		return false
	}
	return c.refer(span{at, c.header.ClusterSize}, what)
}

// findL1s lists the L1 tables. (Section "Snapshots".)
func (c *checker) findL1s() error {
	h := &c.header
	c.l1s = []span{{h.l1, h.l1Entries * entrySize}}
	at := h.snapshots
	if h.Snapshots > maxSnapshots {
		return damaged("%d snapshots; QEMU has at most %d", h.Snapshots, maxSnapshots)
	}
	for range h.Snapshots {
		if c.ctx.Err() != nil {
			return context.Cause(c.ctx)
		}
		var b [40]byte
		if at > c.fileSize-int64(len(b)) {
			return damaged("its table of %d snapshots goes past the file's end", h.Snapshots)
		}
		if err := readFull(c.r, b[:], at); err != nil {
			return err
		}
		be := binary.BigEndian
		c.l1s = append(c.l1s, span{int64(be.Uint64(b[:]) &^ copied), int64(be.Uint32(b[8:])) * entrySize})
		at = roundUp(at+40+int64(be.Uint32(b[36:]))+int64(be.Uint16(b[12:]))+int64(be.Uint16(b[14:])), 8)
	}
	for _, l1 := range c.l1s {
		if l1.n > maxL1Entries*entrySize || l1.at%h.ClusterSize != 0 || l1.at > c.fileSize || l1.n > c.fileSize-l1.at {
			return damaged("an L1 table of %d bytes at %d", l1.n, l1.at)
		}
	}
	if t := h.refcounts; t.n > max(maxTableSize, h.ClusterSize) || t.at%h.ClusterSize != 0 || t.at > c.fileSize || t.n > roundUp(c.fileSize, h.ClusterSize)-t.at {
		return damaged("a refcount table of %d bytes at %d", t.n, t.at)
	}
	c.snapshots = span{h.snapshots, at - h.snapshots}
	return nil
}

// count goes through all that refers to clusters.
func (c *checker) count() error {
	h := &c.header
	c.refer(span{0, h.ClusterSize}, "the header")
	c.refer(h.refcounts, "the refcount table")
	if h.cryptoHeader.n > 0 {
		c.refer(h.cryptoHeader, "the encryption's header")
	}
	blocks, err := c.refcountBlocks()
	if err != nil {
		return err
	}
	if c.snapshots.n > 0 {
		c.refer(c.snapshots, "the table of snapshots")
	}
	for i, l1 := range c.l1s {
		if l1.n > 0 {
			c.refer(l1, "an L1 table")
		}
		if err := c.countL1(l1, i == 0); err != nil {
			return err
		}
	}
	for _, block := range blocks {
		if i := block/h.ClusterSize - c.first; i >= 0 && i < int64(len(c.counts)) && c.counts[i] > 1 {
			c.wrong("the refcount block at %d is used for something else too", block)
		}
	}
	return nil
}

// refcountBlocks refers to the refcount blocks, and lists them.
func (c *checker) refcountBlocks() (blocks []int64, err error) {
	table := c.header.refcounts
	for at := int64(0); at < table.n; at += entrySize {
		e, err := c.entry(table.at, at)
		if err != nil {
			return nil, err
		}
		if e[0]&(1<<9-1) != 0 {
			c.fault("reserved bits are set in the refcount table, entry %d", at/entrySize)
		}
		if block := int64(e[0] &^ (1<<9 - 1)); block != 0 && c.referCluster(block, "a refcount block") {
			blocks = append(blocks, block)
		}
	}
	return blocks, nil
}

// countL1 goes through an L1 table, the disk's or a snapshot's.
func (c *checker) countL1(l1 span, disk bool) error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	b := slices.Grow(c.l1[:0], int(l1.n))[:l1.n]
	c.l1 = b
	if err := readFull(c.r, b, l1.at); err != nil {
		return err
	}
	l2s := make([]uint64, 0, len(b)/entrySize)
	for i := 0; i < len(b); i += entrySize {
		if e := binary.BigEndian.Uint64(b[i:]); e != 0 {
			l2s = append(l2s, e)
		}
	}
	seen := make([]uint64, 0, len(l2s))
	for _, e := range l2s {
		seen = append(seen, e&offsetMask)
	}
	slices.Sort(seen)
	if twice := len(seen) - len(slices.Compact(seen)); twice > 0 {
		c.fault("%d entries of the L1 table at %d lead to L2 tables of others", twice, l1.at)
		return nil // or it would take for ever
	}
	for _, e := range l2s {
		if c.ctx.Err() != nil {
			return context.Cause(c.ctx)
		}
		l2 := int64(e & offsetMask)
		if e&(reserved|compressed|zeroFlag) != 0 {
			c.fault("reserved bits are set in an entry of the L1 table at %d", l1.at)
		}
		if !c.referCluster(l2, "an L2 table") {
			continue
		}
		if disk {
			if err := c.checkCopied(e, l2, "L2 table"); err != nil {
				return err
			}
		}
		if err := c.countL2(l2, disk); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) countL2(l2 int64, disk bool) error {
	h := &c.header
	for at := int64(0); at < h.ClusterSize; at += h.l2Size() {
		es, err := c.entry(l2, at)
		if err != nil {
			return err
		}
		e := es[0]
		place := int64(e & offsetMask)
		if e&compressed != 0 {
			if h.dataFile || e&copied != 0 && disk {
				c.fault("a compressed cluster in a data file, or marked as written in place: L2 table at %d, entry %d", l2, at/h.l2Size())
			}
			if disk && c.first == 0 {
				c.Allocated++
				c.Compressed++
			}
			begin, n := c.packedAt(e)
			c.refer(span{begin, n}, "a compressed cluster")
			continue
		}
		if e&reserved != 0 {
			c.fault("reserved bits are set: L2 table at %d, entry %d", l2, at/h.l2Size())
		}
		if place == 0 && (!h.dataFile || e&copied == 0) {
			continue
		}
		if disk && c.first == 0 {
			c.Allocated++
		}
		if h.dataFile { // whose clusters nobody counts, and all are written in place
			if e&copied == 0 {
				c.fault("a cluster of the data file is not marked as written in place: L2 table at %d, entry %d", l2, at/h.l2Size())
			}
			continue
		}
		if c.referCluster(place, "a cluster") && disk {
			if err := c.checkCopied(e, place, "cluster"); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkCopied holds an entry's flag "copied" against the refcount, by which QEMU
// decides whether it writes in place.
func (c *checker) checkCopied(entry uint64, at int64, what string) error {
	n, err := c.refcount(at / c.header.ClusterSize)
	if err == nil && (n == 1) != (entry&copied != 0) {
		c.fault("the %s at %d has a refcount of %d, and its entry says otherwise", what, at, n)
	}
	return err
}

// refcount is what the image has as the refcount of one of its file's clusters.
func (c *checker) refcount(cluster int64) (uint64, error) {
	h := &c.header
	bits := int64(h.RefcountBits)
	perBlock := h.ClusterSize * 8 / bits
	if cluster/perBlock*entrySize >= h.refcounts.n {
		return 0, nil
	}
	e, err := c.entry(h.refcounts.at, cluster/perBlock*entrySize)
	if err != nil {
		return 0, err
	}
	block := int64(e[0] &^ (1<<9 - 1))
	if block == 0 || block%h.ClusterSize != 0 || block < 0 || block >= c.fileSize {
		return 0, nil
	}
	bit := cluster % perBlock * bits
	word, err := c.entry(block, bit/64*8)
	if err != nil {
		return 0, err
	}
	if bits < 8 { // within a byte the first is the lowest
		byteAt := word[0] >> (56 - bit%64/8*8)
		return byteAt >> (bit % 8) & (1<<bits - 1), nil
	}
	return word[0] >> (64 - bits - bit%64) & (1<<bits - 1), nil
}

// compare holds the window's counts against the refcounts.
func (c *checker) compare() error {
	for i, counted := range c.counts {
		if i%4096 == 0 && c.ctx.Err() != nil {
			return context.Cause(c.ctx)
		}
		n, err := c.refcount(c.first + int64(i))
		if err != nil {
			return err
		}
		switch {
		case n > uint64(counted):
			c.Leaks++
		case n < uint64(counted):
			c.wrong("the cluster at %d has %d references and a refcount of %d", (c.first+int64(i))*c.header.ClusterSize, counted, n)
		}
	}
	return nil
}
