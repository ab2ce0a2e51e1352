package nodefs

import (
	"bytes"
	"errors"
	"io"
)

// Listing gathers the entries of a directory piece by piece, and refuses those by
// which walks would not see a tree: directories may be in theirs once, and the
// root is in none.
type Listing struct {
	Parent   uint64 // the number that ".." must have
	Root     uint64 // the root directory's number
	MaxBytes int    // that the entries may take
	// Corrupt and TooLarge make the file system's own errors.
	Corrupt, TooLarge func(format string, args ...any) error

	known bool // the parent was seen
	cost  int
	dirs  Once
	found []Entry
}

// Piece returns what step has added; step's io.EOF is the directory's end.
func (l *Listing) Piece(step func() error) ([]Entry, error) {
	l.found = nil
	err := step()
	if errors.Is(err, io.EOF) && !l.known {
		err = l.Corrupt("it names no parent")
	}
	return l.found, err
}

// Up takes the number that the directory has for its parent.
func (l *Listing) Up(number uint64) error {
	l.known = true
	if number != l.Parent {
		return l.Corrupt("its parent is %d, but it is in %d", number, l.Parent)
	}
	return nil
}

// Wants reports whether a name is that of an entry, and takes it if it is "..".
func (l *Listing) Wants(name []byte, number uint64) (bool, error) {
	switch {
	case string(name) == ".":
		return false, nil
	case string(name) == "..":
		return false, l.Up(number)
	case !l.known: // else what came before would be a way around that check
		return false, l.Corrupt("%q comes before its parent", name)
	case len(name) == 0 || bytes.ContainsAny(name, "/\x00"):
		return false, l.Corrupt("an entry is named %q", name)
	}
	return true, nil
}

// Add takes an entry that Wants has let through.
func (l *Listing) Add(e Entry, number uint64) error {
	name := e.Name()
	if e.Type().IsDir() && (number == l.Root || !l.dirs.Add(number, name)) {
		return l.Corrupt("%q is a second name of directory %d, or of two", name, number)
	}
	if l.cost += EntryCost + len(name); l.cost > l.MaxBytes {
		return l.TooLarge("a directory whose entries take more than %d bytes", l.MaxBytes)
	}
	l.found = append(l.found, e)
	return nil
}
