package disk

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/imgasm/imgasm/internal/tree"
)

// holes is a disk in memory of which only what was written exists.
type holes map[int64]*[SectorSize]byte

func (h holes) WriteAt(p []byte, off int64) (int, error) {
	for i := 0; i < len(p); {
		s := h[(off+int64(i))/SectorSize]
		if s == nil {
			s = new([SectorSize]byte)
			h[(off+int64(i))/SectorSize] = s
		}
		i += copy(s[(off+int64(i))%SectorSize:], p[i:])
	}
	return len(p), nil
}

func (h holes) read(off, n int64) []byte {
	b := make([]byte, n)
	for i := int64(0); i < n; i++ {
		if s := h[(off+i)/SectorSize]; s != nil {
			b[i] = s[(off+i)%SectorSize]
		}
	}
	return b
}

// fatReader reads a file system as strictly as a checker would: it shares
// nothing with the writer but the meaning of FATGEN.
type fatReader struct {
	disk                   holes
	reserved, fat, cluster int64
	clusters               uint32
	owner                  map[uint32]string // of clusters in use
	files                  map[string]string
	err                    error
}

func readFAT(disk holes) *fatReader {
	b := disk.read(0, SectorSize)
	le := binary.LittleEndian
	r := &fatReader{disk: disk, owner: map[uint32]string{}, files: map[string]string{}}
	r.cluster = int64(b[13]) * 512
	r.reserved = int64(le.Uint16(b[14:])) * 512
	r.fat = int64(le.Uint32(b[36:])) * 512
	r.clusters = uint32((int64(le.Uint32(b[32:]))*512 - r.reserved - 2*r.fat) / r.cluster)
	r.folder("", le.Uint32(b[44:]), 0)
	info := disk.read(512, SectorSize)
	if free := le.Uint32(info[488:]); free != r.clusters-uint32(len(r.owner)) {
		r.fail("FSInfo counts %d free clusters of %d with %d in use", free, r.clusters, len(r.owner))
	}
	// No cluster is taken in the FAT without an owner, and both FATs are the same.
	for s := range disk {
		at := s*512 - r.reserved
		if at < 0 || at >= r.fat {
			continue
		}
		if !bytes.Equal(disk.read(s*512, 512), disk.read(s*512+r.fat, 512)) {
			r.fail("the FATs differ in sector %d", s)
		}
		for i, e := 0, disk.read(s*512, 512); i < 128; i++ {
			n := uint32(at/4) + uint32(i)
			if le.Uint32(e[4*i:]) != 0 && n >= 2 && r.owner[n] == "" {
				r.fail("cluster %d belongs to nothing", n)
			}
		}
	}
	return r
}

