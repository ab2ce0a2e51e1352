package readback

import (
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/diskfs/go-diskfs/filesystem/fat12"
	"github.com/diskfs/go-diskfs/filesystem/fat32"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/internal/tree"
)

const fatWriter = "assemble/disk"

// BootMedium reads a boot medium of size bytes back: its partition table, which
// go-diskfs wrote, by assemble/disk, and the files of its EFI system partition,
// which assemble/disk wrote, by go-diskfs. oemdrv are the files of its OEMDRV
// volume, nil if there is none. The results are OEMDRV's.
func BootMedium(r io.ReaderAt, size int64, m disk.BootMedium, oemdrv []iso.File) (unread, err error) {
	table, err := disk.ReadTable(r, size)
	if err != nil {
		return nil, difference(goDiskfs, fatWriter, "%v", err)
	}
	if n := 1 + len(m.Volumes); len(table.Parts) != n || table.Backup || !table.Parts[0].IsESP() {
		return nil, difference(goDiskfs, fatWriter, "the partition table is not that of %d partitions: %+v", n, *table)
	}
	root, err := tree.Build(m.Files)
	if err != nil {
		return nil, err
	}
	esp := table.Parts[0]
	unread1, err := reading(fatWriter, goDiskfs, func(differ differ) error {
		return fatFiles(newStorage(r, esp.StartBytes, esp.SizeBytes), root, m.Files, differ)
	})
	if err != nil {
		return nil, err
	}
	var unread2 error
	for _, p := range table.Parts {
		if p.Name == iso.OEMDRVLabel && oemdrv != nil {
			unread2, err = OEMDRV(io.NewSectionReader(r, p.StartBytes, p.SizeBytes), p.SizeBytes, oemdrv)
		}
	}
	return errors.Join(unread1, unread2), err
}

// fatFiles compares names, sizes and bytes. go-diskfs says where a file lies;
// its own Read walks the chain of clusters from the start at every call.
func fatFiles(part storage, root *tree.Node, files []iso.File, differ differ) error {
	fs, err := fat32.Read(part, part.Size(), 0, disk.SectorSize)
	if err != nil {
		return err
	}
	if err := names(fs, root, func(name string) string { return name }, differ); err != nil {
		return err
	}
	for _, f := range files {
		if f.Mode.IsDir() || f.SizeBytes == 0 {
			continue
		}
		opened, err := fs.Open(path.Clean(f.Path))
		if err != nil {
			return err
		}
		file, ok := opened.(*fat12.File)
		if !ok {
			return fmt.Errorf("%s: opens as %T", f.Path, opened)
		}
		ranges, err := file.GetDiskRanges()
		if err != nil {
			return err
		}
		var pieces []io.Reader
		for _, at := range ranges {
			pieces = append(pieces, io.NewSectionReader(part, int64(at.Offset), int64(at.Length)))
		}
		in, err := source(f)
		if err != nil {
			return err
		}
		equal, err := same(in, io.MultiReader(pieces...), f.SizeBytes)
		in.Close()
		switch {
		case errors.As(err, new(*sourceError)):
			return err
		case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
			return differ("%s has fewer than %d bytes in its clusters", f.Path, f.SizeBytes)
		case err != nil:
			return err
		case !equal:
			return differ("the %d bytes of %s are not those that were given", f.SizeBytes, f.Path)
		}
	}
	return nil
}
