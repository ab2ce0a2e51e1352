package tree

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// outline shows a tree: names, folders with a slash, in order.
func outline(n *Node) string {
	var b strings.Builder
	for _, c := range n.Children {
		b.WriteString(c.Name)
		if c.IsDir() {
			b.WriteString("/(" + outline(c) + ")")
		}
		b.WriteByte(' ')
	}
	return strings.TrimSpace(b.String())
}

func TestBuild(t *testing.T) {
	files := []File{Bytes("b/c/d", []byte("1")), Bytes("b/a", nil), Dir("z"), Bytes("a", nil), Dir("b")}
	const want = "a b/(a c/(d)) z/()"
	for range 2 {
		root, err := Build(files)
		if err != nil {
			t.Fatal(err)
		}
		if got := outline(root); got != want {
			t.Errorf("got %s", got)
		}
		up := root.Children[1].Children[1]
		d := up.Children[0]
		if d.Path != "b/c/d" || up.Path != "b/c" || d.Mode != 0o644 || up.Mode != fs.ModeDir|0o755 {
			t.Errorf("%+v in %+v", d.File, up.File)
		}
		files[0], files[4] = files[4], files[0]
	}
}

func TestBuildRefuses(t *testing.T) {
	deep := strings.Repeat("d/", maxDepth) + "x"
	for _, c := range []struct {
		files []File
		want  string
	}{
		{[]File{Bytes("", nil)}, "empty"},
		{[]File{Bytes("/a", nil)}, "empty element"},
		{[]File{Bytes("a//b", nil)}, "empty element"},
		{[]File{Bytes("a/", nil)}, "empty element"},
		{[]File{Bytes("a/../b", nil)}, "element .."},
		{[]File{Bytes("./a", nil)}, "element ."},
		{[]File{Bytes("a\x00", nil)}, "NUL"},
		{[]File{Bytes("a\xff", nil)}, "not UTF-8"},
		{[]File{Bytes(strings.Repeat("n", 256), nil)}, "longer than 255"},
		{[]File{Bytes(deep, nil)}, "folders deep"},
		{[]File{Bytes("a", nil), Bytes("a", nil)}, "given twice"},
		{[]File{Bytes("a/b", nil), Bytes("a", nil)}, "given twice"},
		{[]File{Bytes("a", nil), Bytes("a/b", nil)}, "a is a file"},
		{[]File{{Path: "a", SizeBytes: -1}}, "negative size"},
		{[]File{{Path: "a", SizeBytes: 1}}, "nothing to read"},
	} {
		if _, err := Build(c.files); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %q", c.files[0].Path, err, c.want)
		}
	}
}

// writerTo reads like a file of an image: it hands itself on.
type writerTo struct {
	*bytes.Reader
	used *bool
}

func (w writerTo) WriteTo(to io.Writer) (int64, error) { *w.used = true; return w.Reader.WriteTo(to) }
func (writerTo) Close() error                          { return nil }

func TestCopy(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "host")
	if err := os.WriteFile(p, []byte("from the host"), 0o600); err != nil {
		t.Fatal(err)
	}
	host, err := Host("h", p)
	if err != nil {
		t.Fatal(err)
	}
	inside, err := FS("i", fstest.MapFS{"x/y": {Data: []byte("inside")}}, "x/y")
	if err != nil {
		t.Fatal(err)
	}
	used := false
	own := File{Path: "o", SizeBytes: 3, Open: func() (io.ReadCloser, error) { return writerTo{bytes.NewReader([]byte("own")), &used}, nil }}
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	for range 2 { // as often as one likes
		for _, f := range []File{host, inside, own, Bytes("b", []byte(";")), {Path: "nothing"}} {
			if err := Copy(out, f); err != nil {
				t.Error(err)
			}
		}
	}
	got, err := os.ReadFile(out.Name())
	if want := strings.Repeat("from the hostinsideown;", 2); err != nil || string(got) != want || !used {
		t.Errorf("%q, %v, WriteTo used: %t", got, err, used)
	}
}

// A source that is not as long as it was is never taken for whole.
func TestCopyChanged(t *testing.T) {
	p := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(p, []byte("four"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"for", "fours", ""} {
		f, err := Host("f", p)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := Copy(&b, f); err == nil {
			t.Errorf("%q for %d bytes was accepted", text, f.SizeBytes)
		}
		if int64(b.Len()) > f.SizeBytes {
			t.Errorf("%d bytes written of a file of %d", b.Len(), f.SizeBytes)
		}
		if err := os.WriteFile(p, []byte("four"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Host("f", p)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(p); err != nil {
		t.Fatal(err)
	}
	if err := Copy(io.Discard, f); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed: %v", err)
	}
}

func TestHostRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := Host("d", dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Host("d", filepath.Join(dir, "no")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
	if _, err := FS("d", os.DirFS(dir), "."); err == nil {
		t.Error("a folder of a file system was accepted")
	}
}
