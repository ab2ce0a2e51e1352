package inspect_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/internal/nodefs/nodefstest"
)

func smallTree(t testing.TB, image []byte) (*inspect.Image, *inspect.Tree) {
	t.Helper()
	m, err := inspect.Open(bytes.NewReader(image), int64(len(image)))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := m.Tree()
	if err != nil {
		t.Fatal(err)
	}
	return m, tree
}

// times of files and folders are kept; a link has that of its making.
func times(in fs.FileInfo) string {
	if in.Mode()&fs.ModeSymlink != 0 {
		return ""
	}
	return fmt.Sprint(in.ModTime().UTC())
}

// TestCopy compares all that was copied with what the image has.
func TestCopy(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has other modes, and no links for everybody")
	}
	_, tree := smallTree(t, base().image)
	dst := filepath.Join(t.TempDir(), "new")
	done, err := inspect.Copy(context.Background(), tree, ".", dst, inspect.CopyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := nodefstest.Tree(t, tree, times)
	nodefstest.Compare(t, nodefstest.Tree(t, os.DirFS(dst), times), want)
	if n := done.Files + done.Folders + done.Links; n != len(want) || done.Links != 1 || done.Special != 0 {
		t.Errorf("%+v of %d", done, len(want))
	}

	// Again into the same folder: it is refused, and with Force the same.
	if _, err := inspect.Copy(context.Background(), tree, ".", dst, inspect.CopyOptions{}); !errors.Is(err, inspect.ErrExists) {
		t.Error(err)
	}
	if _, err := inspect.Copy(context.Background(), tree, ".", dst, inspect.CopyOptions{Force: true}); err != nil {
		t.Error(err)
	}
	got := nodefstest.Tree(t, os.DirFS(dst), times)
	got["."] = want["."] // the folder that was there stays as it is
	nodefstest.Compare(t, got, want)
}

