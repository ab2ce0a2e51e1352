// Records: SQLite's "Database File Format", section 2.1.

package rpmdb

// record is a row as it is stored: a header with a type for each column, then
// the columns' contents.
type record []byte

// column is the serial type and the content of column i, from 0 on.
func (r record) column(i int) (kind uint64, content []byte, err error) {
	size, types, err := varint(r)
	if err != nil {
		return 0, nil, err
	}
	before := uint64(len(r) - len(types)) // the size counts itself
	if size < before || size > uint64(len(r)) {
		return 0, nil, corrupt("a record's header of %d bytes in %d", size, len(r))
	}
	types, content = types[:size-before], r[size:]
	for ; ; i-- {
		if kind, types, err = varint(types); err != nil {
			return 0, nil, err
		}
		length := contentSize(kind)
		if length > uint64(len(content)) {
			return 0, nil, corrupt("a column of %d bytes in a record of %d", length, len(r))
		}
		if i == 0 {
			return kind, content[:length], nil
		}
		content = content[length:]
	}
}

// contentSize is the length of a value in bytes by its serial type.
func contentSize(kind uint64) uint64 {
	if kind < 12 {
		return [...]uint64{0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0}[kind]
	}
	return (kind - 12) / 2
}

func (r record) text(i int) (string, error) {
	kind, content, err := r.column(i)
	if err == nil && (kind < 13 || kind%2 == 0) {
		err = corrupt("column %d is of type %d, not text", i, kind)
	}
	return string(content), err
}

func (r record) blob(i int) ([]byte, error) {
	kind, content, err := r.column(i)
	if err == nil && (kind < 12 || kind%2 == 1) {
		err = corrupt("column %d is of type %d, not a blob", i, kind)
	}
	return content, err
}

func (r record) integer(i int) (int64, error) {
	kind, content, err := r.column(i)
	switch {
	case err != nil:
		return 0, err
	case kind == 8 || kind == 9:
		return int64(kind - 8), nil
	case kind == 0 || kind > 6:
		return 0, corrupt("column %d is of type %d, not a number", i, kind)
	}
	n := int64(int8(content[0]))
	for _, b := range content[1:] {
		n = n<<8 | int64(b)
	}
	return n, nil
}

// varint is the number that begins b, and what follows it.
func varint(b []byte) (uint64, []byte, error) {
	var n uint64
	for i, c := range b[:min(len(b), 9)] {
		if i == 8 {
			return n<<8 | uint64(c), b[9:], nil
		}
		n = n<<7 | uint64(c&0x7f)
		if c < 0x80 {
			return n, b[i+1:], nil
		}
	}
	return 0, nil, corrupt("a number leaves its place")
}
