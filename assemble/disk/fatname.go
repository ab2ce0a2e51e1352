// This file gives files their short names (8.3) and says which long names FAT
// can hold (FATGEN, "Name Limits and Character Sets").

package disk

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// shortNames are the names of one directory.
type shortNames struct {
	taken map[[11]byte]bool // aliases
	// folded maps a name without regard to case to the name as given.
	folded map[string]string
	// tails is the next number to try after a stem.
	tails map[string]int
}

func newShortNames() *shortNames {
	return &shortNames{taken: map[[11]byte]bool{}, folded: map[string]string{}, tails: map[string]int{}}
}

// reserve registers a name as it is given, before any alias is made: an alias
// must not be the name of another file.
func (s *shortNames) reserve(n *fatNode) error {
	name := n.node.Name
	if err := checkFATName(n.node.Path, name); err != nil {
		return err
	}
	fold := strings.ToUpper(name)
	if other, ok := s.folded[fold]; ok {
		return fmt.Errorf("%s: differs from %q only in case: %w", n.node.Path, other, ErrName)
	}
	s.folded[fold] = name
	return nil
}

// give sets n's short name, and its long one if the short one is not the whole
// name. Siblings come in order, so that equal sets get equal names.
func (s *shortNames) give(n *fatNode) error {
	stem, ext, exact := shortParts(n.node.Name)
	if exact {
		n.short = joinShort(stem, ext)
		return nil
	}
	n.long = units(n.node.Name)
	// FATGEN, "The Numeric-Tail Generation Algorithm": always with a tail.
	key := stem + "." + ext
	for number := max(1, s.tails[key]); number < 1e6; number++ {
		tail := "~" + strconv.Itoa(number)
		alias := stem[:min(len(stem), 8-len(tail))] + tail
		short := joinShort(alias, ext)
		if ext != "" {
			alias += "." + ext
		}
		if _, other := s.folded[alias]; other || s.taken[short] {
			continue
		}
		s.taken[short] = true
		s.tails[key] = number + 1
		n.short = short
		return nil
	}
	return fmt.Errorf("%s: too many names alike: %w", n.node.Path, ErrName)
}

// checkFATName says why FAT cannot hold a name. path is for the error.
func checkFATName(path, name string) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%s: %s: %w", path, fmt.Sprintf(format, args...), ErrName)
	}
	for _, c := range name {
		// U+FFFF fills long entries behind a name's end.
		if c < ' ' || c == 0x7f || c == 0xffff || strings.ContainsRune(`"*/:<>?\|`, c) {
			return fail("%q is not allowed", c)
		}
	}
	if len(units(name)) > 255 {
		return fail("longer than 255 UTF-16 units")
	}
	if last := name[len(name)-1]; last == '.' || last == ' ' {
		return fail("a dot or blank at the end would be lost")
	}
	return nil
}

// shortParts derives stem and extension of the short name, and says whether
// these are the whole name, in capitals as given.
func shortParts(name string) (stem, ext string, exact bool) {
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 || strings.Trim(name[:dot], ". ") == "" {
		dot = len(name) // ".profile" has no extension, only a stem
	}
	stem = shortChars(name[:dot], 8)
	if dot < len(name) {
		ext = shortChars(name[dot+1:], 3)
	}
	whole := stem
	if ext != "" {
		whole += "." + ext
	}
	stem = cmp.Or(stem, "_")
	return stem, ext, whole == name
}

// shortChars keeps what short names may have, at most most bytes of it.
func shortChars(s string, most int) string {
	var b strings.Builder
	for _, c := range strings.ToUpper(s) {
		if b.Len() == most {
			break
		}
		switch {
		case c == '.' || c == ' ':
			// left out
		case c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("$%'-_@~`!(){}^#&", c):
			b.WriteRune(c)
		default:
			b.WriteByte('_')
		}
	}
	return b.String()
}

func joinShort(stem, ext string) [11]byte {
	var n [11]byte
	copy(n[:], "           ")
	copy(n[:8], stem)
	copy(n[8:], ext)
	return n
}
