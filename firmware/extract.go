// Takes firmware out of an RPM package (edk2-ovmf, edk2-aarch64), for systems
// that have none installed.

package firmware

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cavaliergopher/cpio"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/pgp"
	"github.com/imgasm/imgasm/internal/smallfile"
	"github.com/imgasm/imgasm/internal/tmpdir"
	"github.com/imgasm/imgasm/internal/unpack"
)

// Keyring holds OpenPGP keys that are trusted, and Signature says who signed,
// and when.
type (
	Keyring   = pgp.Keyring
	Signature = pgp.Signature
)

// ReadKeyring reads OpenPGP public keys, armored or not. name is what errors call them.
func ReadKeyring(name string, keys []byte) (*Keyring, error) { return pgp.ReadKeyring(name, keys) }

// ExtractOptions say whose packages are trusted.
type ExtractOptions struct {
	Keyring *Keyring         // nil: AlmaLinux's
	Now     func() time.Time // nil: time.Now
}

// Package is an RPM package whose firmware was taken out.
type Package struct {
	Name      string    `json:"name"` // name-version-release.arch
	Signature Signature `json:"signature"`
	// Files are the paths below the folder, with slashes, sorted.
	Files []string `json:"files"`
}

// ErrPackage says that a package cannot be read, is not signed by a key that is trusted,
// or is not what was signed.
var ErrPackage = fault.Class(fault.Input, "not a package to be trusted")

// What a package may unpack to: edk2-aarch64 has eight images of 64 MiB.
const maxUnpacked = 2 << 30

