package nixglue

// What nix says of a flake without evaluating it.

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
)

// Metadata is where a flake and its inputs come from, all of them pinned.
type Metadata struct {
	URL      string `json:"url"`                // "github:owner/repo/0123…?narHash=…"; of a folder: with the hash of its contents
	Revision string `json:"revision,omitempty"` // of git and the like; "": it has none
	Path     string `json:"path"`               // its source, in the store where it is evaluated
	// Inputs are the nodes of flake.lock, by name.
	Inputs []LockedInput `json:"inputs,omitempty"`
}

// LockedInput is a flake's input, or one of an input.
type LockedInput struct {
	Name     string `json:"name"`
	URL      string `json:"url"`                // "github:NixOS/nixpkgs/0123…"
	Revision string `json:"revision,omitempty"` // "": it has none
	NarHash  string `json:"narHash"`            // of its source as an archive of Nix, "sha256-" and base64
}

// Metadata fetches a flake and its inputs' names. It writes a flake.lock that is
// missing or does not fit, unless NoWriteLock is set or the flake is not a folder
// of this machine.
func (n Nix) Metadata(ctx context.Context, flake string) (Metadata, error) {
	if err := n.check(flake); err != nil {
		return Metadata{}, err
	}
	out, _, err := n.run(ctx, n.MetadataArgs(flake))
	if err != nil {
		return Metadata{}, err
	}
	var answer struct {
		Metadata
		Locks struct {
			Nodes map[string]struct {
				Locked map[string]any `json:"locked"`
			} `json:"nodes"`
		} `json:"locks"`
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return Metadata{}, n.noAnswer("flake metadata", err)
	}
	m := answer.Metadata
	m.Inputs = nil
	for name, node := range answer.Locks.Nodes {
		if node.Locked != nil { // the root has none
			m.Inputs = append(m.Inputs, lockedInput(name, node.Locked))
		}
	}
	slices.SortFunc(m.Inputs, func(a, b LockedInput) int { return cmp.Compare(a.Name, b.Name) })
	return m, nil
}

// lockedInput reads an input as flake.lock has it (nix3-flake(1), "Lock files").
func lockedInput(name string, locked map[string]any) LockedInput {
	str := func(key string) string { s, _ := locked[key].(string); return s }
	i := LockedInput{Name: name, Revision: str("rev"), NarHash: str("narHash")}
	switch kind := str("type"); kind {
	case "github", "gitlab", "sourcehut":
		i.URL = kind + ":" + str("owner") + "/" + str("repo") + "/" + i.Revision
	case "path":
		i.URL = kind + ":" + str("path")
	case "git", "hg":
		i.URL = kind + "+" + str("url") + "?rev=" + i.Revision
	default: // "tarball", "file"
		i.URL = str("url")
	}
	return i
}
