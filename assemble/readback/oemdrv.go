package readback

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	diskfs "github.com/diskfs/go-diskfs/filesystem/iso9660"
	"github.com/kdomanski/iso9660"

	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/internal/tree"
)

const (
	isoWriter     = "assemble/iso"
	kdomanski     = "github.com/kdomanski/iso9660"
	goDiskfs      = "github.com/diskfs/go-diskfs"
	maxISOReaders = math.MaxUint32 &^ 2047 // a file from here on takes several extents, which both read wrongly
)

// OEMDRV reads an OEMDRV volume of size bytes back: label, sizes and bytes by
// kdomanski/iso9660, names by go-diskfs.
//
// The error is ErrDifference, or says why a file cannot be read any more.
// unread is what a reader refused; it proves nothing and ends nothing.
func OEMDRV(r io.ReaderAt, size int64, files []iso.File) (unread, err error) {
	root, err := tree.Build(files)
	if err != nil {
		return nil, err
	}
	unread1, err := reading(isoWriter, kdomanski, func(differ differ) error { return levelOne(r, size, files, differ) })
	if err != nil {
		return nil, err
	}
	unread2, err := reading(isoWriter, goDiskfs, func(differ differ) error { return isoNames(r, size, root, differ) })
	return errors.Join(unread1, unread2), err
}

// levelOne compares label and contents. kdomanski shows names as level 1 has
// them, which for a volume with Rock Ridge names are others than were given:
// contents are told apart by their bytes.
func levelOne(r io.ReaderAt, size int64, files []iso.File, differ differ) error {
	image, err := iso9660.OpenImage(io.NewSectionReader(r, 0, size))
	if err != nil {
		return err
	}
	label, err := image.Label()
	if err != nil {
		return err
	}
	if label != iso.OEMDRVLabel {
		return differ("the volume's label is %q, not %q", label, iso.OEMDRVLabel)
	}
	root, err := image.RootDir()
	if err != nil {
		return err
	}
	want, err := sums(files)
	if err != nil {
		return err
	}
	var walk func(dir *iso9660.File, path string) error
	walk = func(dir *iso9660.File, path string) error {
		children, err := dir.GetChildren()
		if err != nil {
			return err
		}
		for _, c := range children {
			name := path + c.Name()
			if c.IsDir() {
				if err := walk(c, name+"/"); err != nil {
					return err
				}
				continue
			}
			sum, err := sumOf(c.Reader(), c.Size())
			if err != nil {
				return err
			}
			if len(want[sum]) == 0 {
				return differ("the %d bytes of %s are no file that was given", c.Size(), name)
			}
			want[sum] = want[sum][1:]
		}
		return nil
	}
	if err := walk(root, ""); err != nil {
		return err
	}
	for _, left := range want {
		if len(left) > 0 {
			return differ("%s is not there", left[0])
		}
	}
	return nil
}

// sums are the hashes of files, and who has each.
func sums(files []iso.File) (map[[sha256.Size]byte][]string, error) {
	all := map[[sha256.Size]byte][]string{}
	for _, f := range files {
		if f.Mode.IsDir() {
			continue
		}
		if f.SizeBytes > maxISOReaders {
			return nil, fmt.Errorf("%s: %d bytes are too many for it", f.Path, f.SizeBytes)
		}
		in, err := source(f)
		if err != nil {
			return nil, err
		}
		sum, err := sumOf(in, f.SizeBytes)
		in.Close()
		if err != nil {
			return nil, &sourceError{fmt.Errorf("%s: %w", f.Path, err)}
		}
		all[sum] = append(all[sum], f.Path)
	}
	return all, nil
}

// sumOf hashes exactly n bytes.
func sumOf(r io.Reader, n int64) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	if _, err := io.CopyN(h, r, n); err != nil {
		return sum, err
	}
	h.Sum(sum[:0])
	return sum, nil
}

// isoNames compares names, kinds and sizes.
func isoNames(r io.ReaderAt, size int64, root *tree.Node, differ differ) error {
	if why := confusing(root); why != "" {
		return errors.New(why)
	}
	fs, err := diskfs.Read(newStorage(r, 0, size), size, 0, 0)
	if err != nil {
		return err
	}
	shown := func(name string) string { return name }
	if iso.Plain(root) {
		shown = strings.ToUpper // there are no other names
	}
	return names(fs, root, shown, differ)
}

// confusing says what of a tree go-diskfs 1.9.4 is known to read wrongly, ""
// if nothing.
func confusing(n *tree.Node) string {
	folders := map[string]bool{}
	for _, c := range n.Children {
		switch {
		case c.SizeBytes > maxISOReaders:
			return c.Path + " has too many bytes for it"
		case strings.Trim(c.Name, ".") != c.Name || strings.HasSuffix(c.Name, ";1"):
			return c.Path + ": it takes dots and versions off the ends of names"
		case strings.Contains(c.Name, `\`):
			return c.Path + ": it takes a backslash for a slash"
		case c.IsDir() && folders[strings.ToUpper(c.Name)]:
			return c.Path + ": it does not tell folders apart by case"
		}
		folders[strings.ToUpper(c.Name)] = c.IsDir()
		if why := confusing(c); why != "" {
			return why
		}
	}
	return ""
}
