// The key of a target: equal keys, equal inputs.

package project

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/internal/digest"
)

// Keys makes keys of targets. A file that several of them name is read once.
type Keys struct {
	Version string // imgasm's
	Dir     string // the files' names are relative to it
	// Sum is the SHA-256 of a file, of which that is known; nil: it is read.
	Sum func(ctx context.Context, path string, info fs.FileInfo) (sum string, size int64, err error)

	digests map[string]string // of files, by path
}

// Of is a hash of all that a target is made of and that this host can know
// beforehand: imgasm's version, the flags, and the contents of the files that they
// name and of others. What comes from a network is not part of it, nor what a file
// includes: a lock pins the first.
//
// Where a flag gives a password the key is one of PBKDF2's: it is published, and a
// password that is easily guessed must not be guessed quickly.
//
// Errors are those of reading files; one that is not there is for the build to tell.
func (k *Keys) Of(ctx context.Context, t Target, others ...string) (string, error) {
	files := map[string]string{}
	var failed error
	add := func(names []string, modes bool) {
		for _, name := range names {
			if failed == nil {
				failed = k.hashTree(ctx, files, name, modes)
			}
		}
	}
	for _, a := range t.Args {
		for _, v := range a.Values {
			if a.Flag.Files != nil {
				add(a.Flag.Files(v), a.Flag.Modes)
			}
		}
	}
	if add(others, false); failed != nil {
		return "", failed
	}
	h := sha256.New()
	e := json.NewEncoder(h)
	for _, part := range []any{"imgasm.target/v1", k.Version, t.Argv(), files} { // maps are written in order
		if err := e.Encode(part); err != nil {
			return "", err
		}
	}
	key := h.Sum(nil)
	if slices.ContainsFunc(t.Args, func(a Arg) bool { return strings.Contains(a.Flag.Name, "password") }) {
		var err error
		if key, err = pbkdf2.Key(sha512.New, string(key), []byte("imgasm.target/v1"), 100_000, sha256.Size); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(key), nil
}

// hashTree adds what a file is, or all that is in a folder: contents, the targets of
// links, and permissions if they count. A link at the top is what it leads to.
func (k *Keys) hashTree(ctx context.Context, into map[string]string, name string, modes bool) error {
	root := name
	if name == "" {
		return nil
	}
	if !filepath.IsAbs(root) {
		root = filepath.Join(k.Dir, name)
	}
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil // it is not there, or cannot be: the build says so
	}
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		what := ""
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			what, err = os.Readlink(path)
		case info.Mode().IsRegular():
			what, err = k.digest(ctx, path, info)
		}
		called, mode := name+strings.TrimPrefix(path, root), info.Mode()
		if _, known := into[called]; known && !modes {
			return err // by a flag for which they may count
		}
		if !modes {
			mode = mode.Type() | mode&0o100 // Nix, for one, keeps this
		}
		into[called] = fmt.Sprintf("%v %s", mode, what)
		return err
	})
}

func (k *Keys) digest(ctx context.Context, path string, info fs.FileInfo) (string, error) {
	if sum, ok := k.digests[path]; ok {
		return sum, nil
	}
	read := k.Sum
	if read == nil {
		read = func(ctx context.Context, path string, _ fs.FileInfo) (string, int64, error) {
			return digest.File(ctx, path)
		}
	}
	sum, _, err := read(ctx, path, info)
	if err == nil {
		if k.digests == nil {
			k.digests = map[string]string{}
		}
		k.digests[path] = sum
	}
	return sum, err
}

// Shard are the targets of part n of count: each is in one part.
func Shard(all []Target, n, count int) (mine []Target) {
	for i, t := range all {
		if i%count == n-1 {
			mine = append(mine, t)
		}
	}
	return mine
}

// Schema is the JSON Schema (2020-12) of a file, for editors.
func Schema(kinds []Kind) ([]byte, error) {
	type object = map[string]any
	scalar := object{"type": []string{"string", "number", "boolean"}}
	property := func(f Flag) object {
		p := object{"description": f.Usage}
		switch f.Type {
		case Bool:
			p["type"] = "boolean"
		case Text:
			maps.Copy(p, scalar)
		case List:
			p["oneOf"] = []object{scalar, {"type": "array", "items": scalar}}
		}
		return p
	}
	combination := object{"type": "object", "additionalProperties": scalar, "minProperties": 1}
	matrix := func(properties object) object {
		properties["exclude"] = object{"type": "array", "items": combination, "description": "combinations that are no target"}
		return object{"type": "object", "properties": properties, "additionalProperties": object{"type": "array", "items": scalar, "minItems": 1}}
	}
	defaults := object{}
	var images []object
	var names []string
	for _, k := range kinds {
		properties := object{
			"kind":   object{"const": k.Name},
			"matrix": matrix(object{}),
		}
		for _, f := range k.Flags {
			properties[f.Name] = property(f)
			defaults[f.Name] = property(f)
		}
		images = append(images, object{"properties": properties, "required": []string{"kind"}, "additionalProperties": false})
		names = append(names, k.Name)
	}
	slices.Sort(names)
	varied := maps.Clone(defaults) // with kinds in the matrix
	kinded := matrix(object{"kind": object{"type": "array", "items": object{"enum": names}, "minItems": 1}})
	kinded["required"] = []string{"kind"}
	varied["matrix"] = kinded
	images = append(images, object{"properties": varied, "required": []string{"matrix"}, "additionalProperties": false})
	return json.MarshalIndent(object{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"title":                FileName + ": images that imgasm builds",
		"type":                 "object",
		"required":             []string{"images"},
		"additionalProperties": false,
		"properties": object{
			"defaults": object{"type": "object", "properties": defaults, "additionalProperties": false},
			"images": object{
				"type":                 "object",
				"minProperties":        1,
				"propertyNames":        object{"pattern": imageName.String()},
				"additionalProperties": object{"type": "object", "properties": object{"kind": object{"enum": names}}, "anyOf": images},
			},
		},
	}, "", "  ")
}
