// Stage 2 of the rehearsal's medium, images/install.img: a tar archive of the
// packages that it installs. See packages in assemble/rehearsal.

package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// stage2 is the content of install.img.
type stage2 struct {
	packages   []pkg
	grubPrefix string // folder on the ESP in which the medium's GRUB looks for grub.cfg
}

// A pkg is one package: its files in order.
type pkg struct {
	nevra string // NAME-VERSION-RELEASE.ARCH
	files []pkgFile
}

type pkgFile struct {
	path string // without leading slash
	mode os.FileMode
	link string // of a symbolic link, its target
	from string // path on the medium whose content this is; empty: data
	data []byte
}

// nameArch is how Anaconda names a package while it installs it: "NAME.ARCH".
func (p pkg) nameArch() string {
	rest, arch := cutLast(p.nevra, ".")
	rest, _ = cutLast(rest, "-")
	name, _ := cutLast(rest, "-")
	return name + "." + arch
}

func cutLast(s, sep string) (before, after string) {
	if at := strings.LastIndex(s, sep); at >= 0 {
		return s[:at], s[at+len(sep):]
	}
	return s, ""
}

// maxStage2 bounds stage 2; boot files are not in it.
const maxStage2 = 256 << 20

// mediumLink begins the target of a symbolic link that stands for a file of
// the medium.
const mediumLink = "medium:"

func openStage2(file string) (*stage2, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readStage2(f)
}

func readStage2(r io.Reader) (*stage2, error) {
	t := tar.NewReader(io.LimitReader(r, maxStage2))
	s := &stage2{}
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("stage 2: %w", err)
		}
		data, err := io.ReadAll(t)
		if err != nil {
			return nil, fmt.Errorf("stage 2: %w", err)
		}
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		if name == "grub-prefix" {
			s.grubPrefix = strings.TrimSpace(string(data))
			continue
		}
		rest, ok := strings.CutPrefix(name, "packages/")
		nevra, file, inside := strings.Cut(rest, "/")
		if !ok {
			continue
		}
		if len(s.packages) == 0 || s.packages[len(s.packages)-1].nevra != nevra {
			s.packages = append(s.packages, pkg{nevra: nevra})
		}
		if !inside {
			continue
		}
		p := &s.packages[len(s.packages)-1]
		e := pkgFile{path: file, mode: h.FileInfo().Mode(), data: data}
		if h.Typeflag == tar.TypeSymlink {
			e.link = h.Linkname
			if from, ok := strings.CutPrefix(h.Linkname, mediumLink); ok {
				e.link, e.from, e.mode = "", from, os.FileMode(h.Mode).Perm()
			}
		}
		p.files = append(p.files, e)
	}
	if len(s.packages) == 0 {
		return nil, errors.New("stage 2 has no packages")
	}
	return s, nil
}

// install writes a package below root. medium is where the medium is mounted;
// if it is empty, what lies on the medium is left out.
func (p pkg) install(root, medium string) error {
	for _, f := range p.files {
		if f.from != "" && medium == "" {
			continue
		}
		to := filepath.Join(root, f.path)
		if f.mode.IsDir() {
			if err := os.MkdirAll(to, f.mode.Perm()); err != nil {
				return err
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		var err error
		switch {
		case f.link != "":
			if err = os.Symlink(f.link, to); errors.Is(err, os.ErrExist) {
				err = nil
			}
		case f.from != "":
			err = copyFile(filepath.Join(medium, f.from), to, f.mode.Perm())
		default:
			err = os.WriteFile(to, f.data, f.mode.Perm())
		}
		if err == nil && f.link == "" {
			err = os.Chmod(to, f.mode) // with the right of sudo
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string, mode os.FileMode) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		w.Close()
		return err
	}
	return w.Close()
}
