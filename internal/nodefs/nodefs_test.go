package nodefs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/imgasm/imgasm/internal/fault"
)

// memory is a node in memory: a directory, a link, or a file that is read three
// bytes at a time.
type memory struct {
	files map[string]*memory
	link  string
	data  string
	err   error // of a listing
}

func (m *memory) Mode() fs.FileMode {
	switch {
	case m.files != nil:
		return fs.ModeDir | 0o755
	case m.link != "":
		return fs.ModeSymlink | 0o777
	}
	return 0o644
}
func (m *memory) Size() int64               { return int64(len(m.data)) }
func (m *memory) ModTime() time.Time        { return time.Unix(1, 0) }
func (m *memory) Sys() any                  { return m }
func (m *memory) ReadLink() (string, error) { return m.link, nil }
func (m *memory) List() Lister              { return &lister{m} }

func (m *memory) Lookup(name string) (Node, error) {
	if c := m.files[name]; c != nil {
		return c, nil
	}
	return nil, fs.ErrNotExist
}

func (m *memory) ReadPiece(p []byte, off int64) (int, error) {
	return copy(p[:min(3, len(p))], m.data[off:]), nil
}

type lister struct{ m *memory }

func (l *lister) Next() (all []Entry, err error) {
	if l.m == nil {
		return nil, io.EOF
	}
	for name, c := range l.m.files {
		all = append(all, named{name, c})
	}
	err = l.m.err
	l.m = nil
	return all, err
}

type named struct {
	name string
	m    *memory
}

func (n named) Name() string        { return n.name }
func (n named) Type() fs.FileMode   { return n.m.Mode().Type() }
func (n named) Node() (Node, error) { return n.m, nil }

func tree() (FS, *memory) {
	root := &memory{files: map[string]*memory{
		"file": {data: "some text"}, "empty": {}, "dir": {files: map[string]*memory{"deep": {files: map[string]*memory{"file": {data: "deep text"}}}}},
		"loop": {link: "loop"}, "absolute": {link: "/dir/deep/../deep/file"}, "out": {link: "../../../file"}, "here": {link: "."}, "none": {link: "no/such"},
	}}
	return FS{MaxFile: 100, Root: func() (Node, error) { return root, nil }}, root
}

func TestFS(t *testing.T) {
	f, root := tree()
	for name, want := range map[string]string{"absolute": "deep text", "out": "some text", "here/here/out": "some text", "dir/deep/file": "deep text"} {
		if got, err := f.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, want := range map[string]string{
		"loop": "more than 40 symbolic links", "file/x": "not a directory", "out/x": "not a directory", "none": "not exist", "dir/none": "not exist", "../file": "invalid", "/file": "invalid",
		strings.Repeat("here/", 41) + "file": "more than 40 symbolic links",
	} {
		if _, err := f.Stat(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20s: %v", name, err)
		}
	}
	if _, err := f.ReadLink("file"); !errors.Is(err, fs.ErrInvalid) {
		t.Error(err)
	}
	root.files["\xe9t\xe9"] = &memory{data: "Latin-1"}
	if b, err := f.ReadFile("\xe9t\xe9"); err != nil || string(b) != "Latin-1" {
		t.Errorf("a name that is no UTF-8: %q, %v", b, err)
	}
	delete(root.files, "\xe9t\xe9") // the standard library's judge knows none
	root.files["file"].data = strings.Repeat("x", 101)
	if _, err := f.ReadFile("file"); err == nil {
		t.Error("a file beyond MaxFile is read as a whole")
	}
	root.files["file"].data = "some text"
	for _, link := range []string{"loop", "none"} { // the standard library's judge follows links
		delete(root.files, link)
	}
	if err := fstest.TestFS(f, "dir/deep/file", "empty"); err != nil {
		t.Error(err)
	}
}

func TestIndex(t *testing.T) {
	broken, damaged := errors.New("broken disk"), fault.Class(fault.Input, "damaged")
	listed := 0
	list := func(err error, names ...string) func() Lister {
		return func() Lister {
			listed++
			m := &memory{files: map[string]*memory{}, err: err}
			for _, n := range names {
				m.files[n] = &memory{}
			}
			return &lister{m}
		}
	}
	x := NewIndex(20 * EntryCost)
	look := func(dir uint64, name string, list func() Lister, want error, lists int) {
		t.Helper()
		listed = 0
		if _, err := x.Lookup(dir, name, list); !errors.Is(err, want) || listed != lists {
			t.Errorf("%s in %d: %v after %d listings, want %v after %d", name, dir, err, listed, want, lists)
		}
	}
	look(1, "a", list(nil, "a"), nil, 1)
	look(1, "a", list(nil, "a"), nil, 0) // kept
	look(1, "b", list(nil, "a"), fs.ErrNotExist, 0)
	look(2, "b", list(damaged, "a"), damaged, 1) // and what could be read of it, too
	look(2, "a", list(damaged, "a"), nil, 0)
	look(3, "b", list(broken, "a"), broken, 1) // a device may do better next time
	look(3, "b", list(nil, "b"), nil, 1)
	look(1, "a", list(nil, "a"), nil, 1) // the third made room for itself
}

func TestOnce(t *testing.T) {
	var o Once
	for i, c := range []struct {
		number uint64
		name   string
		want   bool
	}{{1, "a", true}, {2, "b", true}, {1, "c", false}, {3, "a", false}, {3, "c", true}} {
		if o.Add(c.number, c.name) != c.want {
			t.Error(fmt.Sprint(i, c))
		}
	}
}
