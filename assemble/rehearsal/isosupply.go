// Kernel, shim and GRUB from elsewhere than packages: from an installer ISO.

package rehearsal

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// isoSupply takes everything out of an installer ISO such as AlmaLinux's: the
// modules are in its initial RAM file system.
func isoSupply(ctx context.Context, file string, target arch.Arch) (*supply, error) {
	image, err := iso.Open(ctx, file)
	if err != nil {
		return nil, err
	}
	defer image.Close()
	in, err := image.Installer()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := in.CheckArch(file, target.Name); err != nil {
		return nil, err
	}
	s := newSupply(target)
	s.Origin = []string{strings.TrimSpace(in.Product + " " + in.Version + " (" + in.Label + ")")}
	for _, part := range []struct {
		name string
		to   *[]byte
	}{{in.Boot.Kernel, &s.Kernel}, {in.Boot.Shim, &s.Shim}, {in.Boot.GRUB, &s.GRUB}} {
		if part.name == "" {
			continue // complete tells what is missing
		}
		if *part.to, err = readBootFile(image, part.name); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	f, err := image.Open(in.Boot.Initrd)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	defer f.Close()
	err = walkInitramfs(f, func(name, link string, content io.Reader) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if at := strings.Index(name, "lib/modules/"); at >= 0 {
			s.Release, _, _ = strings.Cut(name[at+len("lib/modules/"):], "/")
			return s.take(name, link, content)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", file, in.Boot.Initrd, err)
	}
	return s, s.complete()
}

func readBootFile(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return smallfile.All(f, name, maxBootFile)
}
