// Pages in files: whole or not at all, and never in the place of what is none.

package report

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// ErrPlace is a path at which no page can be put.
var ErrPlace = fault.Class(fault.Input, "no place for a report")

const (
	pageSuffix = ".html"
	indexFile  = "index" + pageSuffix
)

// PageFile is where the page of a build called name goes: place itself, if that
// ends in .html, else a file in the folder place.
func PageFile(place, name string) string {
	if inFolder(place) {
		return filepath.Join(place, name+pageSuffix)
	}
	return place
}

func inFolder(place string) bool { return !strings.HasSuffix(place, pageSuffix) }

// Check refuses a place at which the page of a build called name cannot be put.
// Errors are of class ErrPlace.
func Check(place, name string) error {
	wrong := func(do, format string, args ...any) error {
		return &fault.Error{Class: ErrPlace, Field: "Report", Err: fmt.Errorf(format, args...), Do: do}
	}
	if place == "-" {
		return wrong("name a file, such as why"+pageSuffix, "no page is written to standard output")
	}
	folder := filepath.Dir(filepath.Clean(place))
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return wrong("mkdir -p "+folder, "the folder %s does not exist", folder)
	}
	files := []string{PageFile(place, name)}
	if inFolder(place) {
		if info, err := os.Stat(filepath.Clean(place)); err == nil && !info.IsDir() {
			return wrong("give a folder, or a name that ends in "+pageSuffix, "%s is no folder", place)
		}
		files = append(files, filepath.Join(place, indexFile))
	}
	for _, file := range files {
		if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) && !ours(file) {
			return wrong("move it away, or give another name", "%s exists and is no report", file)
		}
	}
	return nil
}

// ours reports whether a file is a page or an index of ours.
func ours(file string) bool {
	f, err := smallfile.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	begin := make([]byte, len(indexMarker))
	n, _ := f.Read(begin) // less of it is none of ours
	return strings.HasPrefix(string(begin[:n]), marker) || string(begin[:n]) == indexMarker
}

// Put writes the build's page to its place, and in a folder the index of all
// pages there. It returns the page's path. Errors are those of Check and of files.
func (b *Build) Put(place string) (string, error) {
	if err := Check(place, b.Name); err != nil {
		return "", err
	}
	file := PageFile(place, b.Name)
	if inFolder(place) {
		if err := os.MkdirAll(place, 0o755); err != nil {
			return "", err
		}
	}
	if err := publish.File(file, func(f *os.File) error { return b.Write(f) }); err != nil {
		return "", err
	}
	if !inFolder(place) {
		return file, nil
	}
	return file, Index(place)
}

// Index writes the index of all pages that are in a folder. Errors are those of files.
func Index(folder string) error {
	entries, err := pages(folder)
	if err != nil {
		return err
	}
	return publish.File(filepath.Join(folder, indexFile), func(f *os.File) error { return WriteIndex(f, entries) })
}

// pages are the builds of which a folder has pages, by name.
func pages(folder string) (all []Entry, err error) {
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), pageSuffix) {
			continue
		}
		f, err := smallfile.Open(filepath.Join(folder, file.Name()))
		if err != nil {
			continue // it is nothing of ours
		}
		if e, ours := ReadEntry(f); ours {
			e.Name = strings.TrimSuffix(file.Name(), pageSuffix) // two images may have one name
			e.Page = "./" + url.PathEscape(file.Name())
			all = append(all, e)
		}
		f.Close()
	}
	return all, nil
}
