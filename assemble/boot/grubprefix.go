// Where a GRUB image looks for its configuration. A signed GRUB cannot be
// told: the folder is built in, and differs between distributions.

package boot

import (
	"bytes"
	"debug/pe"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
)

// ErrNoPrefix says that no folder is built into a GRUB image, or that it is
// not a GRUB image.
var ErrNoPrefix = errors.New("no folder for grub.cfg is built in")

// maxModules bounds the objects in a GRUB image; real ones have about 150.
const maxModules = 4096

// prefixObject is GRUB's OBJ_TYPE_PREFIX (include/grub/kernel.h).
const prefixObject = 3

// GRUBPrefix returns the folder in which a GRUB EFI image looks for grub.cfg,
// without device and leading slash: "EFI/almalinux". r is the image, of size
// bytes. The error is ErrNoPrefix, or one of reading.
func GRUBPrefix(r io.ReaderAt, size int64) (string, error) {
	f, err := pe.NewFile(io.NewSectionReader(r, 0, size))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoPrefix, err)
	}
	for _, s := range f.Sections {
		if s.Name != "mods" {
			continue
		}
		prefix, err := findPrefix(s.ReaderAt, int64(s.Size))
		if err != nil {
			return "", err
		}
		if prefix != "" {
			return prefix, nil
		}
	}
	return "", ErrNoPrefix
}

// findPrefix walks the objects of a module area: a header "mimg", padding,
// offset and size; then objects of type, size and contents.
func findPrefix(r io.ReaderAt, size int64) (string, error) {
	var head [24]byte
	if _, err := r.ReadAt(head[:], 0); err != nil || !bytes.HasPrefix(head[:], []byte("mimg")) {
		return "", ErrNoPrefix
	}
	at := binary.LittleEndian.Uint64(head[8:])
	end := min(binary.LittleEndian.Uint64(head[16:]), uint64(size))
	for n := 0; n < maxModules && at < end && end-at >= 8; n++ {
		var object [8]byte
		if _, err := r.ReadAt(object[:], int64(at)); err != nil {
			return "", fmt.Errorf("GRUB's modules: %w: %w", ErrNoPrefix, err)
		}
		kind, length := binary.LittleEndian.Uint32(object[:]), uint64(binary.LittleEndian.Uint32(object[4:]))
		if length < 8 || length > end-at {
			return "", fmt.Errorf("object of %d bytes in GRUB's modules: %w", length, ErrNoPrefix)
		}
		if kind == prefixObject && length > 8 {
			b := make([]byte, min(length-8, 512))
			if _, err := r.ReadAt(b, int64(at)+8); err != nil {
				return "", fmt.Errorf("GRUB's modules: %w: %w", ErrNoPrefix, err)
			}
			return cleanPrefix(b), nil
		}
		at += length
	}
	return "", nil
}

// device matches the device that may stand before a prefix: "(hd0,gpt1)".
var device = regexp.MustCompile(`^\([^)]*\)`)

// cleanPrefix makes a path on the medium out of "(cd0)/EFI/BOOT\0\0".
func cleanPrefix(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	p := device.ReplaceAllString(string(b), "")
	return strings.TrimPrefix(path.Clean("/"+p), "/")
}
