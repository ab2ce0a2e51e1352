// The cache of what was taken out of packages: an uncompressed tar archive of
// the few files that matter. Unpacking a kernel package takes ten seconds.

package rehearsal

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
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
	return seal(ctx, file, func(to io.Writer) error {
		w := tar.NewWriter(to)
		var err error
		add := func(name string, data []byte) {
			err = errors.Join(err, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}))
			_, e := w.Write(data)
			err = errors.Join(err, e)
		}
		add("wanted", fmt.Appendf(nil, "%v", wanted))
		add("origin", []byte(strings.Join(s.Origin, "\n")))
		add("vmlinuz-"+s.Release, s.Kernel)
		add(s.Arch.EFIShim+".signed", s.Shim)
		add(s.Arch.EFIGRUB+".signed", s.GRUB)
		var builtin []string
		for name := range s.builtin {
			builtin = append(builtin, name+".ko")
		}
		sort.Strings(builtin)
		add("modules.builtin", []byte(strings.Join(builtin, "\n")))
		for _, m := range modules {
			add(m.Name+".ko", m.Data)
		}
		return errors.Join(err, w.Close())
	})
}

// load reads what store wrote. It is an error if that was of other modules
// than the guest wants now.
func (s *supply) load(file string) error {
	data, err := unseal(file)
	if err != nil {
		return err
	}
	same := false
	err = walkTar(bytes.NewReader(data), func(name, link string, size int64, content io.Reader) error {
		switch name {
		case "wanted":
			text, err := io.ReadAll(content)
			same = string(text) == fmt.Sprint(wanted)
			return err
		case "origin":
			text, err := io.ReadAll(content)
			s.Origin = strings.Split(string(text), "\n")
			return err
		}
		return s.take(name, link, content)
	})
	if err == nil && !same {
		err = errors.New("of other modules than are wanted")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if _, err := loadOrder(wanted, s.have, s.builtin); err != nil {
		return fmt.Errorf("%s: %w", file, err) // an older imgasm wanted other modules
	}
	return s.complete()
}
