// Package convert writes disks in the formats that their consumers want: disk
// images for hypervisors, and archives for clouds.
//
// [Formats] is the table of them, and [Create] writes one of any disk: a raw
// image or a qcow2 that [Open] has opened, or whatever else is a
// [qcow2.Source]. Holes are not read where the source knows them, memory is
// bounded whatever the disk's size, and equal disks and options give equal
// bytes.
package convert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/size"
)

// Options say what is written. The zero value works where the path of an output
// says its format.
type Options struct {
	Format      string            // a name of Formats; "": that of For, or Create takes it from the path
	For         string            // a target, which chooses the format
	Compression qcow2.Compression // of the qcow2 that is written, or lies within; "": the format's default
	ClusterSize int64             // of that qcow2, in bytes; 0: qcow2.DefaultClusterSize
	// SizeBytes is the size of the disk that is written, at least the source's:
	// what is added reads as zero, and the backup of a GPT moves to the new end.
	// 0: the source's. Formats round it up to what they hold; see Format.Multiple.
	SizeBytes int64
	// Arch is the machine's architecture ("x86_64", "aarch64"), for formats that
	// describe a machine. "": it is seen on the disk.
	Arch string
	Name string    // of the machine, for such formats; "": Create takes it from the path
	Time time.Time // of an archive's members; zero: the year 2000. The clock is not looked at.
	// Workers is how many goroutines read and compress; 0, and what is more than
	// memory allows: as many as Go runs at once, at most 8, for a qcow2 16.
	Workers int
	// Progress is told how many bytes of the disk are done, of all: twice a
	// second at most, and at the end. It is called by one goroutine at a time.
	Progress func(done, total int64)
}

// File is where an output is written: an [os.File], say. It is read back where a
// format needs a hash of what it holds. What Truncate adds, and what lies between
// writes, must read as zero.
type File interface {
	io.ReaderAt
	qcow2.Target
}

// Errors, for errors.Is. Those of package qcow2 come beside them.
var (
	ErrFormat = fault.Class(fault.Input, "unknown format")
	// ErrOption says that a format does not take an option.
	ErrOption = fault.Class(fault.Input, "not an option of this format")
	// ErrSize says that a format cannot hold the disk, or that the disk would shrink.
	ErrSize = fault.Class(fault.Input, "impossible size")
	// ErrArch says that nobody knows for which architecture the disk is.
	ErrArch = fault.Class(fault.Input, "unknown architecture")
	// ErrInput says that Open does not read a file.
	ErrInput = fault.Class(fault.Input, "not a disk image that is read")
)

// Create writes src as the file path. The file appears under its name when all
// of it is on disk, and replaces one that was there; after an error, or when ctx
// ends, nothing of it is left.
//
// Errors are those of Write and of the file system; a full disk is
// syscall.ENOSPC.
func Create(ctx context.Context, path string, src qcow2.Source, o Options) error {
	if o.Format == "" && o.For == "" {
		f, err := FormatOfFile(path)
		if err != nil {
			return err
		}
		o.Format = f.Name
	}
	o.Name = cmp.Or(o.Name, strings.TrimSuffix(filepath.Base(path), Ending(path)))
	if _, err := o.check(src.Size()); err != nil {
		return err // before a file is made
	}
	err := publish.FileContext(ctx, path, func(f *os.File) error { return Write(ctx, f, src, o) })
	// Errors name a hidden file that is gone.
	switch {
	case errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("write %s: %w", path, syscall.EFBIG)
	case errors.Is(err, syscall.ENOSPC):
		return &fault.Error{
			Class: syscall.ENOSPC, Err: fmt.Errorf("write %s: the disk is full, nothing was written: %w", path, syscall.ENOSPC),
			Do: "see where there is room: df -h " + filepath.Dir(path),
		}
	}
	return err
}

// Write writes src to dst, of which nothing else is kept. dst holds no image
// until Write has returned nil.
//
// Errors: ErrFormat, ErrOption, ErrSize, ErrArch and those of qcow2.Write before
// anything is written; disk.ErrLayout for a GPT that cannot be moved; the cause
// of ctx; those of src and dst.
func Write(ctx context.Context, dst File, src qcow2.Source, o Options) error {
	f, err := o.check(src.Size())
	if err != nil {
		return err
	}
	if d, ok := src.(*Disk); ok {
		src = d.Mapper // which package qcow2 knows
	}
	if src, err = grown(src, f.Rounded(max(src.Size(), o.SizeBytes))); err != nil {
		return err
	}
	if o.Arch, o.Name, err = machineOf(f, src, o); err != nil {
		return err
	}
	if err := qcow2.Empty(dst); err != nil {
		return err
	}
	return f.write(ctx, &part{file: dst}, src, o)
}

// Check says whether Write would refuse a disk of sizeBytes, as far as that can
// be told without looking at it.
func (o Options) Check(sizeBytes int64) error {
	_, err := o.check(sizeBytes)
	return err
}

// format is the one that is asked for.
func (o Options) format() (Format, error) {
	if o.For == "" {
		return FormatOf(o.Format)
	}
	f, err := FormatFor(o.For)
	if err == nil && o.Format != "" && o.Format != f.Name {
		err = &fault.Error{Class: ErrOption, Field: "Format", Err: fmt.Errorf("%s takes %s, not %s", o.For, f.Name, o.Format), Do: "leave {Format} out"}
	}
	return f, err
}

// check finds the format, and refuses what it does not take.
func (o Options) check(bytes int64) (Format, error) {
	f, err := o.format()
	if err != nil {
		return f, err
	}
	refuse := func(class error, field, do, format string, args ...any) error {
		return &fault.Error{Class: class, Field: field, Err: fmt.Errorf(format, args...), Do: do}
	}
	becomes := f.Rounded(max(bytes, o.SizeBytes))
	switch {
	case o.Compression != "" && len(f.Compressions) == 0:
		return f, refuse(ErrOption, "Compression", "leave {Compression} out", "%s has no choice of compressions", f.Name)
	case o.Compression != "" && !slices.Contains(f.Compressions, o.Compression):
		who := f.Name
		if o.For != "" {
			who = o.For
		}
		return f, refuse(qcow2.ErrCompression, "Compression", "", "%q is none of those that %s reads: %s", o.Compression, who, join(f.Compressions))
	case o.ClusterSize != 0 && len(f.Compressions) == 0:
		return f, refuse(ErrOption, "ClusterSize", "leave {ClusterSize} out", "%s has no clusters", f.Name)
	case o.SizeBytes != 0 && o.SizeBytes < bytes:
		return f, refuse(ErrSize, "SizeBytes", "shrink the file systems and partitions in a guest first; imgasm only makes disks larger", "%d bytes are fewer than the disk's %d", o.SizeBytes, bytes)
	case f.MaxBytes > 0 && becomes > f.MaxBytes:
		return f, refuse(ErrSize, "", "write another format", "a disk of %s: %s holds at most %s", size.Text(becomes), f.Name, size.Text(f.MaxBytes))
	}
	return f, nil
}
