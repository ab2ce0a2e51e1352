// What travels to another host: the flags of a verb, and the files that they name.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/remote"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/memo"
	"github.com/imgasm/imgasm/kickstart"
)

// Folders of a job's, for what it makes.
const (
	imageThere  = "out/image"
	bundleThere = "out/bundle"
	reportThere = "out/report"
	junitThere  = "out/junit"
	lockThere   = "out/lock"
)

// written are the flags that name what a verb writes.
var written = []string{"out", "report", "bundle", "lock-file", "junit"}

// filesOf returns what calls the files otherwise that a flag's value names, each by
// call; nil: the flag names none that a verb reads.
func filesOf(f cli.Flag) func(value string, call func(string) string) string {
	value, _ := flagText(f)
	switch name := f.Names()[0]; {
	case slices.Contains(written, name), slices.Contains(onlyHere, name):
	case name == "copy":
		return func(value string, call func(string) string) string {
			v := copied(value)
			if v.Copy == "" {
				return value
			}
			return call(v.Copy) + ":" + v.To
		}
	case name == "firmware":
		return func(value string, call func(string) string) string {
			code, vars := firmware.SplitNames(value)
			if value = call(code); vars != "" {
				value += ":" + call(vars)
			}
			return value
		}
	case namesFile(value):
		return func(value string, call func(string) string) string { return call(value) }
	}
	return nil
}

// modesCount reports whether the permissions count of the files that a flag names.
func modesCount(flag string) bool { return flag == "copy" }

// onlyHere are flags that do not go along: they say how another host is reached.
var onlyHere = append([]string{"on", noConfigFlag}, aboutOther...)

// aboutOther are flags that say nothing where there is no other host.
var aboutOther = []string{"nice", "remote-binary"}

// heldFlags name small files that may be secret: they are kept in memory there, under
// the names that they have here.
var heldFlags = []string{"kickstart", "password-file", "root-password-file", "identity"}

// theirFlags name files of the host that does the work.
var theirFlags = []string{"qemu", "firmware"}

// luggage are a request's files.
type luggage struct {
	app   *app
	ctx   context.Context
	files []remote.File
	from  map[string]string // where they are here, by their hashes
	held  map[string][]byte
}

// sizes is the sum of files' sizes.
func sizes(files []remote.File) (sum int64) {
	for _, f := range files {
		sum += f.Size
	}
	return sum
}

// add packs a file, which is called name there; where modes count also a folder with
// all that is in it.
func (l *luggage) add(name, file string, modes bool) error {
	root, err := filepath.EvalSymlinks(file)
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := context.Cause(l.ctx); err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		below, err := filepath.Rel(root, at)
		if err != nil {
			return err
		}
		f := remote.File{Path: path.Join(name, filepath.ToSlash(below))}
		if err := sayable(at, f.Path); err != nil {
			return err
		}
		if modes {
			f.Mode = uint32(info.Mode().Perm())
		}
		switch {
		case d.IsDir() && modes:
			f.Dir = true
		case info.Mode()&fs.ModeSymlink != 0:
			f.Link, err = os.Readlink(at)
		case !info.Mode().IsRegular():
			err = &fs.PathError{Op: "open", Path: at, Err: errors.New("not a regular file")}
		default:
			if f.SHA256, f.Size, err = l.app.sum(l.ctx, at, info); err == nil {
				if l.from == nil {
					l.from = map[string]string{}
				}
				l.from[f.SHA256] = at
			}
		}
		l.files = append(l.files, f)
		return err
	})
}

// sayable refuses what is called so that the request, which is JSON, would have it
// otherwise.
func sayable(file, name string) error {
	if !utf8.ValidString(name) {
		return &fs.PathError{Op: "send", Path: file, Err: fmt.Errorf("%+q is not UTF-8", name)}
	}
	return nil
}

// sum is the SHA-256 and the size of a file. That of a large one is remembered, unless
// the file may have been written since within one tick of its file system's clock.
func (a *app) sum(ctx context.Context, file string, info fs.FileInfo) (string, int64, error) {
	if info.Size() < 64<<20 || time.Since(info.ModTime()) < 2*time.Second {
		return digest.File(ctx, file)
	}
	h, err := a.host()
	abs, err2 := filepath.Abs(file)
	if err := errors.Join(err, err2); err != nil {
		return "", 0, err
	}
	dir, name, of := filepath.Join(h.CacheDir, "remote", "sums"), digest.Bytes([]byte(abs)), memo.Program(abs)
	var sum string
	if memo.Recall(dir, name, of, &sum) && digest.Is(sum) {
		return sum, info.Size(), nil
	}
	sum, size, err := digest.File(ctx, file)
	if err == nil && of == memo.Program(abs) {
		memo.Keep(dir, name, of, sum)
	}
	return sum, size, err
}

