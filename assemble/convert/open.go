// Inputs: what is opened, and what is refused and why.

package convert

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// Disk is a disk image that is open. It must be closed.
type Disk struct {
	qcow2.Mapper
	Format string // "qcow2", "raw" or "vhd"
	close  func() error
}

// Close closes the image.
func (d *Disk) Close() error { return d.close() }

// Open opens a disk image: a qcow2, a fixed VHD, or else the raw bytes of a disk.
// A qcow2 with a backing file is refused, since such a name is a stranger's.
//
// Errors: ErrInput for images and archives that are not read, with advice;
// qcow2.Open's; those of the file system.
func Open(path string) (*Disk, error) {
	f, err := smallfile.Open(path)
	if err != nil {
		return nil, err
	}
	d, err := open(f, path)
	if err != nil {
		f.Close()
		return nil, err
	}
	return d, nil
}

func open(f *os.File, path string) (*Disk, error) {
	raw, err := qcow2.Raw(f)
	if err != nil {
		return nil, err
	}
	front := make([]byte, min(raw.Size(), sniffBytes))
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, raw.Size()), front); err != nil {
		return nil, err
	}
	for _, k := range kinds {
		if !strings.HasPrefix(string(front[min(k.at, len(front)):]), k.magic) {
			continue
		}
		if k.name == "qcow2" {
			f.Close()
			image, err := qcow2.Open(path, qcow2.OpenOptions{})
			if err != nil {
				return nil, err
			}
			return &Disk{image, k.name, image.Close}, nil
		}
		return nil, &fault.Error{Class: ErrInput, Err: fmt.Errorf("%s: it is %s, which is not read", path, k.name), Do: strings.ReplaceAll(k.advice, "IN", path)}
	}
	if size := vhdSize(f, raw.Size()); size > 0 {
		return &Disk{cut{raw, size}, "vhd", f.Close}, nil
	}
	if strings.EqualFold(filepath.Ext(path), ".qcow2") { // a download's error page, say
		return nil, &fault.Error{Class: ErrInput, Err: fmt.Errorf("%s: it is no qcow2, whatever its name says", path), Do: "see what it is: file " + path + "\na raw disk is read by another name, such as disk.raw"}
	}
	return &Disk{raw, "raw", f.Close}, nil
}

const sniffBytes = 512

// kinds are what files begin as that are no raw disks.
var kinds = []struct {
	name, magic string
	at          int
	advice      string
}{
	{"qcow2", "QFI\xfb", 0, ""},
	{"a gzip file", "\x1f\x8b", 0, "unpack it first: gzip -dk IN"},
	{"a zstd file", "\x28\xb5\x2f\xfd", 0, "unpack it first: zstd -d IN"},
	{"an xz file", "\xfd7zXZ\x00", 0, "unpack it first: xz -dk IN"},
	{"a tar file", "ustar", 257, "unpack it first: tar -xf IN"},
	{"a vmdk", "KDMV", 0, "make it a qcow2 first: qemu-img convert -O qcow2 IN disk.qcow2"},
	{"a vmdk", "# Disk DescriptorFile", 0, "make it a qcow2 first: qemu-img convert -O qcow2 IN disk.qcow2"},
	{"a vhdx", "vhdxfile", 0, "make it a qcow2 first: qemu-img convert -O qcow2 IN disk.qcow2"},
	{"a dynamic vhd", vhdCookie, 0, "make it a qcow2 first: qemu-img convert -O qcow2 IN disk.qcow2"},
	{"a vdi", "\x7f\x10\xda\xbe", 64, "make it a qcow2 first: qemu-img convert -O qcow2 IN disk.qcow2"},
}

// vhdSize is the size of the disk in a fixed VHD; 0 if the file is none.
func vhdSize(r io.ReaderAt, fileSize int64) int64 {
	footer := make([]byte, sector)
	if n, _ := r.ReadAt(footer, fileSize-sector); n < sector || string(footer[:len(vhdCookie)]) != vhdCookie {
		return 0
	}
	if size := binary.BigEndian.Uint64(footer[48:]); size == uint64(fileSize-sector) {
		return int64(size)
	}
	return 0
}

// cut is the beginning of a raw file.
type cut struct {
	*qcow2.RawFile
	size int64
}

func (c cut) Size() int64 { return c.size }

func (c cut) ReadAt(b []byte, off int64) (int, error) {
	return io.NewSectionReader(c.RawFile, 0, c.size).ReadAt(b, off)
}

func (c cut) Extent(off int64) (qcow2.Extent, error) {
	e, err := c.RawFile.Extent(off)
	e.Length = min(e.Length, c.size-off)
	return e, err
}
