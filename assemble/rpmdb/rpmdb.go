// Package rpmdb lists the packages that RPM has installed: it reads RPM's
// SQLite database, of a disk image's root say, where no rpm can run. No SQLite
// is needed, and nothing is written.
//
// RPM has kept its database in SQLite since version 4.16 (Fedora 33, EL 9). The
// older Berkeley DB and SUSE's ndb are refused by name ([ErrUnsupported]). What
// only the write-ahead log has counts, as far as it was committed.
//
// Databases of strangers may be damaged or hostile. What is read is checked, no
// page is used twice, so that reading ends, and what it takes has bounds: a
// package's header of at most 64 MiB, a list of at most 131,072 packages with 64
// MiB of text in strings of at most 1 MiB, databases and logs of at most
// 1,048,576 pages (4 GiB, as RPM makes them). It takes some 300 MiB at the very
// worst, and usually 5.
package rpmdb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
)

var (
	// ErrNone: there is no RPM database. It is an fs.ErrNotExist as well.
	ErrNone = fault.Class(fault.Input, "no RPM database")
	// ErrUnsupported: there is one, of a kind that this package does not read.
	ErrUnsupported = fault.Class(fault.Input, "unsupported RPM database")
	// ErrCorrupt: what was read contradicts the format or itself.
	ErrCorrupt = fault.Class(fault.Input, "damaged RPM database")
	// ErrTooLarge: it needs more than the bounds that the package's comment names.
	ErrTooLarge = fault.Class(fault.Input, "too large an RPM database")
)

const (
	maxPages    = 1 << 20
	maxBlob     = 64 << 20
	maxText     = 64 << 20
	maxString   = 1 << 20
	maxPackages = 1 << 17
	maxTables   = 4096 // and indices; rpm makes some fifty
	// maxWhole is what is read of a file that is no io.ReaderAt.
	maxWhole = 256 << 20
)

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

func tooLarge(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrTooLarge, fmt.Sprintf(format, args...))
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}

// folders are where RPM's database is: of EL 10 and Fedora, and of EL 9.
var folders = []string{"usr/lib/sysimage/rpm", "var/lib/rpm"}

// List returns the packages of the system whose root fsys is, gpg-pubkey ones
// too (see Package.IsKey), in the order of Compare. Errors are ErrNone,
// ErrUnsupported, ErrCorrupt, ErrTooLarge, or fsys's. Files are read best where
// they are io.ReaderAts; of others at most 256 MiB are taken into memory.
func List(fsys fs.FS) ([]Package, error) {
	for _, dir := range folders {
		name := path.Join(dir, "rpmdb.sqlite")
		list, err := read(fsys, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return list, nil
	}
	return nil, none(fsys)
}

// none says why there is no SQLite database.
func none(fsys fs.FS) error {
	for _, dir := range folders {
		for _, old := range []struct{ file, kind string }{{"Packages", "Berkeley DB"}, {"Packages.db", "ndb"}} {
			name := path.Join(dir, old.file)
			if _, err := fs.Stat(fsys, name); err == nil {
				return &fault.Error{
					Class: ErrUnsupported, Err: fmt.Errorf("%s: an RPM database in %s, where SQLite is read", name, old.kind),
					Do: "run inside, with RPM 4.16 or newer: rpmdb --define '_db_backend sqlite' --rebuilddb",
				}
			}
		}
	}
	return fmt.Errorf("%w in %s: %w", ErrNone, strings.Join(folders, " or "), fs.ErrNotExist)
}

// read lists the packages of the database of that name.
func read(fsys fs.FS, name string) (list []Package, err error) {
	file, err := open(fsys, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	log, err := open(fsys, name+"-wal")
	switch {
	case err == nil:
		defer log.Close()
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if err := noJournal(fsys, name+"-journal"); err != nil {
		return nil, err
	}
	return packages(file.source, log.source)
}

// packages are those of a database and its write-ahead log.
func packages(file, log source) ([]Package, error) {
	db, err := openDatabase(file, log)
	if err != nil {
		return nil, err
	}
	var list []Package
	text := 0
	err = db.rows("Packages", func(number int64, r record) error {
		blob, err := r.blob(1) // the only other column is the rowid
		if err != nil {
			return fmt.Errorf("package %d: %w", number, err)
		}
		p, err := parse(blob)
		if err != nil {
			return fmt.Errorf("package %d: %w", number, err)
		}
		text += p.textSize()
		if text > maxText || len(list) == maxPackages {
			return tooLarge("more than %d packages, or %d bytes of text", maxPackages, maxText)
		}
		list = append(list, p)
		return nil
	})
	slices.SortStableFunc(list, Compare)
	return list, err
}

// noJournal refuses a database that has pages of an unfinished transaction.
// RPM makes no such journal but while it makes the database.
func noJournal(fsys fs.FS, name string) error {
	f, err := open(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	// A journal is hot where it has its magic ("Database File Format", section 3).
	head := make([]byte, 8)
	if f.size < int64(len(head)) {
		return nil
	}
	if err := f.full(head, 0); err != nil {
		return err
	}
	if string(head) == "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" {
		return unsupported("a transaction was interrupted (%s): any rpm command that writes, run inside, finishes it", path.Base(name))
	}
	return nil
}

// file is an open file of an fs.FS.
type file struct {
	source
	io.Closer
}

func open(fsys fs.FS, name string) (file, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return file{}, err
	}
	s, err := sized(f)
	if err != nil {
		f.Close()
		return file{}, err
	}
	return file{s, f}, nil
}

func sized(f fs.File) (source, error) {
	info, err := f.Stat()
	if err != nil {
		return source{}, err
	}
	if !info.Mode().IsRegular() {
		return source{}, corrupt("not a regular file")
	}
	if r, ok := f.(io.ReaderAt); ok {
		return source{r, info.Size()}, nil
	}
	all, err := io.ReadAll(io.LimitReader(f, maxWhole+1))
	if err == nil && len(all) > maxWhole {
		err = tooLarge("more than %d bytes in a file that cannot be read in parts", maxWhole)
	}
	return source{bytes.NewReader(all), int64(len(all))}, err
}
