// Package iso writes the volumes that imgasm makes itself (OEMDRV, installer
// trees) and reads installer ISOs that others made.
//
// What is read is not trusted: images may be cut off, damaged or made to
// harm. Every offset, length and count is checked against the image, nothing
// is held in memory but what is being looked at, and directory records are
// never followed in circles.
package iso

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// The classes of errors of reading, for errors.Is; there is ErrNoBootFiles too.
var (
	// ErrUnreadable: the file is not there, or may not be read.
	ErrUnreadable = fault.Class(fault.Input, "cannot be read")
	// ErrNotISO: the file has no ISO 9660 volume descriptor.
	ErrNotISO = fault.Class(fault.Input, "not an ISO 9660 image")
	// ErrCorrupt: the image contradicts itself or the standard in a way that
	// leaves no right reading.
	ErrCorrupt = fault.Class(fault.Input, "damaged ISO 9660 image")
	// ErrTruncated: the image is shorter than its volume descriptor declares: a
	// download that was cut off.
	ErrTruncated = fault.Class(fault.Input, "truncated ISO 9660 image")
	// ErrWrongArch: the image is an installer for another architecture.
	ErrWrongArch = fault.Class(fault.Input, "installer for another architecture")
)

// What to do about an image that is no installer, or not whole.
const (
	giveISO   = "give an AlmaLinux boot, minimal or DVD ISO; imgasm source fetch gets one"
	fetchAnew = "download it again; imgasm source verify compares it with what AlmaLinux signed"
)

// Image is an opened ISO 9660 image. It implements fs.FS, fs.ReadDirFS and
// fs.StatFS; names are those that Linux shows: Rock Ridge, else Joliet, else
// plain names in lower case. Several goroutines may use it.
type Image struct {
	Label     string    // the volume identifier, without trailing blanks
	Created   time.Time // the volume's creation date; zero if it has none
	Path      string    // as given to Open
	SizeBytes int64     // of the file
	// Piece is called before the first and after each piece of a file that is
	// handed on, with the bytes of that piece; an error ends that. nil: never.
	Piece func(bytes int64) error

	r    io.ReaderAt
	ctx  context.Context // Open's
	file *os.File        // what Open opened; nil after NewImage
	// position guards file's, which copies use and nothing else.
	position sync.Mutex
	root     node
	// taken is how many bytes File has promised, at most SizeBytes.
	taken atomic.Int64
	// naming says whose names are in force.
	naming naming
	skip   int // SUSP: bytes to skip in each System Use area
}

type naming int

const (
	plain naming = iota
	joliet
	rockRidge
)

// maxDescriptors bounds the search for the volume descriptor set's end. Real
// images have two to five.
const maxDescriptors = 64

// Open opens the image in a file of this machine. Errors are ErrUnreadable,
// ErrNotISO, ErrTruncated and ErrCorrupt.
//
// Once ctx ends nothing more is read of the image, and every read returns
// ctx's cause: who copies gigabytes out of it need not look at ctx himself.
func Open(ctx context.Context, path string) (*Image, error) {
	f, err := smallfile.Open(path)
	if err != nil {
		return nil, &fault.Error{Class: ErrUnreadable, Err: err}
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = &fault.Error{Class: ErrNotISO, Err: fmt.Errorf("%s: is a folder", path), Do: "give a file, not the folder: ls " + path}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	size := info.Size()
	if !info.Mode().IsRegular() { // a drive with a disc in it
		if size, err = f.Seek(0, io.SeekEnd); err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: its size cannot be told: %w", path, err)
		}
	}
	img, err := NewImage(bounded{ctx, f}, size, path)
	if err != nil {
		f.Close()
		return nil, err
	}
	img.ctx, img.file = ctx, f
	return img, nil
}

// bounded reads until ctx ends.
type bounded struct {
	ctx context.Context
	r   io.ReaderAt
}

func (b bounded) ReadAt(p []byte, off int64) (int, error) {
	if err := context.Cause(b.ctx); err != nil {
		return 0, err
	}
	return b.r.ReadAt(p, off)
}

