// Firmware packages on an installer ISO.

package firmware

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/imgasm/imgasm/internal/arch"
)

// PackageNames are the RPM packages that hold the firmware of an architecture;
// none for one that is not known.
func PackageNames(archName string) []string {
	return map[string][]string{arch.X86_64.Name: {"edk2-ovmf"}, arch.AArch64.Name: {"edk2-aarch64"}}[archName]
}

// FindPackage looks for the firmware package of an architecture in the tree of
// an installer ISO that carries packages, and returns its path; fs.ErrNotExist
// if there is none. Boot ISOs carry no packages.
func FindPackage(iso fs.FS, archName string) (string, error) {
	found := ""
	for _, repo := range []string{"AppStream", "BaseOS", "."} {
		dir := path.Join(repo, "Packages")
		err := fs.WalkDir(iso, dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				if errors.Is(err, fs.ErrNotExist) && name == dir {
					return fs.SkipAll
				}
				return err
			}
			base := path.Base(name)
			for _, p := range PackageNames(archName) {
				// edk2-ovmf-20241117-2.el10.noarch.rpm, not edk2-ovmf-tools…
				if rest, ok := strings.CutPrefix(base, p+"-"); ok && rest != "" && rest[0] >= '0' && rest[0] <= '9' && path.Ext(base) == ".rpm" && base > path.Base(found) {
					found = name
				}
			}
			return nil
		})
		if err != nil {
			return "", err
		}
		if found != "" {
			return found, nil
		}
	}
	return "", &fs.PathError{Op: "find", Path: strings.Join(PackageNames(archName), ", "), Err: fs.ErrNotExist}
}

// CopyPackage copies a package out of an ISO's tree into a file, since an RPM
// is read twice: once to verify it, once to unpack it.
func CopyPackage(iso fs.FS, name, dst string) (err error) {
	in, err := iso.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return err
	}
	out, err := os.Create(dst)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	n, err := io.Copy(out, io.LimitReader(in, maxPackage+1))
	if err == nil && n > maxPackage {
		err = fmt.Errorf("larger than %d MiB", maxPackage>>20)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// maxPackage bounds a package. edk2-ovmf has 6 MiB.
const maxPackage = 1 << 30
