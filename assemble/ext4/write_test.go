package ext4_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/imgasm/imgasm/assemble/ext4"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/nodefs/nodefstest"
)

// options are those of a file system of a size.
func options(size int64) ext4.Options {
	return ext4.Options{SizeBytes: size, Label: "sixteen bytes ok", UUID: "01234567-89ab-cdef-0123-456789abcdef", Time: time.Unix(1_700_000_000, 0)}
}

// written makes a file system and returns the path of its image, which e2fsck
// has nothing to say of.
func written(t testing.TB, o ext4.Options, fill func(*ext4.Writer) error) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "written.img")
	f, err := os.Create(image)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(o.SizeBytes); err != nil {
		t.Fatal(err)
	}
	w, err := ext4.Create(f, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := fill(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	clean(t, image)
	return image
}

// clean has e2fsck look at an image, which shall need no repair.
func clean(t testing.TB, image string) {
	t.Helper()
	out := tool(t, "e2fsck", "-fn", image)
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "Pass ") && !strings.HasPrefix(line, "e2fsck 1.") && !strings.Contains(line, " files (") {
			t.Errorf("e2fsck says: %s", out)
			break
		}
	}
}

// copyTree writes a folder of this host. Names of one file are told by same.
func copyTree(w *ext4.Writer, dir string, same map[string]string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		in, err := e.Info()
		if err != nil {
			return err
		}
		a := ext4.Attr{Mode: in.Mode(), UID: 70_000, GID: 4_000_000_000, ModTime: in.ModTime()}
		switch {
		case same[name] != "":
			return w.Link(name, same[name])
		case e.IsDir():
			return w.Mkdir(name, a)
		case e.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return w.Symlink(name, target, a)
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return w.File(name, a, in.Size(), f)
	})
}

// exactTime is what the writer keeps of a file besides what Tree tells.
func exactTime(in fs.FileInfo) string { return fmt.Sprint(in.ModTime().UTC()) }

// TestWrite has a tree written, and judged: by e2fsck, also after resize2fs has
// grown it to 100 GiB; read back by debugfs, by the kernel, and by this package.
func TestWrite(t *testing.T) {
	dir := source(t)
	want := nodefstest.Tree(t, os.DirFS(dir), exactTime)
	var sums [2][32]byte
	var image string
	for i := range sums {
		image = written(t, options(96<<20), func(w *ext4.Writer) error {
			return copyTree(w, dir, map[string]string{"sizes/4097": "other-name"})
		})
		data, err := os.ReadFile(image)
		if err != nil {
			t.Fatal(err)
		}
		sums[i] = sha256.Sum256(data)
	}
	if sums[0] != sums[1] {
		t.Error("two runs wrote other bytes")
	}
	fsys := open(t, image)
	got := nodefstest.Tree(t, fsys, exactTime)
	delete(got, "lost+found")
	nodefstest.Compare(t, got, want)
	if fsys.Label != options(0).Label || fsys.UUID != options(0).UUID || fsys.Unclean {
		t.Errorf("label %q, UUID %s, unclean %t", fsys.Label, fsys.UUID, fsys.Unclean)
	}
	in, err := fsys.Stat("other-name")
	if err != nil {
		t.Fatal(err)
	}
	if s := in.Sys().(*ext4.Stat); s.Links != 2 || s.UID != 70_000 || s.GID != 4_000_000_000 {
		t.Errorf("other-name: %+v", *s)
	}

	dumped := t.TempDir()
	debugfs(t, image, "rdump / "+dumped)
	got = nodefstest.Tree(t, os.DirFS(dumped), exactTime)
	delete(got, "lost+found")
	withoutTimes := func(tree map[string]string) map[string]string { // debugfs keeps seconds, not of all, and no setuid
		cut := map[string]string{}
		for path, s := range tree {
			mode, rest, _ := strings.Cut(strings.TrimLeft(s, "-ugt"), " ")
			if at := strings.Index(rest, "UTC"); at >= 0 {
				rest = rest[at+3:]
			}
			if path == "." {
				mode = "" // the folder's own
			}
			cut[path] = mode + rest
		}
		return cut
	}
	nodefstest.Compare(t, withoutTimes(got), withoutTimes(want))

	tool(t, "resize2fs", image, "100G")
	clean(t, image)
	if size := open(t, image).Size; size != 100<<30 {
		t.Errorf("resize2fs made %d bytes of it", size)
	}
}

