// Commands on files: ls, mkdir, rm, mv, cp, ln, chmod, chown, touch, mktemp,
// readlink, basename, dirname, stat's kin.

package box

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func ls(c *call) int {
	given, names, err := c.options("l a A 1 d h R t r", "")
	if err != nil {
		return 2 * c.fail("%v", err)
	}
	if len(names) == 0 {
		names = []string{"."}
	}
	show := func(name string, info fs.FileInfo) {
		if !has(given, "l") {
			fmt.Fprintln(c.out, name)
			return
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			if to, err := os.Readlink(c.path(name)); err == nil {
				name += " -> " + to
			}
		}
		fmt.Fprintf(c.out, "%s %10d %s %s\n", modeText(info.Mode()), info.Size(), info.ModTime().UTC().Format("2006-01-02 15:04"), name)
	}
	code := 0
	for _, name := range names {
		info, err := os.Lstat(c.path(name))
		if err != nil {
			code = 2 * c.fail("cannot access '%s': %s", name, why(err))
			continue
		}
		if !info.IsDir() || has(given, "d") {
			show(name, info)
			continue
		}
		entries, err := os.ReadDir(c.path(name))
		if err != nil {
			code = 2 * c.fail("cannot open directory '%s': %s", name, why(err))
			continue
		}
		if len(names) > 1 {
			fmt.Fprintf(c.out, "%s:\n", name)
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") && !has(given, "a", "A") {
				continue
			}
			if info, err := e.Info(); err == nil {
				show(e.Name(), info)
			}
		}
	}
	return code
}

// modeText is a mode as ls shows it: "drwxr-xr-t".
func modeText(m fs.FileMode) string {
	kind := byte('-')
	switch {
	case m.IsDir():
		kind = 'd'
	case m&fs.ModeSymlink != 0:
		kind = 'l'
	case m&fs.ModeCharDevice != 0:
		kind = 'c'
	case m&fs.ModeDevice != 0:
		kind = 'b'
	case m&fs.ModeNamedPipe != 0:
		kind = 'p'
	case m&fs.ModeSocket != 0:
		kind = 's'
	}
	text := []byte(string(kind) + m.Perm().String()[1:])
	for _, special := range []struct {
		bit   fs.FileMode
		at    int
		with  byte
		alone byte
	}{{fs.ModeSetuid, 3, 's', 'S'}, {fs.ModeSetgid, 6, 's', 'S'}, {fs.ModeSticky, 9, 't', 'T'}} {
		if m&special.bit == 0 {
			continue
		}
		if text[special.at] == 'x' {
			text[special.at] = special.with
		} else {
			text[special.at] = special.alone
		}
	}
	return string(text)
}

// parseMode applies an octal or symbolic mode ("0755", "u+x,go-w") to old.
func parseMode(text string, old fs.FileMode) (fs.FileMode, error) {
	if n, err := strconv.ParseUint(text, 8, 12); err == nil {
		mode := fs.FileMode(n & 0o777)
		for bit, flag := range map[uint64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
			if n&bit != 0 {
				mode |= flag
			}
		}
		return mode, nil
	}
	mode := old
	for _, clause := range strings.Split(text, ",") {
		at := strings.IndexAny(clause, "+-=")
		if at < 0 {
			return 0, fmt.Errorf("invalid mode: '%s'", text)
		}
		var who, bits fs.FileMode
		for _, w := range clause[:at] {
			switch w {
			case 'u':
				who |= 0o700
			case 'g':
				who |= 0o070
			case 'o':
				who |= 0o007
			case 'a':
				who |= 0o777
			default:
				return 0, fmt.Errorf("invalid mode: '%s'", text)
			}
		}
		if who == 0 {
			who = 0o777
		}
		for _, p := range clause[at+1:] {
			switch p {
			case 'r':
				bits |= 0o444
			case 'w':
				bits |= 0o222
			case 'x':
				bits |= 0o111
			case 'X':
				if old.IsDir() || old&0o111 != 0 {
					bits |= 0o111
				}
			default:
				return 0, fmt.Errorf("invalid mode: '%s'", text)
			}
		}
		switch clause[at] {
		case '+':
			mode |= who & bits
		case '-':
			mode &^= who & bits
		case '=':
			mode = mode&^who | who&bits
		}
	}
	return mode, nil
}

