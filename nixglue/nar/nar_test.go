package nar_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/nixglue/nar"
)

// words are strings as archives have them.
func words(all ...string) []byte {
	var b []byte
	for _, w := range all {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(w)))
		b = append(append(b, w...), make([]byte, -len(w)&7)...)
	}
	return b
}

// encode writes what Next has told, with contents, as an archive: the entries
// must be all of one.
func encode(entries []nar.Entry, contents [][]byte) []byte {
	all := words("nix-archive-1")
	var closers []string // prefixes of the folders that are open
	for i, e := range entries {
		for len(closers) > 0 && !strings.HasPrefix(e.Path, closers[len(closers)-1]) {
			closers = closers[:len(closers)-1]
			all = append(all, words(")", ")")...)
		}
		inside := e.Path != "."
		if inside {
			all = append(all, words("entry", "(", "name", filepath.Base(e.Path), "node")...)
		}
		switch {
		case e.Mode.IsDir():
			all = append(all, words("(", "type", "directory")...)
			if inside {
				closers = append(closers, e.Path+"/")
			}
			continue
		case e.Mode&fs.ModeSymlink != 0:
			all = append(all, words("(", "type", "symlink", "target", e.Target, ")")...)
		case e.Mode == 0o555:
			all = append(all, words("(", "type", "regular", "executable", "", "contents", string(contents[i]), ")")...)
		default:
			all = append(all, words("(", "type", "regular", "contents", string(contents[i]), ")")...)
		}
		if inside {
			all = append(all, words(")")...)
		}
	}
	for range closers {
		all = append(all, words(")", ")")...)
	}
	if entries[0].Mode.IsDir() {
		all = append(all, words(")")...)
	}
	return all
}

// read is all that an archive has.
func read(r *nar.Reader) (entries []nar.Entry, contents [][]byte, err error) { return walk(r, true) }

// walk reads all entries, and what is in them if whole.
func walk(r interface {
	Next() (nar.Entry, error)
	io.Reader
}, whole bool) (entries []nar.Entry, contents [][]byte, err error) {
	for {
		e, err := r.Next()
		if err == io.EOF {
			return entries, contents, nil
		}
		if err != nil {
			return entries, contents, err
		}
		var data []byte
		if whole {
			data, err = io.ReadAll(io.LimitReader(r, 1<<20))
		}
		if err != nil {
			return entries, contents, err
		}
		entries, contents = append(entries, e), append(contents, data)
	}
}

// Nix writes it, we read it, and it is the folder again; not a byte after it is read.
func TestDumpedByNix(t *testing.T) {
	nix := hosttool.Find(t, "nix-store", "nix-bin")
	dir := t.TempDir()
	for name, size := range map[string]int{"a": 0, "b.": 1, "b/c/d": 8, "b/c/e-": 100_000, "ü/x": 7, "z/" + strings.Repeat("n", 255): 9} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, bytes.Repeat([]byte{'x'}, size), 0o755-fs.FileMode(size%2)*0o111)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("../b/c", dir+"/b/link"), os.Mkdir(dir+"/empty", 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{".", "a", "b/link", "empty"} {
		data, err := exec.Command(nix, "--dump", filepath.Join(dir, root)).Output()
		if err != nil {
			t.Fatal(err)
		}
		rest := bytes.NewReader(append(data, "next"...))
		entries, contents, err := read(nar.NewReader(rest))
		if err != nil || rest.Len() != 4 {
			t.Fatalf("%s: %v, %d bytes left", root, err, rest.Len())
		}
		if !bytes.Equal(encode(entries, contents), data) {
			t.Errorf("%s: it is another archive: %v", root, entries)
		}
		var archive bytes.Buffer
		for _, w := range []io.Writer{&archive, nil} {
			f := nar.NewFolder(filepath.Join(dir, root), w)
			same, _, err := walk(f, w != nil)
			if err != nil || !slices.Equal(same, entries) || f.Size() != int64(len(data)) || !bytes.Equal(archive.Bytes(), data) {
				t.Errorf("%s as a folder: %v, %d bytes, not %d: %v", root, err, f.Size(), len(data), same)
			}
		}
		seen := map[string]bool{}
		for i, e := range entries {
			path := filepath.Join(dir, root, e.Path)
			info, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			seen[path] = true
			want, _ := os.ReadFile(path)
			if info.Mode().Type() != e.Mode.Type() || e.Mode.IsRegular() && (!bytes.Equal(contents[i], want) || e.Size != info.Size() || (info.Mode()&0o100 != 0) != (e.Mode == 0o555)) {
				t.Errorf("%s is %+v", path, e)
			}
		}
		if root == "." && (len(seen) != 13 || len(entries) != 13) {
			t.Errorf("%d entries: %v", len(entries), entries)
		}
	}
}

