// The files that a kickstart command is given: names, patterns, standard input.

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/kickstart"
)

// stdinName stands for standard input in messages.
const stdinName = "<stdin>"

// kickstartFile is an input of lint or fmt.
type kickstartFile struct {
	name string // as messages call it
	path string // "" for standard input
}

// kickstartFiles expands arguments to files. "-" is standard input; patterns
// are expanded here because not every shell does it.
func (a *app) kickstartFiles(args []string) ([]kickstartFile, error) {
	if len(args) == 0 {
		return nil, a.usage("no file given: name kickstart files, or - for standard input")
	}
	var files []kickstartFile
	add := func(f kickstartFile) {
		if !slices.Contains(files, f) {
			files = append(files, f)
		}
	}
	for _, arg := range args {
		if arg == "-" {
			add(kickstartFile{name: stdinName})
			continue
		}
		info, err := os.Stat(arg)
		switch {
		case err == nil && info.IsDir():
			return nil, &assemble.InputError{Err: fmt.Errorf("%s is a folder: name the files in it, as in %s", arg, filepath.Join(arg, "*.ks")), Do: "see what is in it: ls " + arg}
		case err == nil:
			add(kickstartFile{name: arg, path: arg})
		case errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(arg, "*?["):
			matches, globErr := filepath.Glob(arg)
			if globErr != nil {
				return nil, a.usage("%s: %v", arg, globErr)
			}
			found := false
			for _, m := range matches {
				if info, err := os.Stat(m); err == nil && !info.IsDir() {
					found = true
					add(kickstartFile{name: m, path: m})
				}
			}
			if !found {
				return nil, &assemble.InputError{Err: fmt.Errorf("no file matches %s", arg), Do: "see what is there: ls " + filepath.Dir(arg)}
			}
		default:
			return nil, err
		}
	}
	return files, nil
}

// readKickstart reads a file, or just enough of it to see that it is no
// kickstart file.
func (a *app) readKickstart(f kickstartFile) ([]byte, error) {
	if f.path == "" {
		return io.ReadAll(io.LimitReader(a.stdin, kickstart.MaxSize+1))
	}
	in, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	src, err := io.ReadAll(io.LimitReader(in, kickstart.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	return src, nil
}

// includesOf reads what a file includes. Only relative names mean something
// here: others are files and servers of the machine that is installed.
func includesOf(f kickstartFile) func(string) ([]byte, error) {
	if f.path == "" {
		return nil
	}
	return func(path string) ([]byte, error) {
		if strings.Contains(path, "://") || strings.HasPrefix(path, "/") || filepath.IsAbs(path) {
			return nil, fmt.Errorf("%s is not on this machine", path)
		}
		return os.ReadFile(filepath.Join(filepath.Dir(f.path), filepath.FromSlash(path)))
	}
}
