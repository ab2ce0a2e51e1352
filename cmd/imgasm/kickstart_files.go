// The files that a kickstart command is given: names, patterns, standard input.

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/internal/smallfile"
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
			return nil, badInput("", fmt.Errorf("%s is a folder: name the files in it, as in %s", arg, filepath.Join(arg, "*.ks")), "see what is in it: ls "+arg)
		case err == nil:
			add(kickstartFile{name: arg, path: arg})
		case errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(arg, "*?["):
			matches, globErr := filepath.Glob(arg)
			if globErr != nil {
				return nil, badInput("", fmt.Errorf("%s: %w", arg, globErr), "")
			}
			found := false
			for _, m := range matches {
				if info, err := os.Stat(m); err == nil && !info.IsDir() {
					found = true
					add(kickstartFile{name: m, path: m})
				}
			}
			if !found {
				return nil, badInput("", fmt.Errorf("no file matches %s", arg), "see what is there: ls "+filepath.Dir(arg))
			}
		default:
			return nil, ofUser(err)
		}
	}
	return files, nil
}

// readKickstart reads a file that the user named.
func (a *app) readKickstart(ctx context.Context, f kickstartFile) ([]byte, error) {
	return a.readFile(ctx, cmp.Or(f.path, "-"), kickstart.MaxSize)
}

// staysBelow refuses a link that leads out of its folder, or out of root if that
// is not "": a stranger may have made it, so that lint shows the lines of a file
// of the user's, or fmt changes them.
func (f kickstartFile) staysBelow(root string) error {
	info, err := os.Lstat(f.path)
	if f.path == "" || err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return nil // what is not there is told when it is read
	}
	root = cmp.Or(root, filepath.Dir(f.path))
	top, err := realPath(root)
	if err != nil {
		return ofUser(err)
	}
	target, err := realPath(f.path)
	if err != nil || top == "/dev" || strings.HasPrefix(top, "/proc/") {
		return nil // /dev/stdin, or /dev/fd/63 of a shell's <(…)
	}
	if below, err := filepath.Rel(top, target); err != nil || !filepath.IsLocal(below) {
		return badInput("", fmt.Errorf("%s: is a link that leads out of its folder", f.name), "if that is meant, name the file itself: "+target)
	}
	return nil
}

// namedKickstart reads the kickstart that a flag or an argument names, where "-"
// is standard input. The name becomes what messages call it; nil for none.
func (a *app) namedKickstart(ctx context.Context, name *string) ([]byte, error) {
	if *name == "" {
		return nil, nil
	}
	f := kickstartFile{name: *name, path: *name}
	if *name == "-" {
		f = kickstartFile{name: stdinName}
	}
	*name = f.name
	text, err := a.readKickstart(ctx, f)
	if err == nil && text == nil {
		text = []byte{} // read, and empty
	}
	return text, err
}

// includer reads what a kickstart includes. Its names are a stranger's.
type includer struct {
	ctx    context.Context
	root   string // nothing outside of this folder is read
	folder string // below root: where the kickstart lies
}

// includesOf is the reader of what f includes. root is the value of
// --include-root, or "" for the folder of f.
func (a *app) includesOf(ctx context.Context, f kickstartFile, root string) (func(string) ([]byte, error), error) {
	if root == "" {
		if f.path == "" {
			return nil, nil
		}
		return includer{ctx, filepath.Dir(f.path), "."}.read, nil
	}
	if f.path == "" {
		return includer{ctx, root, "."}.read, nil
	}
	top, err := realPath(root)
	if err != nil {
		return nil, err
	}
	folder, err := realPath(filepath.Dir(f.path))
	if err != nil {
		return nil, err
	}
	below, err := filepath.Rel(top, folder)
	if err != nil || !filepath.IsLocal(below) {
		return nil, badInput("--include-root", fmt.Errorf("%s is not below %s", f.name, root), "")
	}
	return includer{ctx, root, below}.read, nil
}

// realPath is an absolute path without symbolic links.
func realPath(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	return filepath.Abs(real)
}

// read reads an included file. Only relative names mean something here: others
// are files and servers of the machine that is installed.
func (i includer) read(name string) ([]byte, error) {
	if strings.Contains(name, "://") || strings.HasPrefix(name, "/") || filepath.IsAbs(name) {
		return nil, fmt.Errorf("%s is not on this machine", name)
	}
	text, err := smallfile.Below(i.ctx, i.root, filepath.Join(i.folder, filepath.FromSlash(name)), kickstart.MaxSize)
	var path *fs.PathError
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist), !errors.As(err, &path):
		return text, err
	case errors.Is(err, smallfile.ErrOutside):
		return nil, &kickstart.IncludeError{Err: errors.New("it is not below the kickstart's folder"), Hint: "imgasm kickstart lint --include-root DIR lets files below DIR be included"}
	}
	return nil, &kickstart.IncludeError{Err: path.Err}
}
