// Which flake is built: imgasm's own, which lies in the cache, or the user's.

package nixos

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/tmpdir"
	"github.com/imgasm/imgasm/nixglue"
	files "github.com/imgasm/imgasm/nixos"
)

const lockFile = "flake.lock"

// ownFlake is the folder of imgasm's own flake in a cache. Its name tells the
// flake's contents: another imgasm has another one, with its own lock.
func ownFlake(cache string) (string, error) {
	all := files.Flake()
	var text strings.Builder
	err := fs.WalkDir(all, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(all, name)
		text.WriteString(name + "\n" + digest.Bytes(content) + "\n")
		return err
	})
	return filepath.Join(cache, "nixos", digest.Bytes([]byte(text.String()))[:16]), err
}

// writeOwnFlake puts imgasm's own flake into its folder, whole or not at all.
func writeOwnFlake(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	made, remove, err := copyOwnFlake(dir)
	if err != nil {
		return err
	}
	defer remove()
	err = publish.Rename(made, dir)
	if _, there := os.Stat(dir); there == nil { // another imgasm may have been first
		return nil
	}
	return err
}

// copyOwnFlake writes imgasm's own flake into a hidden folder beside dir.
func copyOwnFlake(dir string) (made string, remove func(), err error) {
	work, remove, err := tmpdir.Hidden(filepath.Dir(dir))
	if err != nil {
		return "", nil, err
	}
	made = filepath.Join(work, "flake")
	if err := os.CopyFS(made, files.Flake()); err != nil {
		remove()
		return "", nil, err
	}
	return made, remove, nil
}

// lockOwnFlake has nix make the lock of imgasm's own flake, where there is none or
// a newer one is asked for. Until nix has, an older one stays.
func lockOwnFlake(ctx context.Context, n nixglue.Nix, dir string, renew bool) error {
	lock := filepath.Join(dir, lockFile)
	if _, err := os.Stat(lock); err == nil && !renew {
		return nil
	}
	made, remove, err := copyOwnFlake(dir)
	if err != nil {
		return err
	}
	defer remove()
	if _, err := n.Metadata(ctx, folderURL(made)); err != nil {
		return err
	}
	return publish.Rename(filepath.Join(made, lockFile), lock)
}

// takeFlake finds out what the flake and its inputs are, and pins them: from now
// on the build uses what it has seen here.
func (b *build) takeFlake(ctx context.Context, j *assemble.Job) (string, error) {
	p, n := b.plan, b.home(j)
	ref := p.ref
	if p.Own != "" {
		if err := writeOwnFlake(p.Own); err != nil {
			return "", err
		}
		if len(p.Spec.Inputs) == 0 { // nix writes no lock of other inputs than the flake's
			if err := lockOwnFlake(ctx, n, p.Own, p.Spec.Update); err != nil {
				return "", err
			}
		}
	} else if _, err := n.Metadata(ctx, ref); err != nil { // which writes a lock that is missing, and is seen again with it
		return "", p.noFlake(err)
	}
	var err error
	if b.meta, err = n.Metadata(ctx, ref); err != nil {
		return "", err
	}
	switch b.flake = ref; {
	case b.meta.Revision != "":
		b.flake = b.meta.URL // a branch may move meanwhile
	case p.Own != "":
		b.flake = folderURL(b.meta.Path) // another imgasm may renew the lock
	}
	if err := b.identify(ctx, j, n); err != nil {
		return "", err
	}
	if p.Spec.Locked {
		if err := j.Outputs.CheckLock(p.lock(b.inputs)); err != nil {
			return "", err
		}
	}
	said := b.meta.URL
	for _, i := range b.meta.Inputs {
		if i.Name == "nixpkgs" {
			said = i.URL
		}
	}
	return said, nil
}

// noFlake says what is wrong with a flake that nix does not find, if it is a
// folder that is not there, or one whose name nix takes for one of its registry.
func (p *Plan) noFlake(err error) error {
	var failure *nixglue.Failure
	if !errors.As(err, &failure) {
		return err
	}
	folder, isPath := strings.CutPrefix(p.ref, "path:")
	folder, _, _ = strings.Cut(folder, "?")
	_, missing := os.Stat(folder)
	switch {
	case errors.Is(missing, fs.ErrNotExist) && (isPath || filepath.IsAbs(folder) || strings.HasPrefix(folder, ".")):
		return bad("Flake", fmt.Errorf("%s is not there", folder), "")
	case missing == nil && filepath.IsLocal(p.ref) && !strings.HasPrefix(p.ref, "."):
		return bad("Flake", fmt.Errorf("nix knows no flake %s: %w", p.ref, err), "if the folder is meant: {Flake} ./"+p.ref)
	}
	return err
}

// identify makes inputs of the flake and what it has locked. Their hashes are
// those of their archives, as Nix makes them.
func (b *build) identify(ctx context.Context, j *assemble.Job, n nixglue.Nix) error {
	add := func(role, name, url, hash string, size int64) {
		sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(hash, "sha256-"))
		if err != nil || len(sum) != 32 {
			j.Note("nix tells no hash of " + name + ", which the records leave out therefore")
			return
		}
		b.inputs = append(b.inputs, assemble.Input{Role: role, Name: name, URL: url, Size: size, SHA256: hex.EncodeToString(sum)})
	}
	n.Inputs = nil
	infos, err := n.PathInfo(ctx, false, b.meta.Path)
	switch {
	case err == nil && len(infos) == 1:
		add("flake", filepath.Base(b.meta.Path), b.meta.URL, infos[0].NarHash, infos[0].NarSize)
	case err != nil && !errors.Is(err, nixglue.ErrAbsent):
		return err
	default:
		add("flake", b.meta.URL, b.meta.URL, "", 0)
	}
	for _, i := range b.meta.Inputs {
		add("flake-input-"+i.Name, i.Name, i.URL, i.NarHash, 0)
	}
	return nil
}
