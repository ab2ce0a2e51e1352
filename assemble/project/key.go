// The key of a target: equal keys, equal inputs.

package project

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/internal/digest"
)

// Key is a hash of all that a target is made of and that this host can know
// beforehand: imgasm's version, the flags, and the contents of the files that they
// name, which are relative to dir. What comes from a network is not part of it,
// nor what a file includes: a lock pins the first.
//
// Errors are those of files; one that is not there is for the build to tell.
func (t Target) Key(ctx context.Context, version, dir string) (string, error) {
	files := map[string]string{}
	for _, a := range t.Args {
		if !a.Flag.File {
			continue
		}
		for _, v := range a.Values {
			source, _, _ := strings.Cut(v, ":") // SRC:DEST
			for _, name := range []string{v, source} {
				if err := hashTree(ctx, files, dir, name); err != nil {
					return "", err
				}
			}
		}
	}
	h := sha256.New()
	e := json.NewEncoder(h)
	for _, part := range []any{"imgasm.target/v1", version, t.Argv(), files} { // maps are written in order
		if err := e.Encode(part); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// hashTree adds the hashes of a file, or of all files below a folder.
func hashTree(ctx context.Context, into map[string]string, dir, name string) error {
	root := name
	if !filepath.IsAbs(root) {
		root = filepath.Join(dir, name)
	}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		sum, _, err := digest.File(ctx, path)
		into[strings.TrimPrefix(path, dir)] = fmt.Sprintf("%s %o", sum, info.Mode().Perm())
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
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
	defaults := object{}
	var images []object
	var names []string
	for _, k := range kinds {
		properties := object{
			"kind":   object{"const": k.Name},
			"matrix": object{"type": "object", "additionalProperties": object{"type": "array", "items": scalar, "minItems": 1}},
		}
		for _, f := range k.Flags {
			properties[f.Name] = property(f)
			defaults[f.Name] = property(f)
		}
		images = append(images, object{"properties": properties, "required": []string{"kind"}, "additionalProperties": false})
		names = append(names, k.Name)
	}
	slices.Sort(names)
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
				"propertyNames":        object{"pattern": imageName.String()},
				"additionalProperties": object{"type": "object", "properties": object{"kind": object{"enum": names}}, "oneOf": images},
			},
		},
	}, "", "  ")
}
