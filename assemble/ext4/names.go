// What a Writer keeps until Close, in little memory: some 24 bytes an inode, 16
// if its attributes are not those of the one before it, and a name with 20.

package ext4

import "hash/maphash"

// nodes are inodes by their numbers.
type nodes struct {
	chunks [][]node
	n      uint32
	attrs  []attr
}

const nodesInChunk = 4096

// add returns the number of a new inode.
func (s *nodes) add(n node) uint32 {
	if s.n%nodesInChunk == 0 {
		s.chunks = append(s.chunks, make([]node, nodesInChunk))
	}
	s.n++
	*s.at(s.n) = n
	return s.n
}

func (s *nodes) at(ino uint32) *node { return &s.chunks[(ino-1)/nodesInChunk][(ino-1)%nodesInChunk] }

// directory is one whose entries are a list.
type directory struct {
	ino, parent uint32
	first, last uint32 // references to entries; 0 for none
	subdirs     uint32
	start       uint32 // first block, from Close on
	hashed      bool
}

// names are the entries of all directories, and short targets of symbolic
// links, in chunks of memory. A reference to an entry is its place in them. An
// entry has: the reference to the next of the directory (4 bytes), the
// directory's number in dirs (4), the inode (4), the type (1), the name's length
// (1), the name.
type names struct {
	dirs   []directory
	chunks [][]byte
	end    uint32   // of what the chunks have
	table  []uint32 // references, found by the hash of directory and name
	n      int
	seed   maphash.Seed
}

type nameEntry []byte

const (
	nameHeader = 14
	nameChunk  = 1 << 18
	maxNames   = 1<<32 - 2*nameChunk // of end, so that references have 32 bits
)

func newNames() names {
	return names{table: make([]uint32, 1<<12), seed: maphash.MakeSeed(), end: 1, chunks: [][]byte{make([]byte, nameChunk)}}
}

func (e nameEntry) next() uint32 { return le.Uint32(e) }
func (e nameEntry) dir() uint32  { return le.Uint32(e[4:]) }
func (e nameEntry) ino() uint32  { return le.Uint32(e[8:]) }
func (e nameEntry) typ() byte    { return e[12] }
func (e nameEntry) name() []byte { return e[nameHeader : nameHeader+int(e[13])] }

func (s *names) entry(ref uint32) nameEntry { return s.chunks[ref/nameChunk][ref%nameChunk:] }

// room makes room for n bytes in one chunk.
func (s *names) room(n int) (ref uint32, b []byte) {
	if int(s.end%nameChunk)+n > nameChunk || s.end%nameChunk == 0 {
		s.chunks = append(s.chunks, make([]byte, nameChunk))
		s.end = uint32(len(s.chunks)-1) * nameChunk
	}
	ref = s.end
	s.end += uint32(n)
	return ref, s.chunks[ref/nameChunk][ref%nameChunk:][:n]
}

// store keeps a short text.
func (s *names) store(text string) uint32 {
	ref, b := s.room(len(text))
	copy(b, text)
	return ref
}

func (s *names) addDir(ino, parent uint32) {
	s.dirs = append(s.dirs, directory{ino: ino, parent: parent})
}

// add appends an entry to a directory.
func (s *names) add(dir uint32, name string, ino uint32, typ byte) {
	ref, e := s.room(nameHeader + len(name))
	le.PutUint32(e[4:], dir)
	le.PutUint32(e[8:], ino)
	e[12], e[13] = typ, byte(len(name))
	copy(e[nameHeader:], name)
	d := &s.dirs[dir]
	if d.last == 0 {
		d.first = ref
	} else {
		le.PutUint32(s.entry(d.last), ref)
	}
	d.last = ref

	if s.n++; s.n > len(s.table)/4*3 {
		old := s.table
		s.table = make([]uint32, 2*len(old))
		for _, ref := range old {
			if ref == 0 {
				continue
			}
			e := s.entry(ref)
			i, mask := s.first(e.dir(), maphash.Bytes(s.seed, e.name()))
			for s.table[i&mask] != 0 {
				i++
			}
			s.table[i&mask] = ref
		}
	}
	s.table[s.slot(dir, name)] = ref
}

// find returns the reference to an entry, 0 if there is none.
func (s *names) find(dir uint32, name string) uint32 { return s.table[s.slot(dir, name)] }

// first is where in the table a name is looked for first, by its own hash.
func (s *names) first(dir uint32, hash uint64) (i, mask uint64) {
	return hash + uint64(dir)*0x9e3779b97f4a7c15, uint64(len(s.table) - 1)
}

// slot is the place in the table that has a name, or where it would be.
func (s *names) slot(dir uint32, name string) int {
	for i, mask := s.first(dir, maphash.String(s.seed, name)); ; i++ {
		ref := s.table[i&mask]
		if ref == 0 {
			return int(i & mask)
		}
		if e := s.entry(ref); e.dir() == dir && string(e.name()) == name {
			return int(i & mask)
		}
	}
}
