package main

import (
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/imgasm/imgasm/assemble/project"
)

// What the schema says of a file is what imgasm says of it, and the schema is one.
func TestSchemaAgrees(t *testing.T) {
	var a app
	text, err := project.Schema(a.kinds())
	if err != nil {
		t.Fatal(err)
	}
	schema := compiled(t, text) // which holds it against its metaschema
	page, err := os.ReadFile("../../docs/build.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	for file, good := range map[string]bool{
		example: true,
		"images: {a: {kind: alma, version: 10, cpus: 2, cloud-init: true, post: one.sh, package: [vim, 7z]}}":    true,
		"defaults: {flake: x}\nimages: {a: {matrix: {kind: [alma, nixos], x: [1, true, b]}, out: '{x}-{kind}'}}": true,
		"images: {a: {kind: alma, matrix: {x: [1, 2], exclude: [{x: 2}]}}}":                                      true,
		"images: {}": false,
		"images: {a: {kind: alma, matrix: {x: [1, 2], exclude: [2]}}}":    false,
		"images: {a: {kind: alma, matrix: {x: [1, 2], exclude: {x: 2}}}}": false,
		"images: {a: {kind: alma, matrix: {x: [1, 2], exclude: [{}]}}}":   false,
		"defaults: {arch: x86_64}":                                        false,
		"image: {}":                                                       false,
		"images: [a]":                                                     false,
		"images: {a: }":                                                   false,
		"images: {a: {}}":                                                 false,
		"images: {../a: {kind: alma}}":                                    false,
		"images: {a: {kind: almma}}":                                      false,
		"images: {a: {kind: [alma]}}":                                     false,
		"images: {a: {kind: alma, flake: x}}":                             false,
		"images: {a: {kind: nixos, kickstart: x}}":                        false,
		"images: {a: {kind: alma, json: true}}":                           false,
		"images: {a: {kind: alma, cloud-init: 1}}":                        false,
		"images: {a: {kind: alma, arch: [x86_64]}}":                       false,
		"images: {a: {kind: alma, arch: }}":                               false,
		"images: {a: {kind: alma, post: [[a]]}}":                          false,
		"images: {a: {kind: alma, post: {a: b}}}":                         false,
		"images: {a: {kind: alma, matrix: {x: []}}}":                      false,
		"images: {a: {kind: alma, matrix: {x: 1}}}":                       false,
		"images: {a: {kind: alma, matrix: {x: [[]]}}}":                    false,
		"images: {a: {matrix: {kind: [almma]}}}":                          false,
		"images: {a: {kind: alma, matrix: [x]}}":                          false,
		"defaults: {json: true}\nimages: {a: {kind: alma}}":               false,
		"defaults: {offline: 1}\nimages: {a: {kind: alma}}":               false,
		"defaults: {post: {}}\nimages: {a: {kind: alma}}":                 false,
	} {
		var value any
		if err := yaml.Unmarshal([]byte(file), &value); err != nil {
			t.Fatal(err)
		}
		judged := schema.Validate(value)
		_, read := project.Parse("f", []byte(file), a.kinds())
		if (judged == nil) != good || (read == nil) != good {
			t.Errorf("%s\nby its schema: %v\nby imgasm: %v", file, judged, read)
		}
	}
}
