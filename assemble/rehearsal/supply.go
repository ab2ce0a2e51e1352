// What the rehearsal borrows from a distribution: a kernel, its modules, shim
// and GRUB, wherever they come from.

package rehearsal

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/imgasm/imgasm/assemble/boot"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// maxBootFile bounds a kernel or an EFI executable; the largest seen is
// Debian's uncompressed arm64 kernel with 33 MB.
const maxBootFile = 256 << 20

// supply is what was found so far.
type supply struct {
	Arch    arch.Arch
	Release string // of the kernel: "6.1.0-56-amd64"
	Kernel  []byte
	Shim    []byte // starts GRUB; signed by Microsoft where the distribution has that
	GRUB    []byte // signed, with its prefix built in
	Origin  []string

	have    map[string]*module
	builtin map[string]bool
	tools   tools // complete
}

func newSupply(a arch.Arch) *supply {
	return &supply{Arch: a, have: map[string]*module{}, builtin: map[string]bool{}}
}

// take looks at one file of a distribution, by its path without leading slash,
// and keeps it if the rehearsal has a use for it.
func (s *supply) take(name, link string, content io.Reader) error {
	if link != "" {
		return nil
	}
	base := path.Base(name)
	keep := func(to *[]byte) (err error) {
		*to, err = smallfile.All(content, name, maxBootFile)
		return err
	}
	switch {
	case strings.HasPrefix(base, "vmlinuz-"):
		s.Release = strings.TrimPrefix(base, "vmlinuz-")
		return keep(&s.Kernel)
	case base == "modules.builtin":
		var list []byte
		if err := keep(&list); err != nil {
			return err
		}
		s.builtin = builtinModules(list)
	// Debian and Ubuntu keep the signed binary beside the unsigned one.
	case base == s.Arch.EFIShim+".signed" || base == s.Arch.EFIShim+".signed.latest":
		return keep(&s.Shim)
	case base == s.Arch.EFIGRUB+".signed":
		return keep(&s.GRUB)
	case mayBeNeeded(name):
		m, err := readModule(name, content)
		if err != nil {
			return err
		}
		s.have[m.Name] = m
	}
	return nil
}

// complete tells what is missing.
func (s *supply) complete() error {
	for _, part := range []struct {
		data []byte
		what string
	}{{s.Kernel, "no kernel (vmlinuz-RELEASE)"}, {s.Shim, "no signed shim"}, {s.GRUB, "no signed GRUB"}} {
		if len(part.data) == 0 {
			return fmt.Errorf("%s for %s in %s", part.what, s.Arch.Name, strings.Join(s.Origin, ", "))
		}
	}
	if len(s.builtin) == 0 {
		return fmt.Errorf("no list of built-in modules (modules.builtin) in %s", strings.Join(s.Origin, ", "))
	}
	return nil
}

// grubPrefix finds the folder in which a GRUB looks for grub.cfg: "/EFI/debian".
func grubPrefix(grub []byte) (string, error) {
	folder, err := boot.GRUBPrefix(bytes.NewReader(grub), int64(len(grub)))
	if err != nil {
		return "", fmt.Errorf("the GRUB of %d bytes: %w", len(grub), err)
	}
	return "/" + folder, nil
}
