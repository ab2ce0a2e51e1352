// Kernel, shim and GRUB from elsewhere than packages: from an installer ISO,
// or from the system that runs imgasm.

package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/internal/arch"
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
	err = walkInitramfs(f, func(name, link string, _ int64, content io.Reader) error {
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
	data, err := io.ReadAll(io.LimitReader(f, maxBootFile+1))
	if err == nil && len(data) > maxBootFile {
		err = fmt.Errorf("%s: larger than %d MiB", name, maxBootFile>>20)
	}
	return data, err
}

// Where systems keep the signed boot files, as globs below the root; the first
// match counts.
func hostPlaces(a arch.Arch) (shims, grubs []string) {
	for _, dir := range []string{"usr/lib/shim/", "usr/share/shim/*/", "boot/efi/EFI/*/", "efi/EFI/*/"} {
		shims = append(shims, dir+a.EFIShim+".signed", dir+a.EFIShim+".signed.latest", dir+a.EFIShim)
	}
	for _, dir := range []string{"usr/lib/grub/*-efi-signed/", "boot/efi/EFI/*/", "efi/EFI/*/", "usr/lib/efi/grub2/*/EFI/*/"} {
		grubs = append(grubs, dir+a.EFIGRUB+".signed", dir+a.EFIGRUB)
	}
	return shims, grubs
}

// hostSupply takes what the running Linux system itself boots from. root is
// "/" outside of tests.
func hostSupply(ctx context.Context, root string, target arch.Arch) (*supply, error) {
	if target.Name != arch.Host().Name {
		return nil, fmt.Errorf("this system's kernel is for %s, not for %s", arch.Host().Name, target.Name)
	}
	fsys := os.DirFS(root)
	releases, err := fs.Glob(fsys, "lib/modules/*/modules.builtin")
	if err != nil || len(releases) == 0 {
		return nil, fmt.Errorf("no kernel modules below %s", filepath.Join(root, "lib/modules"))
	}
	sort.Strings(releases)
	dir := path.Dir(releases[len(releases)-1])
	s := newSupply(target)
	s.Release = path.Base(dir)
	shims, grubs := hostPlaces(target)
	for _, part := range []struct {
		places []string
		to     *[]byte
	}{
		{[]string{"boot/vmlinuz-" + s.Release, dir + "/vmlinuz"}, &s.Kernel}, {shims, &s.Shim}, {grubs, &s.GRUB},
	} {
		name, err := firstMatch(fsys, part.places)
		if err != nil {
			return nil, fmt.Errorf("%w below %s", err, root)
		}
		if *part.to, err = readBootFile(fsys, name); err != nil {
			return nil, err
		}
		s.Origin = append(s.Origin, "/"+name)
	}
	err = fs.WalkDir(fsys, dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if !d.Type().IsRegular() || !mayBeNeeded(name) && path.Base(name) != "modules.builtin" {
			return nil
		}
		f, err := fsys.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		return s.take(name, "", f)
	})
	if err != nil {
		return nil, err
	}
	return s, s.complete()
}

func firstMatch(fsys fs.FS, globs []string) (string, error) {
	for _, g := range globs {
		if found, err := fs.Glob(fsys, g); err == nil && len(found) > 0 {
			return found[0], nil
		}
	}
	return "", fmt.Errorf("none of %s", strings.Join(globs, ", "))
}
