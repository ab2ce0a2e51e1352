// The cache of what was taken out of packages: an uncompressed tar archive of
// the few files that matter. Unpacking a kernel package takes ten seconds.

package rehearsal

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// maxAge is how long packages are used before newer ones are asked for.
const maxAge = 7 * 24 * time.Hour

// store writes the supply to a file, whole or not at all. Only modules that
// the guest loads are kept.
func (s *supply) store(file string) error {
	modules, err := loadOrder(wanted, s.have, s.builtin)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".supply-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	w := tar.NewWriter(f)
	add := func(name string, data []byte) {
		err = errors.Join(err, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}))
		_, e := w.Write(data)
		err = errors.Join(err, e)
	}
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
	if err := errors.Join(err, w.Close(), f.Close()); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.Rename(f.Name(), file)
}

// load reads what store wrote.
func (s *supply) load(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	err = walkTar(f, func(name, link string, size int64, content io.Reader) error {
		if name == "origin" {
			data, err := io.ReadAll(io.LimitReader(content, 1<<16))
			s.Origin = strings.Split(string(data), "\n")
			return err
		}
		return s.take(name, link, content)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if _, err := loadOrder(wanted, s.have, s.builtin); err != nil {
		return fmt.Errorf("%s: %w", file, err) // an older imgasm wanted other modules
	}
	return s.complete()
}
