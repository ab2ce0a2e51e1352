//go:build unix

package nixdisk

import (
	"io/fs"
	"syscall"
)

// identity is what tells files of this machine apart.
type identity struct{ device, inode uint64 }

// identify is a file's identity, and whether it has several names.
func identify(info fs.FileInfo) (id identity, several bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok || s.Nlink < 2 {
		return id, false
	}
	return identity{uint64(s.Dev), uint64(s.Ino)}, true //nolint:unconvert // other types on other systems
}
