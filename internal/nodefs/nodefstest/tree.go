// Package nodefstest is what tests of file systems have in common: a tree of
// files, written by the kernel, and how two are compared.
package nodefstest

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"testing"
)

// LongName is one that few have room for beside others.
const LongName = "a-name-that-is-longer-than-what-an-inode-has-room-for-if-there-are-some-of-them-in-one-directory"

// Tree describes every file: mode, owner, size, contents or target. more adds
// to that.
func Tree(t testing.TB, fsys fs.FS, more func(fs.FileInfo) string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(fsys, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		in, err := e.Info()
		if err != nil {
			return err
		}
		all[path] = fmt.Sprintf("%v %s", in.Mode(), more(in))
		switch in.Mode().Type() {
		case 0:
			f, err := fsys.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			sum := sha256.New()
			n, err := io.Copy(sum, f)
			if err != nil {
				return err
			}
			if n != in.Size() {
				t.Errorf("%s: %d bytes read of %d", path, n, in.Size())
			}
			all[path] += fmt.Sprintf(" %d %x", n, sum.Sum(nil))
		case fs.ModeSymlink:
			target, err := fs.ReadLink(fsys, path)
			if err != nil {
				return err
			}
			all[path] += " " + target
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Compare tells what differs.
func Compare(t testing.TB, got, want map[string]string) {
	t.Helper()
	for path, w := range want {
		if g := got[path]; g != w {
			t.Errorf("%s:\nread %s\nwant %s", path, g, w)
		}
	}
	for path, g := range got {
		if _, ok := want[path]; !ok {
			t.Errorf("%s: read %s, which nobody wrote", path, g)
		}
	}
}
