package rpmdb_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/imgasm/imgasm/assemble/rpmdb"
	"github.com/imgasm/imgasm/internal/fault"
)

const (
	newPlace = "usr/lib/sysimage/rpm/rpmdb.sqlite"
	oldPlace = "var/lib/rpm/rpmdb.sqlite"
)

// smallDatabase is the database that testdata/make.sh had rpm make.
func smallDatabase() ([]byte, error) {
	packed, err := os.ReadFile("testdata/rpmdb.sqlite.gz")
	if err != nil {
		return nil, err
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// names are the packages as rpm -qa has them.
func names(list []rpmdb.Package) string {
	var all []string
	for _, p := range list {
		all = append(all, p.String())
	}
	return strings.Join(all, " ")
}

const smallNames = "gpg-pubkey-KEY kernel-core-6.12.0-55.9.1.el10.x86_64 kernel-core-6.12.0-55.10.1.el10.x86_64 nodejs-20.1.0-1.el9.x86_64 shadow-utils-4.15.0-5.el10.x86_64 tzdata-2025b-1.el10.noarch"

// The database is found where systems have it, read as far as it was
// committed, and from files of every kind.
func TestList(t *testing.T) {
	small, err := smallDatabase()
	if err != nil {
		t.Fatal(err)
	}
	tiny, log := read(t, "testdata/tiny.sqlite"), read(t, "testdata/tiny.sqlite-wal")
	file := func(data []byte) *fstest.MapFile { return &fstest.MapFile{Data: data} }
	stale := slices.Clone(log)
	stale[16]++ // a salt: of another generation
	half := log[:len(log)-1]
	for name, test := range map[string]struct {
		files fstest.MapFS
		want  int
	}{
		"new place":         {fstest.MapFS{newPlace: file(small)}, 6},
		"old place":         {fstest.MapFS{oldPlace: file(small), "usr/lib/sysimage/rpm/.rpm.lock": file(nil)}, 6},
		"both":              {fstest.MapFS{newPlace: file(small), oldPlace: file(tiny)}, 6},
		"log":               {fstest.MapFS{newPlace: file(tiny), newPlace + "-wal": file(log)}, 6},
		"empty log":         {fstest.MapFS{newPlace: file(tiny), newPlace + "-wal": file(nil)}, 3},
		"no log":            {fstest.MapFS{newPlace: file(tiny)}, 3},
		"stale log":         {fstest.MapFS{newPlace: file(tiny), newPlace + "-wal": file(stale)}, 3},
		"log cut short":     {fstest.MapFS{newPlace: file(tiny), newPlace + "-wal": file(half)}, 3},
		"finished journal":  {fstest.MapFS{newPlace: file(tiny), newPlace + "-journal": file(make([]byte, 512))}, 3},
		"truncated journal": {fstest.MapFS{newPlace: file(tiny), newPlace + "-journal": file(nil)}, 3},
	} {
		for kind, fsys := range map[string]fs.FS{"in parts": test.files, "whole": whole{test.files}} {
			list, err := rpmdb.List(fsys)
			if err != nil || len(list) != test.want {
				t.Errorf("%s, %s: %d packages, %v", name, kind, len(list), err)
			}
		}
	}
	list, err := rpmdb.List(fstest.MapFS{newPlace: file(tiny), newPlace + "-wal": file(log)})
	if err != nil {
		t.Fatal(err)
	}
	key := list[0]
	if !key.IsKey() || list[1].IsKey() {
		t.Errorf("%s is a key, %s is none", key, list[1])
	}
	if got := strings.Replace(names(list), key.Version+"-"+key.Release, "KEY", 1); got != smallNames {
		t.Error(got)
	}
	same, err := rpmdb.List(fstest.MapFS{newPlace: file(small)})
	if diff := cmp.Diff(same, list); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
}

// whole is a file system whose files can only be read from the beginning.
type whole struct{ fs.FS }

func (w whole) Open(name string) (fs.File, error) {
	f, err := w.FS.Open(name)
	return struct{ fs.File }{f}, err
}

// What cannot be read is refused by name.
func TestRefusals(t *testing.T) {
	small, err := smallDatabase()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		files fstest.MapFS
		class error
		want  string
	}{
		"nothing":  {fstest.MapFS{}, rpmdb.ErrNone, "no RPM database"},
		"nothing ": {fstest.MapFS{}, fs.ErrNotExist, "no RPM database"},
		"Berkeley": {fstest.MapFS{"var/lib/rpm/Packages": {}}, rpmdb.ErrUnsupported, "var/lib/rpm/Packages: an RPM database in Berkeley DB"},
		"ndb":      {fstest.MapFS{"usr/lib/sysimage/rpm/Packages.db": {}}, rpmdb.ErrUnsupported, "Packages.db: an RPM database in ndb"},
		"folder":   {fstest.MapFS{newPlace: {Mode: fs.ModeDir}}, rpmdb.ErrCorrupt, newPlace + ": damaged RPM database: not a regular file"},
		"empty":    {fstest.MapFS{newPlace: {}}, rpmdb.ErrCorrupt, "0 bytes are no SQLite database"},
		"text":     {fstest.MapFS{newPlace: {Data: bytes.Repeat([]byte("text"), 100)}}, rpmdb.ErrCorrupt, "not an SQLite database"},
		"journal": {fstest.MapFS{newPlace: {Data: small}, newPlace + "-journal": {Data: []byte("\xd9\xd5\x05\xf9\x20\xa1\x63\xd7 and more")}},
			rpmdb.ErrUnsupported, "a transaction was interrupted (rpmdb.sqlite-journal)"},
	} {
		list, err := rpmdb.List(test.files)
		if !errors.Is(err, test.class) || !strings.Contains(err.Error(), test.want) || len(list) > 0 || fault.KindOf(err) != fault.Input {
			t.Errorf("%s: %v, %v", name, list, err)
		}
		if old := name == "Berkeley" || name == "ndb"; old != strings.Contains(fault.Hint(err, nil), "rpmdb") {
			t.Errorf("%s: hint %q", name, fault.Hint(err, nil))
		}
	}
}