func TestHostile(t *testing.T) {
	root := func(inside ...[]byte) []byte {
		return bytes.Join([][]byte{words("nix-archive-1", "(", "type", "directory"), bytes.Join(inside, nil), words(")")}, nil)
	}
	link := func(name, target string) []byte {
		return words("entry", "(", "name", name, "node", "(", "type", "symlink", "target", target, ")", ")")
	}
	deep := words("nix-archive-1")
	for range 3000 {
		deep = append(deep, words("(", "type", "directory", "entry", "(", "name", "d", "node")...)
	}
	dirty := words("nix-archive-1", "(", "type", "regular", "contents", "abc", ")")
	dirty[len(dirty)-17] = 1 // of the padding
	huge := words("nix-archive-1", "(", "type", "regular", "contents")
	huge = binary.LittleEndian.AppendUint64(huge, 1<<63)
	cut := binary.LittleEndian.AppendUint64(words("nix-archive-1", "(", "type", "regular", "contents"), 1<<40)
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"empty":        {nil, "ends early"},
		"another":      {words("nix-archive-2"), `"nix-archive-1" should be`},
		"parent":       {root(link("..", "x")), "no name"},
		"slash":        {root(link("a/b", "x")), "no name"},
		"nul":          {root(link("a\x00", "x")), "no name"},
		"no name":      {root(link("", "x")), "no name"},
		"twice":        {root(link("a", "x"), link("a", "x")), "sorted"},
		"out of order": {root(link("b", "x"), link("a", "x")), "sorted"},
		"long name":    {root(link(strings.Repeat("n", 256), "x")), "a string of 256 bytes"},
		"long target":  {root(link("a", strings.Repeat("n", 4096))), "a string of 4096 bytes"},
		"no target":    {root(link("a", "")), "symbolic link"},
		"device":       {words("nix-archive-1", "(", "type", "device"), `type "device"`},
		"deep":         {deep, "a path of 4097 bytes"},
		"padding":      {dirty, "padding"},
		"huge":         {huge, "a length of 9223372036854775808"},
		"cut":          {append(cut, "abc"...), "ends early"},
		"no end":       {root()[:len(root())-8], "ends early"},
		"garbage":      {root(words("garbage")), `"garbage" where an entry`},
	} {
		r := nar.NewReader(bytes.NewReader(c.data))
		_, _, err := read(r)
		if !errors.Is(err, nar.ErrFormat) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if _, again := r.Next(); again == nil || again == io.EOF {
			t.Errorf("%s: goes on after %v", name, err)
		}
	}
}

// What is read as an archive is one, byte by byte, and nothing else is.
func FuzzReader(f *testing.F) {
	data, err := os.ReadFile("testdata/folder.nar")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(words("nix-archive-1", "(", "type", "regular", "contents", "abc", ")"))
	f.Add(words("nix-archive-1", "(", "type", "symlink", "target", "abc", ")"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rest := bytes.NewReader(data)
		entries, contents, err := read(nar.NewReader(bufio.NewReaderSize(rest, 16)))
		if err != nil {
			return
		}
		for i, e := range entries {
			if e.Size != int64(len(contents[i])) {
				t.Fatalf("%+v has %d bytes", e, len(contents[i]))
			}
			if e.Path != "." && !filepath.IsLocal(e.Path) {
				t.Fatalf("%+v leaves the archive", e)
			}
		}
		again := encode(entries, contents)
		// Very old Nix wrote no contents for an empty file.
		if !bytes.HasPrefix(data, again) && !bytes.Contains(data, words("regular", ")")) && !bytes.Contains(data, words("executable", "", ")")) {
			t.Fatalf("%q was read as %q", data, again)
		}
	})
}