func mkdir(c *call) int {
	given, names, err := c.options("p v parents", "m mode Z")
	if err != nil || len(names) == 0 {
		return c.fail("missing operand or %v", err)
	}
	mode := fs.FileMode(0o755)
	if m, ok := first(given, "m", "mode"); ok {
		if mode, err = parseMode(m, 0o777); err != nil {
			return c.fail("%v", err)
		}
	}
	code := 0
	for _, name := range names {
		if has(given, "p", "parents") {
			err = os.MkdirAll(c.path(name), 0o755)
		} else {
			err = os.Mkdir(c.path(name), mode)
		}
		if err == nil && has(given, "m", "mode") {
			err = os.Chmod(c.path(name), mode)
		}
		if err != nil {
			code = c.fail("cannot create directory '%s': %s", name, why(err))
		}
	}
	return code
}

// each walks the operands, below folders too if recursive.
func (c *call) each(names []string, recursive bool, do func(path string, info fs.FileInfo) error) int {
	code := 0
	for _, name := range names {
		visit := func(p string) error {
			info, err := os.Lstat(p)
			if err != nil {
				return err
			}
			return do(p, info)
		}
		err := visit(c.path(name))
		if err == nil && recursive {
			err = filepath.WalkDir(c.path(name), func(p string, _ fs.DirEntry, err error) error {
				if err != nil || p == c.path(name) {
					return err
				}
				return visit(p)
			})
		}
		if err != nil {
			code = c.fail("'%s': %s", name, why(err))
		}
	}
	return code
}

func chmod(c *call) int {
	// A symbolic mode may begin with "-": it is no option then.
	recursive := false
	for len(c.args) > 0 && (c.args[0] == "-R" || c.args[0] == "-v" || c.args[0] == "--recursive") {
		recursive = recursive || c.args[0] != "-v"
		c.args = c.args[1:]
	}
	if len(c.args) < 2 {
		return c.fail("missing operand")
	}
	if _, err := parseMode(c.args[0], 0); err != nil {
		return c.fail("%v", err)
	}
	return c.each(c.args[1:], recursive, func(p string, info fs.FileInfo) error {
		if info.Mode()&fs.ModeSymlink != 0 && recursive {
			return nil
		}
		mode, err := parseMode(c.args[0], info.Mode())
		if err != nil {
			return err
		}
		return os.Chmod(p, mode)
	})
}

// idOf looks a name up in /etc/passwd or /etc/group, or takes a number.
func idOf(file, name string) (int, error) {
	if n, err := strconv.Atoi(name); err == nil {
		return n, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(data), "\n") {
		if f := strings.Split(line, ":"); len(f) > 2 && f[0] == name {
			return strconv.Atoi(f[2])
		}
	}
	return 0, fmt.Errorf("invalid user or group: '%s'", name)
}

func chown(c *call) int {
	given, names, err := c.options("R v h recursive", "")
	if err != nil || len(names) < 2 {
		return c.fail("missing operand or %v", err)
	}
	user, group, colon := strings.Cut(strings.Replace(names[0], ".", ":", 1), ":")
	if c.name == "chgrp" {
		user, group, colon = "", names[0], true
	}
	uid, gid := -1, -1
	if user != "" {
		if uid, err = idOf("/etc/passwd", user); err != nil {
			return c.fail("%v", err)
		}
	}
	if colon && group != "" {
		if gid, err = idOf("/etc/group", group); err != nil {
			return c.fail("%v", err)
		}
	}
	return c.each(names[1:], has(given, "R", "recursive"), func(p string, _ fs.FileInfo) error {
		return os.Lchown(p, uid, gid)
	})
}

func rm(c *call) int {
	given, names, err := c.options("r R f v recursive force", "")
	if err != nil {
		return c.fail("%v", err)
	}
	code := 0
	for _, name := range names {
		if clean := filepath.Clean(c.path(name)); clean == "/" {
			return c.fail("refusing to remove '/'")
		}
		info, err := os.Lstat(c.path(name))
		switch {
		case err != nil:
			if has(given, "f", "force") && os.IsNotExist(err) {
				continue
			}
		case info.IsDir() && !has(given, "r", "R", "recursive"):
			code = c.fail("cannot remove '%s': Is a directory", name)
			continue
		default:
			err = os.RemoveAll(c.path(name))
		}
		if err != nil {
			code = c.fail("cannot remove '%s': %s", name, why(err))
		}
	}
	return code
}

// into returns where a file named from goes when the destination may be a folder.
func into(to, from string) string {
	if info, err := os.Stat(to); err == nil && info.IsDir() {
		return filepath.Join(to, filepath.Base(from))
	}
	return to
}

