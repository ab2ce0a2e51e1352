// Package nixos holds the NixOS images' flake: modules, both architectures, and
// what builds a disk image of them. It needs no file but these.
package nixos

import (
	"embed"
	"io/fs"
)

//go:embed flake.nix modules x86_64 aarch64
var files embed.FS

// Flake is the flake's folder: flake.nix at its root, no flake.lock. Copied into
// a folder (os.CopyFS), its outputs are path:FOLDER#nixos-ARCH-image and the
// others that docs/nixos.md lists.
func Flake() fs.FS { return files }