func (r *fatReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// chain reads the clusters from first on.
func (r *fatReader) chain(name string, first uint32) []byte {
	var b []byte
	for n := first; n < 0x0ffffff8; {
		if n < 2 || n >= r.clusters+2 || r.owner[n] != "" {
			r.fail("%s: cluster %d is out of range or %q's too", name, n, r.owner[n])
			return b
		}
		r.owner[n] = "/" + name
		b = append(b, r.disk.read(r.reserved+2*r.fat+int64(n-2)*r.cluster, r.cluster)...)
		n = binary.LittleEndian.Uint32(r.disk.read(r.reserved+4*int64(n), 4)) & 0x0fffffff
	}
	return b
}

func (r *fatReader) folder(path string, first, up uint32) {
	le := binary.LittleEndian
	b := r.chain(path, first)
	var long []uint16
	var sum byte
	shorts := map[string]bool{}
	ended := false
	for i := 0; i+32 <= len(b); i += 32 {
		e := b[i : i+32]
		if ended = ended || e[0] == 0; ended {
			if !bytes.Equal(e, make([]byte, 32)) {
				r.fail("%s: an entry after the end", path)
			}
			continue
		}
		if e[11] == 0x0f {
			var part []uint16
			for _, at := range []int{1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30} {
				part = append(part, le.Uint16(e[at:]))
			}
			long, sum = append(part, long...), e[13]
			continue
		}
		if e[11]&8 != 0 {
			continue // the label
		}
		short := string(e[:11])
		cluster, size := uint32(le.Uint16(e[20:]))<<16|uint32(le.Uint16(e[26:])), le.Uint32(e[28:])
		if strings.HasPrefix(short, ".") {
			want := map[string]uint32{".          ": first, "..         ": up}[short]
			if cluster != want || path == "" {
				r.fail("%s: %q points to cluster %d, not %d", path, short, cluster, want)
			}
			continue
		}
		if shorts[short] || strings.Trim(short, " ") == "" || short[0] == ' ' {
			r.fail("%s: short name %q twice or blank", path, short)
		}
		shorts[short] = true
		name := strings.TrimRight(short[:8], " ")
		if ext := strings.TrimRight(short[8:], " "); ext != "" {
			name += "." + ext
		}
		if long != nil {
			var check byte
			for _, c := range []byte(short) {
				check = check>>1 + check<<7 + c
			}
			if check != sum {
				r.fail("%s: checksum of %q", path, short)
			}
			text := string(utf16.Decode(long))
			name, _, _ = strings.Cut(text, "\x00")
			name = strings.TrimRight(name, "\uffff")
			long = nil
		}
		full := strings.TrimPrefix(path+"/"+name, "/")
		if e[11]&16 != 0 {
			parent := first
			if path == "" {
				parent = 0
			}
			r.folder(full, cluster, parent)
			continue
		}
		var data []byte
		if cluster != 0 {
			data = r.chain(full, cluster)
		}
		if int64(len(data))-int64(size) >= r.cluster || int(size) > len(data) || size == 0 && cluster != 0 {
			r.fail("%s: %d bytes in clusters for %d", full, size, len(data))
			continue
		}
		r.files[full] = string(data[:size])
	}
}

// Whatever the names and sizes: what is accepted reads back the same, and no
// cluster is lost or shared.
func FuzzFAT32(f *testing.F) {
	f.Add([]byte("EFI/BOOT/grub.cfg\x01a\nREADME.TXT\xff\n.hidden\x00\nlong name.tar.gz\x03\nABCDEF~1\x01\nabcdefghij\x02\n"), false)
	f.Add([]byte("größe/日本語.txt\x07\nemoji 😀\x01\nx\x02"), true)
	f.Fuzz(func(t *testing.T, b []byte, large bool) {
		if len(b) > 4096 {
			return
		}
		var files []tree.File
		want := map[string]string{}
		for i, line := range strings.Split(string(b), "\n") {
			if line == "" {
				continue
			}
			name, size := line[:len(line)-1], int(line[len(line)-1])*5
			data := bytes.Repeat([]byte{byte('a' + i%26)}, size)
			files = append(files, tree.Bytes(name, data))
			want[name] = string(data)
		}
		size := int64(MinFAT32Bytes)
		if large {
			size = 300 << 20
		}
		disk := holes{}
		if err := WriteFAT32(disk, 0, fat(size, files), true); err != nil {
			return
		}
		r := readFAT(disk)
		if r.err != nil {
			t.Fatal(r.err)
		}
		if len(r.files) != len(want) {
			t.Fatalf("%d files, want %d: %q", len(r.files), len(want), b)
		}
		for name, text := range want {
			if got, ok := r.files[name]; !ok || got != text {
				t.Fatalf("%q: %d bytes, want %d", name, len(got), len(text))
			}
		}
	})
}

// The strict reader agrees with the writer on everything the other tests use.
func TestFAT32ReadBack(t *testing.T) {
	for _, size := range []int64{MinFAT32Bytes, 300 << 20, 9 << 30} {
		disk := holes{}
		files := fatFiles()
		if err := WriteFAT32(disk, 0, fat(size, files), true); err != nil {
			t.Fatal(err)
		}
		r := readFAT(disk)
		if r.err != nil {
			t.Errorf("%d bytes: %v", size, r.err)
		}
		for _, f := range files {
			var b bytes.Buffer
			if err := tree.Copy(&b, f); err != nil {
				t.Fatal(err)
			}
			if got, ok := r.files[f.Path]; !f.Mode.IsDir() && (!ok || got != b.String()) {
				t.Errorf("%d bytes: %s: %d bytes", size, f.Path, len(got))
			}
		}
	}
}
