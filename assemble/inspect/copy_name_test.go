package inspect_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/fstest"

	"github.com/imgasm/imgasm/assemble/inspect"
)

// Names that differ by capital letters are copied where they are two, and refused
// where they are one.
func TestCopyTwins(t *testing.T) {
	probe := t.TempDir()
	if err := os.Mkdir(filepath.Join(probe, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := os.Stat(filepath.Join(probe, "A"))
	oneName := err == nil
	for _, image := range []fstest.MapFS{
		{"d/MARK.h": {Data: []byte("1")}, "d/mark.h": {Data: []byte("2")}},
		{"MARK/h": {Data: []byte("1")}, "mark/h": {Data: []byte("2")}},
	} {
		for range 2 { // what was there before is replaced
			_, err := inspect.Copy(t.Context(), image, ".", filepath.Join(probe, "to"), inspect.CopyOptions{Force: true})
			if oneName != errors.Is(err, inspect.ErrName) || !oneName && err != nil {
				t.Errorf("%v", err)
			}
		}
	}
}

// twinFS is a file system during whose copy MARK.h gets the name mark.h besides, as
// if the host took both for one.
type twinFS struct {
	fstest.MapFS
	link func() error
}

func (f twinFS) ReadDir(name string) ([]fs.DirEntry, error) {
	list, err := f.MapFS.ReadDir(name)
	for i, e := range list {
		if e.Name() == "mark.h" {
			list[i] = twinEntry{e, f.link}
		}
	}
	return list, err
}

type twinEntry struct {
	fs.DirEntry
	link func() error
}

func (e twinEntry) Info() (fs.FileInfo, error) {
	if err := e.link(); err != nil {
		return nil, err
	}
	return e.DirEntry.Info()
}

func TestCopyOneForTwo(t *testing.T) {
	dir := t.TempDir()
	first := filepath.Join(dir, "MARK.h")
	image := twinFS{
		fstest.MapFS{"MARK.h": {Data: []byte("1")}, "mark.h": {Data: []byte("2")}},
		func() error {
			err := os.Link(first, filepath.Join(dir, "mark.h"))
			if errors.Is(err, fs.ErrExist) { // it does
				return nil
			}
			return err
		},
	}
	if _, err := inspect.Copy(t.Context(), image, ".", dir, inspect.CopyOptions{Force: true}); !errors.Is(err, inspect.ErrName) {
		t.Error(err)
	}
	if got, err := os.ReadFile(first); err != nil || string(got) != "1" {
		t.Errorf("%q, %v", got, err)
	}
}

// A backslash divides folders on Windows, and is a letter elsewhere.
func TestCopyBackslash(t *testing.T) {
	dir := t.TempDir()
	_, err := inspect.Copy(t.Context(), fstest.MapFS{`sub\file`: {Data: []byte("x")}, "sub/other": {}}, ".", dir, inspect.CopyOptions{})
	if runtime.GOOS != "windows" {
		if err != nil {
			t.Error(err)
		}
		holds(t, filepath.Join(dir, "sub"), "other", "")
		return
	}
	if !errors.Is(err, inspect.ErrName) {
		t.Error(err)
	}
}