// TestWriteRefuses: what cannot be written is told by its class, and a path that was
// refused does no harm.
func TestWriteRefuses(t *testing.T) {
	written(t, options(ext4.MinSizeBytes), func(w *ext4.Writer) error {
		file := func(path string, size int64, content string) error {
			return w.File(path, ext4.Attr{Mode: 0o644}, size, strings.NewReader(content))
		}
		if err := errors.Join(file("file", 3, "abc"), w.Mkdir("dir", ext4.Attr{}), w.Symlink("link", "file", ext4.Attr{})); err != nil {
			return err
		}
		for _, c := range []struct {
			class error
			text  string
			err   error
		}{
			{ext4.ErrName, "1 to 255", file(strings.Repeat("x", 256), 0, "")},
			{ext4.ErrName, "1 to 255", file("dir//x", 0, "")},
			{ext4.ErrName, "1 to 255", file("dir/", 0, "")},
			{ext4.ErrName, "1 to 255", file("/x", 0, "")},
			{ext4.ErrName, "1 to 255", file("..", 0, "")},
			{ext4.ErrName, "1 to 255", file("a\x00", 0, "")},
			{ext4.ErrName, "is a directory", w.Link("x", "dir")},
			{ext4.ErrTarget, "4096", w.Symlink("x", strings.Repeat("x", 4096), ext4.Attr{})},
			{ext4.ErrTarget, "this one 0", w.Symlink("x", "", ext4.Attr{})},
			{fs.ErrNotExist, "no/dir", file("no/dir/x", 0, "")},
			{ext4.ErrMissing, "file is no directory", file("file/x", 0, "")},
			{ext4.ErrMissing, "link", w.Mkdir("link/x", ext4.Attr{})},
			{fs.ErrNotExist, "other", w.Link("x", "other")},
			{fs.ErrExist, "dir", w.Mkdir("dir", ext4.Attr{})},
			{ext4.ErrExists, "lost+found", w.Mkdir("lost+found", ext4.Attr{})},
			{ext4.ErrExists, "file", w.Symlink("file", "x", ext4.Attr{})},
			{ext4.ErrFull, "do not fit", file("large", 1<<30, "")},
			{ext4.ErrMismatch, "-1", file("x", -1, "")},
		} {
			if !errors.Is(c.err, c.class) || !strings.Contains(c.err.Error(), c.text) {
				t.Errorf("%v: not %v with %q", c.err, c.class, c.text)
			}
		}
		return nil
	})
	for _, c := range []struct {
		field string
		o     ext4.Options
	}{
		{"SizeBytes", ext4.Options{UUID: options(0).UUID, SizeBytes: 4<<20 + 1}},
		{"SizeBytes", ext4.Options{UUID: options(0).UUID, SizeBytes: ext4.MaxSizeBytes + 4096}},
		{"Inodes", ext4.Options{UUID: options(0).UUID, SizeBytes: 8 << 20, Inodes: -1}},
		{"SizeBytes", ext4.Options{UUID: options(0).UUID, SizeBytes: 8 << 20, Inodes: 100_000}},
		{"UUID", ext4.Options{SizeBytes: 8 << 20, UUID: "0123456789abcdef"}},
		{"Label", ext4.Options{UUID: options(0).UUID, SizeBytes: 8 << 20, Label: "seventeen letters"}},
	} {
		_, err := ext4.Create(nil, c.o)
		var e *fault.Error
		if !errors.As(err, &e) || e.Field != c.field {
			t.Errorf("%+v: %v", c.o, err)
		}
	}
}

// TestBroken: after an error of a reader or of the image nothing is written as
// if nothing had been.
func TestBroken(t *testing.T) {
	for name, c := range map[string]struct {
		r     io.Reader
		class error
	}{
		"short":  {strings.NewReader("abc"), ext4.ErrMismatch},
		"long":   {strings.NewReader("abcde"), ext4.ErrMismatch},
		"broken": {iotest.ErrReader(iotest.ErrTimeout), iotest.ErrTimeout},
	} {
		f, err := os.Create(filepath.Join(t.TempDir(), "image"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		w, err := ext4.Create(f, options(8<<20))
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{w.File("file", ext4.Attr{}, 4, c.r), w.Mkdir("dir", ext4.Attr{}), w.Close()} {
			if !errors.Is(err, c.class) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := f.Stat(); err != nil {
			t.Error(err)
		}
		if _, err := ext4.New(f, 8<<20); err == nil {
			t.Errorf("%s: it is a file system", name)
		}
	}
}