// NewImage reads the image that r holds. name stands for it in errors.
func NewImage(r io.ReaderAt, sizeBytes int64, name string) (*Image, error) {
	m := &Image{r: r, ctx: context.Background(), SizeBytes: sizeBytes, Path: name}
	var primary, supplementary []byte
	for i := int64(0); ; i++ {
		b := make([]byte, sectorSize)
		n, err := r.ReadAt(b, (systemArea+i)*sectorSize)
		if n < sectorSize && !errors.Is(err, io.EOF) && err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if n < sectorSize || string(b[1:6]) != "CD001" {
			if primary != nil {
				break // no terminator: seen in the wild, and harmless
			}
			return nil, m.notISO(b[:n])
		}
		switch {
		case b[0] == 1 && primary == nil:
			primary = b
		case b[0] == 2 && supplementary == nil && isJoliet(b):
			supplementary = b
		}
		if b[0] == 255 {
			break
		}
		if i == maxDescriptors {
			return nil, m.corrupt("more than %d volume descriptors", maxDescriptors)
		}
	}
	if primary == nil {
		return nil, &fault.Error{Class: ErrNotISO, Err: fmt.Errorf("%s: no primary volume descriptor: %w", name, ErrNotISO), Do: giveISO}
	}
	return m, m.mount(primary, supplementary)
}

// notISO says what a file without a volume descriptor looks like instead.
func (m *Image) notISO(sector []byte) error {
	return &fault.Error{Class: ErrNotISO, Err: fmt.Errorf("%s: %s: %w", m.Path, m.looksLike(sector), ErrNotISO), Do: giveISO}
}

func (m *Image) looksLike(sector []byte) string {
	if m.SizeBytes < (systemArea+1)*sectorSize {
		return fmt.Sprintf("only %d bytes long", m.SizeBytes)
	}
	var head [8]byte
	if _, err := m.r.ReadAt(head[:], 0); err == nil {
		for _, known := range []struct{ magic, what string }{
			{"QFI\xfb", "a qcow2 disk image"}, {"\x1f\x8b", "gzip-compressed"}, {"\xfd7zXZ", "xz-compressed"},
			{"\x28\xb5\x2f\xfd", "zstd-compressed"}, {"PK\x03\x04", "a zip archive"}, {"<!DOC", "an HTML page"},
			{"<html", "an HTML page"}, {"\xed\xab\xee\xdb", "an RPM package"},
		} {
			if bytes.HasPrefix(head[:], []byte(known.magic)) {
				return fmt.Sprintf("is %s", known.what)
			}
		}
	}
	if len(sector) >= 6 && (string(sector[1:6]) == "BEA01" || string(sector[1:6]) == "NSR02" || string(sector[1:6]) == "NSR03") {
		return "is a UDF volume without ISO 9660"
	}
	return fmt.Sprintf("no volume descriptor at byte %d", systemArea*sectorSize)
}

func (m *Image) corrupt(format string, args ...any) error {
	return fmt.Errorf("%s: %s: %w", m.Path, fmt.Sprintf(format, args...), ErrCorrupt)
}

// isJoliet looks for the escape sequences of UCS-2 levels 1 to 3.
func isJoliet(b []byte) bool {
	return b[88] == 0x25 && b[89] == 0x2f && strings.IndexByte("@CE", b[90]) >= 0
}

// mount checks the descriptors and finds out whose names to use.
func (m *Image) mount(primary, supplementary []byte) error {
	m.Label = strings.TrimRight(string(bytes.TrimRight(primary[40:72], "\x00 ")), " ")
	m.Created = longDate(primary[813:830])
	if block := binary.LittleEndian.Uint16(primary[128:]); block != sectorSize {
		return m.corrupt("logical blocks of %d bytes; only %d is in use", block, sectorSize)
	}
	want := int64(binary.LittleEndian.Uint32(primary[80:])) * sectorSize
	if want > m.SizeBytes {
		return &fault.Error{Class: ErrTruncated, Do: fetchAnew, Err: fmt.Errorf("%s: truncated: the file has %d bytes, but its volume %q has %d",
			m.Path, m.SizeBytes, m.Label, want)}
	}
	root, err := m.rootOf(primary)
	if err != nil {
		return err
	}
	m.root = root
	if m.detectRockRidge(); m.naming == rockRidge || supplementary == nil {
		return nil
	}
	if root, err := m.rootOf(supplementary); err == nil {
		m.root, m.naming = root, joliet
	}
	return nil
}

// rootOf reads the root directory's record out of a volume descriptor.
func (m *Image) rootOf(descriptor []byte) (node, error) {
	r, _, err := m.parseRecord(descriptor[156:190])
	if err != nil {
		return node{}, err
	}
	if !r.dir {
		return node{}, m.corrupt("the root is not a directory")
	}
	r.name, r.mode = ".", fs.ModeDir|0o555
	return r, nil
}

// longDate is ECMA-119, 8.4.26.1. A date of zeroes means none.
func longDate(b []byte) time.Time {
	t, err := time.Parse("20060102150405", string(b[:14]))
	if err != nil {
		return time.Time{}
	}
	return t.Add(-time.Duration(int8(b[16])) * 15 * time.Minute)
}

// Close closes the file that Open opened.
func (m *Image) Close() error {
	if m.file == nil {
		return nil
	}
	return m.file.Close()
}
