package nixdisk

// The disk: where everything is, and the EFI system partition.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/ext4"
	"github.com/imgasm/imgasm/internal/derive"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/tree"
)

// Write makes the disk in f, a new file that is open for reading too. The caller
// closes it, or removes it after an error.
func (s *System) Write(ctx context.Context, f *os.File) error {
	size, inodes, err := s.rootSize(ctx)
	if err != nil {
		return err
	}
	esp := disk.Partition{Name: s.esp.partName, Type: disk.TypeESP, GUID: s.esp.partUUID, StartBytes: disk.Alignment, SizeBytes: s.c.ESPBytes}
	root := disk.Partition{Name: s.root.partName, Type: disk.TypeLinux, GUID: s.root.partUUID, StartBytes: esp.StartBytes + esp.SizeBytes, SizeBytes: size}
	l := disk.Layout{
		SizeBytes: root.StartBytes + root.SizeBytes + disk.Alignment, // the backup table
		GUID:      derive.GUID(s.c.Seed, "nixos disk"), Partitions: []disk.Partition{esp, root},
	}
	if err := disk.Blank(f, l.SizeBytes); err != nil {
		return err
	}
	at := io.NewOffsetWriter(f, root.StartBytes)
	err = s.writeRoot(ctx, at, ext4.Options{SizeBytes: size, Label: s.root.label, UUID: s.root.uuid, Time: s.c.Time, Inodes: inodes})
	var full *fault.Error
	if errors.Is(err, ext4.ErrFull) && s.c.SizeBytes > 0 && errors.As(err, &full) {
		return &fault.Error{Class: ErrSize, Field: "SizeBytes", Err: fmt.Errorf("the root: %w", full.Err), Do: "a larger {SizeBytes}, or none: as the system needs"}
	} else if err != nil {
		return fmt.Errorf("the root: %w", err)
	}
	written, err := ext4.New(io.NewSectionReader(f, root.StartBytes, size), size)
	if err != nil {
		return fmt.Errorf("the root, read back: %w", err)
	}
	files, err := s.espFiles(written)
	if err != nil {
		return fmt.Errorf("the EFI system partition: %w", err)
	}
	err = disk.WriteFAT32(f, esp.StartBytes, disk.FAT32{
		SizeBytes: esp.SizeBytes, Label: s.esp.label, VolumeID: s.serial(), HiddenSectors: uint32(esp.StartBytes / disk.SectorSize), Time: s.c.Time, Files: files,
	}, true)
	if err != nil && !errors.Is(err, disk.ErrSpace) {
		return fmt.Errorf("the EFI system partition: %w", err)
	} else if err != nil {
		return &fault.Error{Class: ErrSize, Field: "ESPBytes", Err: fmt.Errorf("the EFI system partition of %d MiB: %w", esp.SizeBytes>>20, err), Do: "a larger {ESPBytes}"}
	}
	return disk.WriteGPT(f, l)
}

// rootSize is the size of the root's file system, and how many files it has room
// for at least.
func (s *System) rootSize(ctx context.Context) (size int64, inodes int, err error) {
	if s.c.SizeBytes > 0 {
		return s.c.SizeBytes - s.c.ESPBytes - 2*disk.Alignment, 0, nil
	}
	files, bytes, err := s.measure(ctx)
	if err != nil {
		return 0, 0, err
	}
	if size = wholeMiB(ext4.SizeFor(files, bytes, s.c.FreeBytes)); size > ext4.MaxSizeBytes {
		return 0, 0, &fault.Error{Class: ErrSize, Field: "FreeBytes", Err: fmt.Errorf("the largest root, of %d bytes, has no room for the system and %d free", int64(ext4.MaxSizeBytes), s.c.FreeBytes), Do: "a smaller {FreeBytes}"}
	}
	return size, 2 * files, nil
}

// espFiles are the files of the EFI system partition; what is in the closure is
// read from the root.
func (s *System) espFiles(root *ext4.FS) ([]disk.File, error) {
	e := &espFiles{System: s, root: root, at: map[string]string{}}
	boot := strings.ToLower(strings.TrimPrefix(s.arch.EFIBoot, "BOOT")) // "x64.efi"
	manager, err := e.real(s.Toplevel + "/systemd/lib/systemd/boot/efi/systemd-boot" + boot)
	if err != nil {
		return nil, err
	}
	e.copy("EFI/BOOT/"+s.arch.EFIBoot, manager)
	e.copy("EFI/systemd/systemd-boot"+boot, manager)
	for i, b := range s.systems {
		kernel, initrd, deviceTree := e.place(b.kernel), e.place(b.initrd), ""
		if b.deviceTree != "" {
			deviceTree = e.place(b.deviceTree)
		}
		if _, err := e.real(b.init); err != nil {
			return nil, err
		}
		name, text := s.loader.entry(b, kernel, initrd, deviceTree, s.c.Time)
		e.files = append(e.files, tree.Bytes("loader/entries/"+name, []byte(text)))
		if i == 0 {
			e.files = append(e.files, tree.Bytes("loader/loader.conf", []byte(s.loader.conf(name))))
		}
	}
	// Which kind of entries there are, as bootctl has it; and where images of kernels would be.
	e.files = append(e.files, tree.Bytes("loader/entries.srel", []byte("type1\n")), tree.Dir("EFI/Linux"))
	return e.files, e.err
}

type espFiles struct {
	*System
	root  *ext4.FS
	files []disk.File
	at    map[string]string // names on the partition by those in the root
	err   error             // the first
}

// place puts a file of the closure onto the partition, once, and gives its name there.
func (e *espFiles) place(file string) string {
	file, err := e.real(file)
	if err != nil {
		e.err = cmp.Or(e.err, err)
		return ""
	}
	if e.at[file] == "" {
		e.at[file] = e.loader.espName(e.store, file)
		e.copy(e.at[file], file)
	}
	return e.at[file]
}

func (e *espFiles) copy(name, file string) {
	f, err := tree.FS(name, e.root, strings.TrimPrefix(file, "/"))
	e.err = cmp.Or(e.err, err)
	e.files = append(e.files, f)
}

// real is the path of a file of the store without links.
func (e *espFiles) real(file string) (string, error) {
	name, err := realPath(file, func(name string) (string, error) {
		rel := strings.TrimPrefix(name, "/")
		info, err := e.root.Lstat(rel)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return "", err
		}
		return e.root.ReadLink(rel)
	})
	var info fs.FileInfo
	if err == nil {
		info, err = e.root.Lstat(strings.TrimPrefix(name, "/"))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && !info.Mode().IsRegular(), !strings.HasPrefix(name, e.store+"/"):
		return "", broken("it boots %s, which is no file of its closure", file)
	case err != nil:
		return "", broken("%s: %w", file, err)
	}
	return path.Clean(name), nil
}
