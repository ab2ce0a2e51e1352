package nixdisk

// identity of files is not asked for here: there is no Nix.
type identity struct{}

func identify(string) (identity, bool) { return identity{}, false }
