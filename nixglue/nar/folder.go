package nar

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/imgasm/imgasm/internal/smallfile"
)

// Folder reads a folder, file or symbolic link of this machine as a Reader reads
// its archive: the same entries, in the same order. Close must be called.
type Folder struct {
	root    string
	w       io.Writer
	size    int64
	started bool
	err     error

	open []level // folders, the root's first
	info fs.FileInfo
	name string   // of the file whose contents come next; "" for none
	file *os.File // it, once somebody reads
	left int64    // bytes of it
	word []byte
}

// level is a folder and what is left in it.
type level struct {
	path    string
	entries []fs.DirEntry
}

// NewFolder reads root. The archive, as Nix would make it, is written to w while
// entries are read; with a w of nil contents that nobody reads are skipped.
// macOS's Nix keeps names that differ in case alone under other names: its
// stores are not to be read in this way.
func NewFolder(root string, w io.Writer) *Folder { return &Folder{root: root, w: w} }

// Size is how many bytes of the archive there were so far, and once Next has
// given io.EOF those of the whole.
func (f *Folder) Size() int64 { return f.size }

// Info is of the entry that Next went to, as the system has it.
func (f *Folder) Info() fs.FileInfo { return f.info }

// Close closes the file that is being read.
func (f *Folder) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// Next goes to the next entry, as [Reader.Next] does. An error is one of the
// file system, or ErrFormat of what no archive can hold, such as a device.
func (f *Folder) Next() (Entry, error) {
	if f.err != nil {
		return Entry{}, f.err
	}
	e, err := f.next()
	f.err = err
	return e, err
}

func (f *Folder) next() (Entry, error) {
	if !f.started {
		f.started = true
		if err := f.words(magic); err != nil {
			return Entry{}, err
		}
		return f.node(".")
	}
	if err := f.finish(); err != nil {
		return Entry{}, err
	}
	for len(f.open) > 0 {
		top := &f.open[len(f.open)-1]
		if len(top.entries) > 0 {
			name := top.entries[0].Name()
			top.entries = top.entries[1:]
			if err := f.words("entry", "(", "name", name, "node"); err != nil {
				return Entry{}, err
			}
			return f.node(path.Join(top.path, name))
		}
		f.open = f.open[:len(f.open)-1]
		if err := f.ends(); err != nil {
			return Entry{}, err
		}
	}
	return Entry{}, io.EOF
}

// node goes to the entry at name.
func (f *Folder) node(name string) (e Entry, err error) {
	e.Path = name
	full := filepath.Join(f.root, filepath.FromSlash(name))
	if f.info, err = os.Lstat(full); err != nil {
		return e, err
	}
	switch mode := f.info.Mode(); {
	case mode.IsDir():
		e.Mode = fs.ModeDir | 0o555
		entries, err := os.ReadDir(full) // sorted, as archives have them
		if err != nil {
			return e, err
		}
		f.open = append(f.open, level{name, entries})
		return e, f.words("(", "type", "directory")
	case mode&fs.ModeSymlink != 0:
		e.Mode = fs.ModeSymlink | 0o777
		if e.Target, err = os.Readlink(full); err != nil {
			return e, err
		}
		return e, errors.Join(f.words("(", "type", "symlink", "target", e.Target), f.ends())
	case mode.IsRegular():
		e.Size, e.Mode = f.info.Size(), 0o444
		words := []string{"(", "type", "regular", "contents"}
		if mode&0o100 != 0 {
			e.Mode = 0o555
			words = []string{"(", "type", "regular", "executable", "", "contents"}
		}
		f.name, f.left = full, e.Size
		return e, errors.Join(f.words(words...), f.write(binary.LittleEndian.AppendUint64(nil, uint64(e.Size))))
	}
	return e, bad("%s is neither file, folder nor symbolic link", full)
}

// Read reads the contents of the file that Next went to.
func (f *Folder) Read(p []byte) (n int, err error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	if f.file == nil {
		if f.file, err = smallfile.Open(f.name); err != nil {
			return 0, err
		}
	}
	n, err = f.file.Read(p[:min(int64(len(p)), f.left)])
	f.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%s: %d bytes fewer than it had: %w", f.name, f.left, io.ErrUnexpectedEOF)
	}
	return n, errors.Join(err, f.write(p[:n]))
}

// finish ends the file that is being read.
func (f *Folder) finish() error {
	if f.name == "" {
		return nil
	}
	if f.w == nil {
		f.size, f.left = f.size+f.left, 0
	} else if _, err := io.Copy(io.Discard, onlyReader{f}); err != nil {
		return err
	}
	err := f.Close()
	f.name, f.file = "", nil
	return errors.Join(err, f.write(make([]byte, -f.info.Size()&7)), f.ends())
}

// ends ends a node, and the entry that it is if it is not the root.
func (f *Folder) ends() error {
	if len(f.open) == 0 {
		return f.words(")")
	}
	return f.words(")", ")")
}

func (f *Folder) words(all ...string) error {
	f.word = f.word[:0]
	for _, s := range all {
		f.word = binary.LittleEndian.AppendUint64(f.word, uint64(len(s)))
		f.word = append(append(f.word, s...), make([]byte, -len(s)&7)...)
	}
	return f.write(f.word)
}

func (f *Folder) write(b []byte) error {
	f.size += int64(len(b))
	if f.w == nil || len(b) == 0 {
		return nil
	}
	_, err := f.w.Write(b)
	return err
}