// Extract verifies the package at file and writes its firmware images and
// descriptors below dir, at the paths that they would be installed at:
// Query.Root = dir finds them. Existing files are replaced. Nothing is written
// before the signature and all digests were found good; an error then leaves
// files that were written already.
func Extract(ctx context.Context, file, dir string, o ExtractOptions) (*Package, error) {
	p, err := extract(ctx, file, o, func() (*os.Root, error) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		return os.OpenRoot(dir) // no path of the package leads out of it
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

// Install is Extract into a folder of the package's name below the folder
// trees, where Trees finds it. It replaces one of that name, as a whole; after
// an error nothing has changed. folder is its path.
func Install(ctx context.Context, file, trees string, o ExtractOptions) (_ *Package, folder string, err error) {
	if err := os.MkdirAll(trees, 0o755); err != nil {
		return nil, "", err
	}
	root, err := os.OpenRoot(trees)
	if err != nil {
		return nil, "", err
	}
	defer root.Close()
	dir, remove, err := tmpdir.Hidden(trees)
	if err != nil {
		return nil, "", err
	}
	defer remove()
	work := filepath.Join(filepath.Base(dir), "tree")
	p, err := extract(ctx, file, o, func() (*os.Root, error) {
		if err := root.Mkdir(work, 0o755); err != nil {
			return nil, err
		}
		return root.OpenRoot(work)
	})
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", file, err)
	}
	if err := root.RemoveAll(p.Name); err != nil {
		return nil, "", err
	}
	return p, filepath.Join(trees, p.Name), root.Rename(work, p.Name)
}

// extract verifies the package, and then unpacks it into the folder that open opens.
func extract(ctx context.Context, file string, o ExtractOptions, open func() (*os.Root, error)) (*Package, error) {
	keys, now := o.Keyring, time.Now
	if keys == nil {
		var err error
		if keys, err = pgp.AlmaLinux(); err != nil {
			return nil, err
		}
	}
	if o.Now != nil {
		now = o.Now
	}
	f, err := smallfile.Open(file)
	if err != nil {
		return nil, &fault.Error{Class: ErrPackage, Err: err}
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r, sig, err := verified(f, st.Size(), keys, now())
	if err != nil {
		return nil, err
	}
	h := r.header
	if format := h.text(tagPayloadFormat); format != "" && format != "cpio" {
		return nil, fmt.Errorf("its payload is of the format %q, not cpio", format)
	}
	if c := h.text(tagPayloadCompression); !slices.Contains(compressors, c) {
		return nil, fmt.Errorf("its payload is compressed with %q, which imgasm can't read", c)
	}
	payload, err := unpack.Reader(io.NewSectionReader(f, r.payloadOffset, st.Size()-r.payloadOffset))
	if err != nil {
		return nil, err
	}
	defer payload.Close()
	p := &Package{Name: fmt.Sprintf("%s-%s-%s.%s", h.text(tagName), h.text(tagVersion), h.text(tagRelease), h.text(tagArch)), Signature: *sig}
	if !packageName.MatchString(p.Name) {
		return nil, fmt.Errorf("its header calls it %.100q, which no package can be called", p.Name)
	}
	root, err := open()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if p.Files, err = takeFiles(ctx, &limitReader{payload, maxUnpacked}, root); err != nil {
		return nil, err
	}
	if len(p.Files) == 0 {
		return nil, fmt.Errorf("%s holds no firmware", p.Name)
	}
	return p, nil
}

// verified reads the headers of a package that one of the keys has signed.
func verified(f io.ReaderAt, size int64, keys *pgp.Keyring, now time.Time) (*rpmFile, *pgp.Signature, error) {
	r, err := readRPM(f, size)
	if errors.Is(err, ErrNotRPM) {
		return nil, nil, &fault.Error{Class: ErrNotRPM, Err: err, Do: "give the package edk2-ovmf or edk2-aarch64, by path or URL, or a DVD ISO, which carries one"}
	}
	if err != nil {
		return nil, nil, &fault.Error{Class: ErrPackage, Err: err}
	}
	sig, err := r.verify(f, size, keys, now)
	if errors.Is(err, pgp.ErrUnknownKey) {
		return nil, nil, &fault.Error{Class: ErrPackage, Err: err, Do: "if you trust that key, give it: {Keyring}; a system's own keys are in /etc/pki/rpm-gpg"}
	}
	if err != nil {
		return nil, nil, &fault.Error{Class: ErrPackage, Err: err}
	}
	return r, sig, nil
}

// packageName is what rpmbuild allows in names, versions and releases
// (build/parsePreamble.c, ALLOWED_CHARS_NAME and _VERREL), together: it is one
// element of a path, and fit for a terminal.
var packageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~^-]{0,199}$`)

// fileName is what firmware files are called: visible ASCII, fit for a terminal.
var fileName = regexp.MustCompile(`^[!-~]{1,250}$`)

// Most files that are taken out of a package. edk2-ovmf has about 40.
const maxFiles = 1000

// compressors are those of payloads, by their names in headers; "" is none, or gzip.
var compressors = []string{"", "gzip", "zstd", "xz"}

// limitReader gives an error, not an end, where too much comes.
type limitReader struct {
	r    io.Reader
	left int64
}

func (l *limitReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, fmt.Errorf("its payload unpacks to more than %d bytes", int64(maxUnpacked))
	}
	return n, err
}

// wanted says whether a path of a package is firmware or describes some.
func wanted(name string) bool {
	if !strings.HasPrefix(name, "usr/share/") {
		return false
	}
	switch path.Ext(name) {
	case ".fd", ".raw", ".qcow2", ".bin":
		return true
	case ".json":
		return path.Base(path.Dir(name)) == "firmware"
	}
	return false
}

// takeFiles writes the wanted files. Links become copies of names, so that they
// work on every system.
func takeFiles(ctx context.Context, r io.Reader, root *os.Root) ([]string, error) {
	u := unpacked{root: root, links: map[string]string{}, inodes: map[int64][]string{}}
	entries := 0
	c := cpio.NewReader(r)
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		h, err := c.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("payload: %w", err)
		}
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		if !wanted(name) {
			continue
		}
		if !fileName.MatchString(name) {
			return nil, fmt.Errorf("payload: %.100q is no name of a file", name)
		}
		if entries++; entries > maxFiles {
			return nil, fmt.Errorf("payload: more than %d files", maxFiles)
		}
		if err := u.add(name, h, c); err != nil {
			return nil, fmt.Errorf("payload: %s: %w", name, err)
		}
	}
	for name, target := range u.links {
		ok, err := link(root, name, target, u.links)
		if err != nil {
			return nil, err
		}
		if ok {
			u.files = append(u.files, name)
		}
	}
	slices.Sort(u.files)
	return u.files, nil
}

// unpacked is what has come out of a payload.
type unpacked struct {
	root   *os.Root
	files  []string
	links  map[string]string  // name → what it points to
	inodes map[int64][]string // hard links: all names but the last come without data
}

// add writes a file, or notes a link.
func (u *unpacked) add(name string, h *cpio.Header, contents io.Reader) error {
	switch {
	case h.Mode&cpio.ModeType == cpio.TypeSymlink:
		target, err := readLink(h, contents)
		u.links[name] = linkTarget(name, target)
		return err
	case h.Mode&cpio.ModeType != cpio.TypeReg:
	case h.Links > 1 && h.Size == 0:
		u.inodes[h.Inode] = append(u.inodes[h.Inode], name)
	default:
		if err := write(u.root, name, contents); err != nil {
			return err
		}
		u.files = append(u.files, name)
		if h.Links > 1 {
			for _, other := range u.inodes[h.Inode] {
				u.links[other] = name
			}
		}
	}
	return nil
}

// readLink is what a symbolic link says: in its header, or as its contents.
func readLink(h *cpio.Header, contents io.Reader) (string, error) {
	target, err := io.ReadAll(io.LimitReader(contents, 4096))
	if h.Linkname != "" {
		return h.Linkname, err
	}
	return string(target), err
}

// linkTarget is the path, from the package's root, that a symbolic link names.
func linkTarget(name, target string) string {
	if !path.IsAbs(target) {
		target = path.Join("/", path.Dir(name), target)
	}
	return strings.TrimPrefix(path.Clean(target), "/")
}

// link gives the file that name leads to, over other links, a second name.
// It reports false for one that leads to nothing in this package.
func link(root *os.Root, name, target string, links map[string]string) (bool, error) {
	for range 8 { // a circle, or longer than any distribution makes
		next, ok := links[target]
		if !ok {
			break
		}
		target = next
	}
	st, err := root.Stat(target)
	if err != nil || !st.Mode().IsRegular() {
		return false, nil
	}
	if err := makeRoom(root, name); err != nil {
		return false, err
	}
	return true, root.Link(target, name)
}

func makeRoom(root *os.Root, name string) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// write makes a file of one image.
func write(root *os.Root, name string, r io.Reader) (err error) {
	if err := makeRoom(root, name); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := copySparse(f, r)
	if err != nil {
		return err
	}
	return f.Truncate(size)
}
