// Looking into an image: what Lima must be told of it, and whether it is of use.

package lima

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/assemble/machine"
	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// Open looks at the image at name, and reads all of it for its hash. archName is as
// that of machine.Open.
//
// Errors: ErrImage, with the reason and what to do; those of packages machine,
// convert and inspect, and of the file system.
func Open(ctx context.Context, name, archName string) (*Image, error) {
	m, err := machine.Open(ctx, name, archName)
	if err != nil {
		return nil, err
	}
	i := &Image{Path: m.Path, Arch: m.Arch, BIOS: !m.UEFI}
	if err := i.look(name); err != nil {
		return nil, err
	}
	i.SHA256, err = hash(ctx, name)
	return i, err
}

// unfit is ErrImage.
func unfit(name, why, do string) error {
	return &fault.Error{Class: ErrImage, Err: fmt.Errorf("%s: %s", name, why), Do: do}
}

// look reads the qcow2's header and the system's files.
func (i *Image) look(name string) error {
	d, err := convert.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	if q, ok := d.Mapper.(*qcow2.Image); ok && q.Header().Compression != qcow2.Zlib {
		return unfit(name, "its clusters are compressed by "+string(q.Header().Compression)+", which Lima's own reader does not know",
			"imgasm convert "+name+" lima.qcow2 writes it with zlib")
	}
	disk, err := inspect.Open(d, d.Size())
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	t, err := disk.SystemTree()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	const build = "imgasm alma with {Profile} cloud makes one that has it"
	switch {
	case there(t, "usr/lib/rehearsal/pretend"):
		return unfit(name, "it is a rehearsal's, whose cloud-init does nothing", build)
	case !there(t, "usr/bin/cloud-init") && !there(t, "nix/store/*-cloud-init-*"):
		return unfit(name, "there is no cloud-init in it, by which Lima makes its user and lets it in", build)
	case there(t, "etc/cloud/cloud-init.disabled"):
		return unfit(name, "its cloud-init is disabled, by /etc/cloud/cloud-init.disabled", "remove that file in the machine that the image is of")
	}
	i.Unmountable, err = unmountable(t)
	return err
}

// there tells whether a file is there whose path a pattern of fs.Glob's matches.
func there(t fs.FS, pattern string) bool {
	found, _ := fs.Glob(t, pattern)
	return len(found) > 0
}

// unmountable are the types of shared folders for which no kernel in the image has a
// module, or has it built in. Of a system without modules nothing is known.
func unmountable(t fs.FS) (all []string, err error) {
	const modules = "usr/lib/modules"
	kernels, err := fs.ReadDir(t, modules)
	if errors.Is(err, fs.ErrNotExist) || len(kernels) == 0 && err == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, c := range []struct{ mount, module string }{{"9p", "fs/9p/9p.ko"}, {"virtiofs", "fs/fuse/virtiofs.ko"}} {
		found := false
		for _, k := range kernels {
			builtin, err := fs.ReadFile(t, modules+"/"+k.Name()+"/modules.builtin")
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			files, err := fs.ReadDir(t, path.Join(modules, k.Name(), "kernel", path.Dir(c.module)))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			found = found || strings.Contains(string(builtin), "kernel/"+c.module) ||
				slices.ContainsFunc(files, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), path.Base(c.module)) }) // .xz, .zst
		}
		if !found {
			all = append(all, c.mount)
		}
	}
	return all, nil
}

func hash(ctx context.Context, name string) (string, error) {
	f, err := smallfile.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, smallfile.Stream(ctx, f)); err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