func mv(c *call) int {
	_, names, err := c.options("f v n", "")
	if err != nil || len(names) < 2 {
		return c.fail("missing operand or %v", err)
	}
	to, code := c.path(names[len(names)-1]), 0
	for _, name := range names[:len(names)-1] {
		if err := os.Rename(c.path(name), into(to, name)); err != nil {
			code = c.fail("cannot move '%s': %s", name, why(err))
		}
	}
	return code
}

func cp(c *call) int {
	given, names, err := c.options("a r R f v p d L recursive", "Z")
	if err != nil || len(names) < 2 {
		return c.fail("missing operand or %v", err)
	}
	to, code := c.path(names[len(names)-1]), 0
	for _, name := range names[:len(names)-1] {
		if err := copyTree(c.path(name), into(to, name), has(given, "a", "r", "R", "recursive")); err != nil {
			code = c.fail("cannot copy '%s': %s", name, why(err))
		}
	}
	return code
}

func copyTree(from, to string, recursive bool) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		if !recursive {
			return fmt.Errorf("-r not specified; omitting directory")
		}
		if err := os.MkdirAll(to, info.Mode().Perm()); err != nil {
			return err
		}
		entries, err := os.ReadDir(from)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := copyTree(filepath.Join(from, e.Name()), filepath.Join(to, e.Name()), true); err != nil {
				return err
			}
		}
		return nil
	}
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		w.Close()
		return err
	}
	return w.Close()
}

func ln(c *call) int {
	given, names, err := c.options("s f n v r", "")
	if err != nil || len(names) == 0 {
		return c.fail("missing operand or %v", err)
	}
	to := "."
	if len(names) > 1 {
		to = names[len(names)-1]
		names = names[:len(names)-1]
	}
	code := 0
	for _, name := range names {
		at := c.path(to)
		if !has(given, "n") {
			at = into(at, name)
		}
		if has(given, "f") {
			os.Remove(at)
		}
		if has(given, "s") {
			err = os.Symlink(name, at)
		} else {
			err = os.Link(c.path(name), at)
		}
		if err != nil {
			code = c.fail("failed to create link '%s': %s", to, why(err))
		}
	}
	return code
}

func touch(c *call) int {
	_, names, err := c.options("c m a", "d r t")
	if err != nil {
		return c.fail("%v", err)
	}
	code := 0
	for _, name := range names {
		f, err := os.OpenFile(c.path(name), os.O_WRONLY|os.O_CREATE, 0o644)
		if err == nil {
			f.Close()
			now := time.Now()
			err = os.Chtimes(c.path(name), now, now)
		}
		if err != nil {
			code = c.fail("cannot touch '%s': %s", name, why(err))
		}
	}
	return code
}

func mktemp(c *call) int {
	given, names, err := c.options("d q", "p")
	if err != nil {
		return c.fail("%v", err)
	}
	dir, pattern := os.TempDir(), "tmp.*"
	if len(names) > 0 {
		dir, pattern = filepath.Split(c.path(names[0]))
		pattern = strings.TrimRight(pattern, "X") + "*"
	}
	if p, ok := given["p"]; ok {
		dir = c.path(p)
	}
	var path string
	if has(given, "d") {
		path, err = os.MkdirTemp(dir, pattern)
	} else {
		var f *os.File
		if f, err = os.CreateTemp(dir, pattern); err == nil {
			path = f.Name()
			f.Close()
		}
	}
	if err != nil {
		return c.fail("%s", why(err))
	}
	fmt.Fprintln(c.out, path)
	return 0
}

func readlink(c *call) int {
	given, names, err := c.options("f e m n", "")
	if err != nil || len(names) == 0 {
		return c.fail("missing operand or %v", err)
	}
	for _, name := range names {
		to, err := os.Readlink(c.path(name))
		if has(given, "f", "e", "m") || c.name == "realpath" {
			to, err = filepath.EvalSymlinks(c.path(name))
		}
		if err != nil {
			return 1
		}
		fmt.Fprintln(c.out, to)
	}
	return 0
}

func basename(c *call) int {
	if len(c.args) == 0 {
		return c.fail("missing operand")
	}
	base := filepath.Base(c.args[0])
	if len(c.args) > 1 && base != c.args[1] {
		base = strings.TrimSuffix(base, c.args[1])
	}
	fmt.Fprintln(c.out, base)
	return 0
}

func dirname(c *call) int {
	if len(c.args) == 0 {
		return c.fail("missing operand")
	}
	fmt.Fprintln(c.out, filepath.Dir(c.args[0]))
	return 0
}
