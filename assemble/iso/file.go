// The files that volumes are written from, and that images give.

package iso

import "github.com/imgasm/imgasm/internal/tree"

// File is a file of a medium: its path there, its size, and how its contents
// are opened.
type File = tree.File

// Node is a file or folder in its place among others.
type Node = tree.Node

// Bytes is a file with the given contents.
func Bytes(path string, contents []byte) File { return tree.Bytes(path, contents) }