func TestCopyOneFile(t *testing.T) {
	_, tree := smallTree(t, base().image)
	dst := filepath.Join(t.TempDir(), "fstab")
	var told []int64
	done, err := inspect.Copy(context.Background(), tree, "etc/fstab", dst, inspect.CopyOptions{Progress: func(n int64) { told = append(told, n) }})
	if err != nil || done.Files != 1 || !slices.Equal(told, []int64{done.Bytes}) {
		t.Errorf("%+v, told %d, %v", done, told, err)
	}
	want, _ := tree.ReadFile("etc/fstab")
	if got, err := os.ReadFile(dst); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := inspect.Copy(context.Background(), tree, "etc/none", dst, inspect.CopyOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestCopyStaysBelow: a link in the destination, or in the image, does not lead
// what is written out of the destination.
func TestCopyStaysBelow(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links are not for everybody on Windows")
	}
	dir := t.TempDir()
	outside, dst := filepath.Join(dir, "outside"), filepath.Join(dir, "dst")
	for _, d := range []string{outside, dst} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"folder": outside, "file": filepath.Join(outside, "victim")} {
		if err := os.Symlink(target, filepath.Join(dst, link)); err != nil {
			t.Fatal(err)
		}
	}
	image := fstest.MapFS{
		"folder/victim": {Data: []byte("x"), Mode: 0o4755}, "file": {Data: []byte("x"), Mode: 0o644},
		"out": {Data: []byte("../../outside"), Mode: fs.ModeSymlink | 0o777},
	}
	for _, name := range []string{"folder", "file"} {
		if _, err := inspect.Copy(context.Background(), image, name, filepath.Join(dst, name), inspect.CopyOptions{}); !errors.Is(err, inspect.ErrExists) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := inspect.Copy(context.Background(), image, ".", dst, inspect.CopyOptions{Force: true}); !errors.Is(err, inspect.ErrExists) {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dst, "folder")); err != nil {
		t.Fatal(err)
	}
	if _, err := inspect.Copy(context.Background(), image, ".", dst, inspect.CopyOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if list, err := os.ReadDir(outside); err != nil || len(list) > 0 {
		t.Errorf("outside has %v, %v", list, err)
	}
	if in, err := os.Lstat(filepath.Join(dst, "folder/victim")); err != nil || in.Mode() != 0o755 {
		t.Errorf("%v, %v", in, err)
	}
	if target, err := os.Readlink(filepath.Join(dst, "out")); err != nil || target != "../../outside" {
		t.Errorf("%q, %v", target, err)
	}
}

// TestCopyEnds: a signal, an error of the image and names that cannot be are
// the end, and no half file stays.
func TestCopyEnds(t *testing.T) {
	broken := errors.New("broken")
	stopped, stop := context.WithCancelCause(context.Background())
	stop(broken)
	deep := strings.Repeat(strings.Repeat("d", 100)+"/", 50) + "file"
	for name, c := range map[string]struct {
		ctx  context.Context
		fsys fs.FS
		want error
	}{
		"stopped":       {stopped, fstest.MapFS{"a": {}}, broken},
		"a broken file": {context.Background(), brokenFS{fstest.MapFS{"a": {Data: []byte("x")}}, broken}, broken},
		"a long path":   {context.Background(), fstest.MapFS{deep: {}}, inspect.ErrName},
	} {
		dst := filepath.Join(t.TempDir(), "dst")
		if _, err := inspect.Copy(c.ctx, c.fsys, ".", dst, inspect.CopyOptions{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dst, "a")); err == nil {
			t.Errorf("%s: a file stays", name)
		}
	}
	dst := filepath.Join(t.TempDir(), "dst")
	done, err := inspect.Copy(context.Background(), fstest.MapFS{"pipe": {Mode: fs.ModeNamedPipe}, "disk": {Mode: fs.ModeDevice}}, ".", dst, inspect.CopyOptions{})
	if err != nil || done.Special != 2 {
		t.Errorf("%+v, %v", done, err)
	}
}

// brokenFS is a file system whose files end with an error.
type brokenFS struct {
	fstest.MapFS
	err error
}

func (b brokenFS) Open(name string) (fs.File, error) {
	f, err := b.MapFS.Open(name)
	if in, _ := f.Stat(); err != nil || in.IsDir() {
		return f, err
	}
	return brokenFile{f, b.err}, nil
}

type brokenFile struct {
	fs.File
	err error
}

func (b brokenFile) Read([]byte) (int, error) { return 0, b.err }

// TestCopySparse: holes stay holes.
func TestCopySparse(t *testing.T) {
	data := make([]byte, 5<<20)
	copy(data[3<<20:], "data")
	dst := filepath.Join(t.TempDir(), "sparse")
	if _, err := inspect.Copy(context.Background(), fstest.MapFS{"s": {Data: data, ModTime: time.Unix(1, 0)}}, "s", dst, inspect.CopyOptions{}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(dst)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes differ: %v", len(got), err)
	}
	if n := allocated(t, dst); n > 2<<20 {
		t.Errorf("%d bytes are allocated", n)
	}
}

func TestDiffFiles(t *testing.T) {
	file := func(text string, mode fs.FileMode) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(text), Mode: mode}
	}
	a := fstest.MapFS{
		"same": file("x", 0o644), "mode": file("x", 0o644), "size": file("x", 0o644), "text": file("abc", 0o644), "gone/deep/file": file("1", 0o600),
		"link": file("one", fs.ModeSymlink|0o777), "type": file("x", 0o644), "setuid": file("x", 0o755),
	}
	b := fstest.MapFS{
		"same": file("x", 0o644), "mode": file("x", 0o600), "size": file("xy", 0o644), "text": file("abd", 0o644), "new": file("12345", 0o600),
		"link": file("two", fs.ModeSymlink|0o777), "type/now": file("x", 0o644), "setuid": file("x", 0o755|fs.ModeSetuid),
	}
	a["same"].ModTime = time.Unix(1, 0)
	tell := func(a, b fs.FS) string {
		var all []string
		if err := inspect.DiffFiles(context.Background(), a, b, func(c inspect.FileChange) error {
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s%s", c.Kind, c.Path, strings.Join(c.What, ","), c.Problem)))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return strings.Join(all, "\n")
	}
	want := `removed /gone
removed /gone/deep
removed /gone/deep/file
changed /link target
changed /mode mode
added /new
changed /setuid mode
changed /size size
changed /text contents
changed /type type,mode,size
added /type/now`
	if got := tell(a, b); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := tell(a, a); got != "" {
		t.Errorf("with itself: %s", got)
	}
	if got := tell(a, brokenFS{a, errors.New("broken")}); !strings.Contains(got, "unread /text broken") {
		t.Errorf("one that is broken: %s", got)
	}
	_, one := smallTree(t, base().image)
	_, two := smallTree(t, bytes.Replace(base().image, []byte("ID=small"), []byte("ID=large"), 1))
	if got := tell(one, two); got != "changed /usr/lib/os-release contents" {
		t.Error(got)
	}
}

func TestDiffPackages(t *testing.T) {
	p := func(name, version string) inspect.Package {
		return inspect.Package{Name: name, Version: version, Arch: "x86_64"}
	}
	a := []inspect.Package{p("bash", "1"), p("gone", "1"), p("kernel", "1"), p("kernel", "2"), p("same", "1")}
	b := []inspect.Package{p("bash", "2"), p("kernel", "2"), p("kernel", "3"), p("new", "1"), p("same", "1"), {Name: "same", Version: "1", Arch: "i686"}}
	var got []string
	for _, c := range inspect.DiffPackages(a, b) {
		got = append(got, fmt.Sprintf("%s %s.%s %q %q", c.Kind, c.Name, c.Arch, c.A, c.B))
	}
	want := `changed bash.x86_64 "1" "2"
removed gone.x86_64 "1" ""
added kernel.x86_64 "" "3"
removed kernel.x86_64 "1" ""
added new.x86_64 "" "1"
added same.i686 "" "1"`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}
