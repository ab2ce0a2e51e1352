// Package nar reads Nix archives (NAR), the form in which Nix hashes, stores and
// sends the files of a store path: "Nix Archive (NAR) format" in the protocols
// part of Nix's manual.
//
// A [Reader] is used as one of archive/tar: Next goes to the next file, Read reads
// its contents. It keeps no more than the path that it is at, whatever the
// archive says, and refuses what Nix would not have written: names that leave
// the archive or are out of order, padding that is not zero.
package nar

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
)

// ErrFormat says that these bytes are no Nix archive, or a damaged one.
var ErrFormat = fault.Class(fault.Input, "not a Nix archive")

// What Linux takes as names.
const (
	maxName   = 255  // bytes of one
	maxPath   = 4096 // bytes of the whole path of a file
	maxTarget = 4095 // bytes of what a symbolic link says
)

// magic begins an archive, and is its version.
const magic = "nix-archive-1"

// Entry is a file, a folder or a symbolic link.
type Entry struct {
	Path string // below the root, separated by slashes; "." is the root itself
	// Mode is 0555 for a folder and for what may be executed, 0444 for other
	// files and 0777 for a symbolic link, with its type: archives know no others.
	Mode   fs.FileMode
	Size   int64  // bytes of a file's contents
	Target string // of a symbolic link
}

// Reader reads one archive.
type Reader struct {
	r       io.Reader
	started bool
	err     error

	left, pad int64    // bytes of the contents that were not read, and of zeroes after them
	node      string   // the path of the folder that is open
	last      []string // name that was last in each open folder
	word      [maxTarget + 8]byte
}

// NewReader reads the archive that begins at r, and no byte beyond its end. Words
// of it are eight bytes: r should be buffered.
func NewReader(r io.Reader) *Reader { return &Reader{r: r} }

// Next goes to the next entry, past what was not read of the last; folders come
// before what is in them. io.EOF is the end of the archive; another error is
// ErrFormat or the reader's, and stays.
func (r *Reader) Next() (Entry, error) {
	if r.err != nil {
		return Entry{}, r.err
	}
	e, err := r.next()
	if r.err = err; err != nil && !errors.Is(err, io.EOF) {
		r.err = fmt.Errorf("at %s: %w", r.node, err)
	}
	return e, r.err
}

func (r *Reader) next() (Entry, error) {
	if !r.started {
		r.started, r.node = true, "."
		if err := r.expect(magic); err != nil {
			return Entry{}, err
		}
		return r.open()
	}
	if _, err := io.Copy(io.Discard, onlyReader{r}); err != nil {
		return Entry{}, err
	}
	for len(r.last) > 0 {
		word, err := r.string(maxName)
		if err != nil {
			return Entry{}, err
		}
		switch word {
		case "entry":
			return r.child()
		case ")": // of the folder, then of the entry that it is
			r.last = r.last[:len(r.last)-1]
			if len(r.last) > 0 {
				r.node = path.Dir(r.node)
				if err := r.expect(")"); err != nil {
					return Entry{}, err
				}
			}
		default:
			return Entry{}, bad("%.20q where an entry or an end should be", word)
		}
	}
	return Entry{}, io.EOF
}

// onlyReader hides what else a Reader is, so that io.Copy reads.
type onlyReader struct{ io.Reader }

// child opens the node of an entry of a folder.
func (r *Reader) child() (Entry, error) {
	if err := r.expect("(", "name"); err != nil {
		return Entry{}, err
	}
	name, err := r.string(maxName)
	if err != nil {
		return Entry{}, err
	}
	in := len(r.last) - 1
	switch {
	case name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00"):
		return Entry{}, bad("%.80q is no name of a file", name)
	case name <= r.last[in]:
		return Entry{}, bad("%.80q after %.80q: names are sorted, and each is there once", name, r.last[in])
	}
	r.last[in] = name
	folder := r.node
	if r.node = path.Join(folder, name); len(r.node) > maxPath {
		return Entry{}, bad("a path of %d bytes", len(r.node))
	}
	if err := r.expect("node"); err != nil {
		return Entry{}, err
	}
	e, err := r.open()
	if err == nil && !e.Mode.IsDir() {
		r.node = folder
	}
	return e, err
}

