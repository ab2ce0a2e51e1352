package nixdisk

import "io/fs"

// identity of files is not asked for here: there is no Nix.
type identity struct{}

func identify(fs.FileInfo) (identity, bool) { return identity{}, false }
