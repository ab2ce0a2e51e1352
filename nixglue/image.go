package nixglue

// The disk image in what was built.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// Image is a disk image in an output of a derivation. The file may be compressed,
// as images for SD cards are ("sd-image", .img.zst).
type Image struct {
	Path string
	Type string // as hydra-build-products has it, "qcow2-image"; "" where there is none
}

// maxProducts bounds nix-support/hydra-build-products; it has a line a file.
const maxProducts = 1 << 20

// FindImage finds the disk image in an output on this machine, a store path that
// [Nix.Build] gave: the one that nix-support/hydra-build-products names, else the
// one file that is called like an image, else the output itself if it is a file.
// It is a regular file of the same store. Errors are [ErrImage].
func FindImage(ctx context.Context, output string) (Image, error) {
	info, err := os.Stat(output)
	if err != nil {
		return Image{}, &fault.Error{Class: ErrImage, Err: err}
	}
	if !info.IsDir() {
		return inStore(output, Image{Path: output})
	}
	products := filepath.Join(output, "nix-support", "hydra-build-products")
	text, err := smallfile.ReadAgain(ctx, products, maxProducts)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return Image{}, &fault.Error{Class: ErrImage, Err: err}
	default:
		if found := productImages(string(text)); len(found) > 0 {
			return one(output, found, products)
		}
	}
	entries, err := os.ReadDir(output)
	if err != nil {
		return Image{}, &fault.Error{Class: ErrImage, Err: err}
	}
	var found []Image
	for _, e := range entries {
		if slices.Contains(imageSuffixes, filepath.Ext(e.Name())) {
			found = append(found, Image{Path: filepath.Join(output, e.Name())})
		}
	}
	return one(output, found, output)
}

// imageSuffixes are what make-disk-image.nix of nixpkgs calls its formats, and
// other builders raw disks and VMware's.
var imageSuffixes = []string{".qcow2", ".img", ".raw", ".vdi", ".vhd", ".vmdk"}

// "file qcow2-image /nix/store/…/nixos.qcow2", or with the path in quotation marks
var productLine = regexp.MustCompile(`^file\s+(\S+)\s+(?:"([^"]+)"|(\S+))`)

// productImages are the disk images of a hydra-build-products, each once.
func productImages(text string) (found []Image) {
	for line := range strings.Lines(text) {
		m := productLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		image := Image{Path: m[2] + m[3], Type: m[1]}
		same := func(i Image) bool { return i.Path == image.Path }
		if (strings.HasSuffix(image.Type, "-image") || slices.Contains(imageSuffixes, filepath.Ext(image.Path))) && !slices.ContainsFunc(found, same) {
			found = append(found, image)
		}
	}
	return found
}

// one is the image if there is just one; where says where they were looked for.
func one(output string, found []Image, where string) (Image, error) {
	switch len(found) {
	case 0:
		return Image{}, &fault.Error{Class: ErrImage, Err: fmt.Errorf("%s has no disk image", where),
			Do: "see what was built: " + proc.Quote([]string{"ls", "-lR", output})}
	case 1:
		return inStore(output, found[0])
	}
	var paths []string
	for _, i := range found {
		paths = append(paths, i.Path)
	}
	return Image{}, &fault.Error{Class: ErrImage, Err: fmt.Errorf("%s has %d disk images: %s", where, len(found), strings.Join(paths, ", ")),
		Do: "name an attribute of the flake that builds just one"}
}

// inStore refuses an image that is no regular file of the output's store: what
// a stranger has built may name, or link to, any file of ours.
func inStore(output string, image Image) (Image, error) {
	store, err := filepath.EvalSymlinks(filepath.Dir(output))
	if err != nil {
		return Image{}, &fault.Error{Class: ErrImage, Err: err}
	}
	file, err := filepath.EvalSymlinks(image.Path)
	if err != nil {
		return Image{}, &fault.Error{Class: ErrImage, Err: err}
	}
	rel, err := filepath.Rel(store, file)
	if err != nil || !filepath.IsLocal(rel) || rel == "." {
		return Image{}, &fault.Error{Class: ErrImage, Err: fmt.Errorf("%s is not in the store of %s, but %s", image.Path, output, file)}
	}
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", image.Path)
	}
	if err != nil {
		return Image{}, &fault.Error{Class: ErrImage, Err: err}
	}
	return image, nil
}
