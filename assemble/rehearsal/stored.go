// The cache of what was taken out of packages: an uncompressed tar archive of
// the few files that matter. Unpacking a kernel package takes ten seconds.

package rehearsal

import (
	"context"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"
)

// maxAge is how long packages are used before newer ones are asked for.
const maxAge = 7 * 24 * time.Hour

// store writes the supply to a file, whole or not at all. Only modules that
// the guest loads are kept.
func (s *supply) store(ctx context.Context, file string) error {
	modules, err := loadOrder(wanted, s.have, s.builtin)
	if err != nil {
		return err
	}
	return seal(ctx, file, wanted, func(add func(name, link string, data []byte)) {
		add("origin", "", []byte(strings.Join(s.Origin, "\n")))
		add("vmlinuz-"+s.Release, "", s.Kernel)
		add(s.Arch.EFIShim+".signed", "", s.Shim)
		add(s.Arch.EFIGRUB+".signed", "", s.GRUB)
		var builtin []string
		for name := range s.builtin {
			builtin = append(builtin, name+".ko")
		}
		sort.Strings(builtin)
		add("modules.builtin", "", []byte(strings.Join(builtin, "\n")))
		for _, m := range modules {
			add(m.Name+".ko", "", m.Data)
		}
	})
}

// load reads what store wrote. It is an error if that was of other modules
// than the guest wants now.
func (s *supply) load(file string) error {
	err := unseal(file, wanted, func(name, link string, content io.Reader) error {
		if name != "origin" {
			return s.take(name, link, content)
		}
		text, err := io.ReadAll(content)
		s.Origin = strings.Split(string(text), "\n")
		return err
	})
	if err != nil {
		return err
	}
	if _, err := loadOrder(wanted, s.have, s.builtin); err != nil {
		return fmt.Errorf("%s: %w", file, err) // an older imgasm wanted other modules
	}
	return s.complete()
}
