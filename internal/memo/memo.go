// Package memo remembers what costs time to find out, in small files, for as
// long as nothing changes that it depends on. What it cannot read or write it
// has forgotten: that is no error.
package memo

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// note is what a file holds.
type note struct {
	Of    string          `json:"of"`
	Value json.RawMessage `json:"value"`
}

// maxNote is the longest note, in bytes.
const maxNote = 1 << 20

// Recall reads into v what was kept in the folder dir under a name, if it was
// kept of the same thing. A dir or a thing of "" remembers nothing.
func Recall(dir, name, of string, v any) bool {
	if dir == "" || of == "" {
		return false
	}
	text, err := smallfile.ReadAgain(context.Background(), filepath.Join(dir, name), maxNote)
	var n note
	return err == nil && json.Unmarshal(text, &n) == nil && n.Of == of && json.Unmarshal(n.Value, v) == nil
}

// Keep keeps v in the folder dir under a name, in the place of what was kept there.
func Keep(dir, name, of string, v any) {
	if dir == "" || of == "" {
		return
	}
	value, err := json.Marshal(v)
	if err != nil || os.MkdirAll(dir, 0o700) != nil {
		return
	}
	text, err := json.Marshal(note{of, value})
	if err != nil {
		return
	}
	_ = publish.Bytes(filepath.Join(dir, name), text)
}

// Program is a program as it is until it is replaced, or the host is started
// again: "" where that cannot be told.
func Program(path string) string {
	info, err := os.Stat(path) // what a link leads to
	boot := Boot()
	if err != nil || boot == "" {
		return ""
	}
	return fmt.Sprintf("%s, %d bytes, of %s, on %s", path, info.Size(), info.ModTime().UTC().Format("2006-01-02T15:04:05.999999999Z"), boot)
}