// open reads a node as far as its contents.
func (r *Reader) open() (Entry, error) {
	e := Entry{Path: r.node}
	if err := r.expect("(", "type"); err != nil {
		return e, err
	}
	kind, err := r.string(maxName)
	if err != nil {
		return e, err
	}
	switch kind {
	case "directory":
		e.Mode = fs.ModeDir | 0o555
		r.last = append(r.last, "")
		return e, nil
	case "symlink":
		e.Mode = fs.ModeSymlink | 0o777
		if err := r.expect("target"); err != nil {
			return e, err
		}
		if e.Target, err = r.string(maxTarget); err == nil && (e.Target == "" || strings.ContainsRune(e.Target, 0)) {
			err = bad("a symbolic link to %.80q", e.Target)
		}
		if err != nil {
			return e, err
		}
		return e, r.close()
	case "regular":
		return r.regular(e)
	}
	return e, bad("a node of type %.20q", kind)
}

// regular reads a file's header.
func (r *Reader) regular(e Entry) (Entry, error) {
	e.Mode = 0o444
	word, err := r.string(maxName)
	if err == nil && word == "executable" {
		e.Mode = 0o555
		if err = r.expect(""); err == nil {
			word, err = r.string(maxName)
		}
	}
	switch {
	case err != nil:
		return e, err
	case word == ")": // an empty file, as very old Nix has it
		return e, r.closeEntry()
	case word != "contents":
		return e, bad("%.20q where contents should be", word)
	}
	if e.Size, err = r.length(); err != nil {
		return e, err
	}
	r.left, r.pad = e.Size, -e.Size&7
	if r.left == 0 {
		err = r.end()
	}
	return e, err
}

// Read reads the contents of the file that Next went to; io.EOF is their end.
func (r *Reader) Read(p []byte) (int, error) {
	if r.err != nil && !errors.Is(r.err, io.EOF) {
		return 0, r.err
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.r.Read(p[:min(int64(len(p)), r.left)])
	if r.left -= int64(n); r.left == 0 {
		err = r.end()
	}
	if err != nil {
		r.err = fmt.Errorf("contents: %w", cut(err))
		err = r.err
	}
	return n, err
}

// end reads what follows a file's contents.
func (r *Reader) end() error {
	if err := r.zeroes(r.pad); err != nil {
		return err
	}
	return r.close()
}

// close reads the end of a node that is no folder, and of the entry that it is.
func (r *Reader) close() error {
	if err := r.expect(")"); err != nil {
		return err
	}
	return r.closeEntry()
}

func (r *Reader) closeEntry() error {
	if len(r.last) == 0 {
		return nil // the root
	}
	return r.expect(")")
}

// expect reads words that must be there.
func (r *Reader) expect(words ...string) error {
	for _, want := range words {
		got, err := r.string(maxName)
		if err != nil {
			return err
		}
		if got != want {
			return bad("%.20q where %q should be", got, want)
		}
	}
	return nil
}

// string reads a string of at most limit bytes.
func (r *Reader) string(limit int64) (string, error) {
	n, err := r.length()
	if err != nil {
		return "", err
	}
	if n > limit {
		return "", bad("a string of %d bytes; %d are the most", n, limit)
	}
	b := r.word[:n]
	if _, err := io.ReadFull(r.r, b); err != nil {
		return "", cut(err)
	}
	text := string(b)
	return text, r.zeroes(-n & 7)
}

func (r *Reader) length() (int64, error) {
	b := r.word[:8]
	if _, err := io.ReadFull(r.r, b); err != nil {
		return 0, cut(err)
	}
	n := binary.LittleEndian.Uint64(b)
	if n > 1<<62 {
		return 0, bad("a length of %d bytes", n)
	}
	return int64(n), nil
}

// zeroes reads n bytes of padding, fewer than eight.
func (r *Reader) zeroes(n int64) error {
	b := r.word[:n]
	if _, err := io.ReadFull(r.r, b); err != nil {
		return cut(err)
	}
	for _, c := range b {
		if c != 0 {
			return bad("padding that is not zero")
		}
	}
	return nil
}

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

// cut makes an end before the end ErrFormat.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return bad("it ends early")
	}
	return err
}