// at packs a file that has a name of its own there, if it is to be packed, and returns
// that.
func (l *luggage) at(folder, file string, pack bool) (string, error) {
	name := path.Join(folder, filepath.Base(file))
	if !pack {
		return name, nil
	}
	return name, l.add(name, file, false)
}

// input packs a file that a flag or an argument names, and returns its name there.
func (l *luggage) input(h *homecoming, file string, modes bool) (string, error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("in/%d/%s", len(l.files), filepath.Base(abs))
	if filepath.Base(abs) == string(filepath.Separator) {
		name = fmt.Sprintf("in/%d/root", len(l.files))
	}
	h.call(name, file)
	return name, l.add(name, file, modes)
}

// hold keeps a small file's text.
func (l *luggage) hold(name string) (err error) {
	if l.held == nil {
		l.held = map[string][]byte{}
	}
	l.held[name], err = l.app.readFile(l.ctx, name, kickstart.MaxSize)
	return err
}

// flag is a flag that is set, as it is there: --NAME=VALUE for each value.
func (e *errand) flag(f cli.Flag) (args []string, err error) {
	name := f.Names()[0]
	if there, ok := e.flags[name]; ok {
		return []string{"--" + name + "=" + there}, nil
	}
	var all []given
	switch f.(type) {
	case *cli.StringSliceFlag:
		values := e.c.StringSlice(name)
		if name == "ssh-key" { // the keys themselves
			if values, err = readKeys(e.c.Context, values); err != nil {
				return nil, err
			}
		}
		for _, v := range values {
			all = append(all, given{name, v})
		}
	case *cli.GenericFlag: // all of its list, in their order
		list := e.c.Generic(name).(ordered).all
		all = *list
		if name != all[0].flag {
			return nil, nil
		}
	default:
		all = []given{{name, fmt.Sprint(e.c.Value(name))}}
	}
	for _, g := range all {
		if g.value, err = e.value(f, g); err != nil {
			return nil, badInput("--"+g.flag, err, fileHint(err))
		}
		args = append(args, "--"+g.flag+"="+g.value)
	}
	return args, nil
}

// value is a flag's value there, and packs what it names.
func (e *errand) value(f cli.Flag, g given) (string, error) {
	switch {
	case slices.Contains(heldFlags, g.flag):
		return g.value, e.bag.hold(g.value)
	case slices.Contains(theirFlags, g.flag), g.flag == "ssh-key":
		return g.value, nil
	}
	if _, ok := f.(*cli.GenericFlag); ok {
		f = &cli.StringFlag{Name: g.flag, Usage: "`FILE`"}
	}
	calls := filesOf(f)
	if calls == nil {
		return g.value, nil
	}
	var failed error
	value := calls(g.value, func(file string) string {
		if strings.Contains(file, "://") { // an address
			return file
		}
		name, err := e.bag.input(&e.home, file, modesCount(g.flag))
		failed = errors.Join(failed, err)
		return name
	})
	return value, failed
}

// request is what the other host is asked.
func (e *errand) request(getenv func(string) string) (r remote.Request, err error) {
	r = remote.Request{Title: e.title(), From: me(), Nice: e.c.Bool("nice"), Env: map[string]string{}}
	r.Args = []string{e.c.Command.Name}
	for name, value := range e.flags {
		if !e.c.IsSet(name) {
			r.Args = append(r.Args, "--"+name+"="+value)
		}
	}
	slices.Sort(r.Args[1:])
	for _, f := range e.c.Command.Flags {
		if name := f.Names()[0]; !e.c.IsSet(name) || slices.Contains(onlyHere, name) {
			continue
		}
		args, err := e.flag(f)
		if err != nil {
			return r, err
		}
		r.Args = append(r.Args, args...)
	}
	r.Args = slices.Concat(r.Args, []string{"--" + noConfigFlag, "--"}, e.args)
	for _, name := range carriedVariables {
		r.Env[name] = getenv(name)
	}
	r.Files, r.Held = e.bag.files, e.bag.held
	for _, folder := range []string{imageThere, bundleThere, reportThere, junitThere, lockThere} {
		r.Files = append(r.Files, remote.File{Path: folder, Dir: true, Mode: 0o700})
	}
	if r.Aside, err = json.Marshal(aside{e.bag.app.args, e.bag.app.defaults}); err != nil {
		return r, err
	}
	r.Home, err = json.Marshal(e.home)
	return r, err
}

// aside is what is told of a command besides what it does.
type aside struct {
	Command  []string       `json:"command"` // as it was typed
	Defaults []host.Default `json:"defaults,omitempty"`
}

// carriedVariables of the environment are about what is made, and not about a host.
var carriedVariables = []string{"SOURCE_DATE_EPOCH"}
