package project_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgasm/imgasm/assemble/project"
	"github.com/imgasm/imgasm/internal/digest"
)

var kinds = []project.Kind{
	{Name: "alma", Flags: []project.Flag{
		{Name: "arch", Type: project.Text}, {Name: "cloud-init", Type: project.Bool}, {Name: "hostname", Type: project.Text}, {Name: "version", Type: project.Text},
		{Name: "out", Type: project.Text}, {Name: "post", Type: project.List, Files: func(v string) []string { return []string{v} }},
		{Name: "copy", Type: project.List, Modes: true, Files: func(v string) []string { return []string{v} }},
	}},
	{Name: "nixos", Flags: []project.Flag{{Name: "arch", Type: project.Text}, {Name: "flake", Type: project.Text}, {Name: "format", Type: project.List}, {Name: "out", Type: project.Text}},
		Ending: func(format string) string { return ".of-" + format },
		Writes: func(t project.Target) []string { return []string{t.Get("out"), t.Get("out") + ".json"} }},
}

func TestTargets(t *testing.T) {
	targets, err := project.Parse("imgasm.yaml", []byte("\ufeff"+`
defaults:
  arch: aarch64
  flake: path:.
  cloud-init: true
images:
  web:
    kind: alma
    matrix:
      version: [10.10, kitten, 9]
      size: [small, large]
      exclude: [{version: 9}, {size: large, version: kitten}, {size: large, version: 10.10}]
    hostname: "{size}-{version}"
    post: [one.sh, "{name}.sh"]
  nix:
    kind: nixos
    arch: x86_64
    out: dist/{name}.raw
  both:
    matrix: {kind: [alma, nixos]}
    out: "{kind}.raw"
  disk:
    kind: nixos
    matrix: {as: [vhd]}
    format: ["{as}", raw]
`), kinds)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, one := range targets {
		got = append(got, one.Name+": "+strings.Join(one.Argv(), " "))
	}
	want := []string{
		"web-10.10-small: alma --arch=aarch64 --cloud-init=true --hostname=small-10.10 --out=web-10.10-small.qcow2 --post=one.sh --post=web-10.10-small.sh --version=10.10",
		"web-kitten-small: alma --arch=aarch64 --cloud-init=true --hostname=small-kitten --out=web-kitten-small.qcow2 --post=one.sh --post=web-kitten-small.sh --version=kitten",
		"nix: nixos --arch=x86_64 --flake=path:. --out=dist/nix.raw",
		"both-alma: alma --arch=aarch64 --cloud-init=true --out=alma.raw",
		"both-nixos: nixos --arch=aarch64 --flake=path:. --out=nixos.raw",
		"disk-vhd: nixos --arch=aarch64 --flake=path:. --format=vhd --format=raw --out=disk-vhd.of-vhd",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if first, second := project.Shard(targets, 1, 2), project.Shard(targets, 2, 2); len(first) != 3 || len(second) != 3 || second[0].Name != "web-kitten-small" {
		t.Errorf("%v, %v", first, second)
	}
}

// Each mistake is told with its place, and what to do.
func TestMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "f:1:1: the file is no mapping",
		"image: {}":                              `f:1:1: "image" is no key did you mean images?`,
		"defaults: {}":                           "there are no images",
		"images: [a]":                            "f:1:9: images is a mapping",
		"images:\n  a: {kind: almma}":            `f:2:13: "almma" is no kind did you mean alma?`,
		"images:\n  a: {}":                       "f:2:3: a has no kind",
		"images:\n  a: {kind: alma, hostnam: x}": `f:2:19: "hostnam" is no flag of imgasm alma did you mean hostname?`,
		"defaults: {hostnam: x}\nimages:\n  a: {kind: alma}":                        `f:1:12: "hostnam" is no flag`,
		"images:\n  a: {kind: alma, cloud-init: yes}":                               "f:2:31: cloud-init is true or false",
		"images:\n  a: {kind: alma, hostname: [a, b]}":                              "hostname takes one value",
		"images:\n  a: {kind: alma, hostname: }":                                    "hostname has no value",
		"images:\n  a: {kind: alma, hostname: {b: c}}":                              "hostname takes no mapping",
		"images:\n  a: {kind: alma, hostname: \"{nme}\"}":                           "f:2:3: hostname: nothing is called {nme}",
		"images:\n  a: {kind: alma, matrix: {version: 10}}":                         "f:2:37: version of a matrix is a list",
		"images:\n  a: {kind: alma, matrix: {version: [a/b]}}":                      `"a-a/b" is no name for an image`,
		"images:\n  a: {kind: alma, out: x}\n  b: {kind: alma, out: x}":             "f:3:3: a and b would both write x",
		"images:\n  a: {kind: alma, out: x}\n  b: {kind: alma, out: ./x}":           "f:3:3: a and b would both write x",
		"images:\n  a: {kind: alma, out: \"\"}":                                     `f:2:3: out of a is "", which is no file`,
		"images:\n  a-1: {kind: alma, out: x}\n  a: {kind: alma, matrix: {v: [1]}}": "f:3:3: two targets are called a-1",
		"images:\n  a: {matrix: {kind: [alma, almma]}}":                             `f:2:29: "almma" is no kind`,
		"images:\n  a: {kind: alma, matrix: {cloud-init: [yes]}}":                   "f:2:41: cloud-init is true or false",
		"images:\n  a: &x {kind: alma}\n  b: *x":                                    "is not read here",
		"images:\n  a: {kind: alma}\n  a: {kind: alma}":                             "f:3:3: ",
		"images:\n\ta: b":                        "f:2:",
		"images:\n  ../a: {kind: alma}":          "is no name for an image",
		"images: {}":                             "f:1:9: images is a mapping of names such as",
		"images:\n  a: {kind: alma, out: dist/}": `f:2:3: out of a is "dist/", which is no file`,
		"images:\n  a: {kind: alma, out: /tmp/../tmp/x}\n  b: {kind: alma, out: /tmp/x}": "f:3:3: a and b would both write /tmp/x",
		"images:\n  a: {kind: nixos, out: x}\n  b: {kind: nixos, out: x.json}":           "f:3:3: a and b would both write x.json",
		"images:\n  a: {kind: alma, matrix: {v: [1, 1]}}":                                "f:2:3: two targets are called a-1",
		"images:\n  a: {kind: alma, matrix: {v: [1], exclude: {v: 1}}}":                  "f:2:45: exclude is a list",
		"images:\n  a: {kind: alma, matrix: {v: [1], exclude: [{v: 2}]}}":                "f:2:46: no combination of the matrix is like this",
		"images:\n  a: {kind: alma, matrix: {v: [1], exclude: [{}]}}":                    "f:2:46: no combination of the matrix is like this",
		"images:\n  a: {kind: alma, matrix: {v: [1], exclude: [{v: 1}]}}":                "f:2:45: no combination is left",
		"images:\n  a: {kind: [alma]}":                                                   "f:2:13: kind takes one value for one target each: matrix: {kind: [alma, nixos]}",
		"images:\n  a: {kind: alma, matrix: {versions: [9, 10]}}":                        `f:2:28: "versions" is no flag of imgasm alma, and {versions} stands nowhere did you mean version?`,
		"images:\n  a: {kind: alma, matrix: {name: [b]}}":                                "f:2:28: {name} is what the target is called",
		"images: {}\n---\nimages: {}":                                                    "a second document",
		// The parser would take 6 GB for these.
		"images: " + strings.Repeat("[", 60000):   "f:1:25: more than 16 values in one another",
		"images:\n" + strings.Repeat("- ", 30000): "f:2:33: more than 16 values in one another",
	} {
		_, err := project.Parse("f", []byte(text), kinds)
		said := ""
		if err != nil {
			said = err.Error()
		}
		var hint interface{ Hint() string }
		if errors.As(err, &hint) {
			said += " " + hint.Hint()
		}
		if !errors.Is(err, project.ErrFile) || !strings.Contains(said, want) {
			t.Errorf("%q: %s; want %s", text, said, want)
		}
	}
	many := "images:\n  a: {kind: alma, out: \"{name}\", matrix: {" + strings.Repeat("", 1)
	for _, c := range "abcd" {
		many += string(c) + ": [1, 2, 3, 4, 5, 6, 7, 8], "
	}
	if _, err := project.Parse("f", []byte(many+"}}"), kinds); err == nil || !strings.Contains(err.Error(), "more than 1000 targets") {
		t.Errorf("%v", err)
	}
}

// All mistakes are told, those of defaults and of a matrix once.
func TestAllMistakes(t *testing.T) {
	text := "defaults: {none: 1}\nother: 1\nimages:\n  a:\n    kind: alma\n    matrix: {arch: [x86_64, aarch64]}\n    nope: 1\n    hostname: [a]\n  b: {kind: almma}\n  c: {kind: alma}\n"
	var got []string
	for _, err := range project.Mistakes("f", []byte(text), kinds) {
		if !errors.Is(err, project.ErrFile) {
			t.Error(err)
		}
		got = append(got, err.Error())
	}
	want := []string{
		`f:2:1: "other" is no key`, `f:1:12: "none" is no flag`, `f:7:5: "nope" is no flag of imgasm alma`,
		`f:8:15: hostname takes one value`, `f:9:13: "almma" is no kind`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// The key changes with what a target is made of, and with nothing else.
func TestKey(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key := func(version, host string) string {
		t.Helper()
		targets, err := project.Parse("f", []byte("images: {a: {kind: alma, hostname: "+host+", post: [one.sh, none.sh]}}"), kinds)
		if err != nil {
			t.Fatal(err)
		}
		k, err := (&project.Keys{Version: version, Dir: dir}).Of(t.Context(), targets[0])
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	write("one.sh", "echo 1")
	first := key("1", "web")
	write("two.sh", "echo 2")
	if err := os.Chmod(filepath.Join(dir, "one.sh"), 0o664); err != nil { // as another umask has it
		t.Fatal(err)
	}
	if key("1", "web") != first {
		t.Error("another file, or who may read one, changes the key")
	}
	seen := map[string]bool{first: true, key("2", "web"): true, key("1", "db"): true}
	write("one.sh", "echo one")
	seen[key("1", "web")] = true
	write("none.sh", "")
	seen[key("1", "web")] = true
	if len(seen) != 5 {
		t.Errorf("%d keys, want 5", len(seen))
	}
}

// A folder is all that a copy of it brings: links and modes too, and what is
// behind a link that leads nowhere.
func TestKeyOfFolder(t *testing.T) {
	dir := t.TempDir()
	site := filepath.Join(dir, "site")
	if err := errors.Join(os.Mkdir(site, 0o755), os.Symlink("site", filepath.Join(dir, "link")), os.Symlink("/none", filepath.Join(site, "a"))); err != nil {
		t.Skip(err)
	}
	targets, err := project.Parse("f", []byte("images: {a: {kind: alma, copy: link, post: link}}"), kinds)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for n, change := range []func() error{
		func() error { return nil },
		func() error { return os.WriteFile(filepath.Join(site, "b"), nil, 0o600) },
		func() error { return os.Chmod(filepath.Join(site, "b"), 0o644) },
		func() error { return os.Chmod(site, 0o700) },
		func() error {
			return errors.Join(os.Remove(filepath.Join(site, "a")), os.Symlink("/nowhere", filepath.Join(site, "a")))
		},
		func() error { return os.WriteFile(filepath.Join(dir, "lock"), nil, 0o600) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		key, err := (&project.Keys{Version: "1", Dir: dir}).Of(t.Context(), targets[0], "lock")
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[key]; ok {
			t.Errorf("change %d: the key is that of %d", n, other)
		}
		seen[key] = n
	}
}

// A file that several targets name is read once, whatever its size, and not at all
// where its sum is known.
func TestKeysReadOnce(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "one.sh")
	if err := os.WriteFile(file, []byte("echo 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	targets, err := project.Parse("f", []byte("images: {a: {kind: alma, post: one.sh}}"), kinds)
	if err != nil {
		t.Fatal(err)
	}
	keys := project.Keys{Version: "1", Dir: dir}
	first, err1 := keys.Of(t.Context(), targets[0])
	if err := os.WriteFile(file, []byte("echo 2"), 0o600); err != nil {
		t.Fatal(err)
	}
	second, err2 := keys.Of(t.Context(), targets[0])
	if err1 != nil || err2 != nil || first != second {
		t.Errorf("%s, %v; %s, %v", first, err1, second, err2)
	}
	keys = project.Keys{Version: "1", Dir: dir, Sum: func(_ context.Context, path string, info fs.FileInfo) (string, int64, error) {
		return digest.Bytes([]byte("echo 1")), info.Size(), nil
	}}
	if known, err := keys.Of(t.Context(), targets[0]); err != nil || known != first {
		t.Errorf("of a sum that is known: %s, %v, want %s", known, err, first)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("defaults: {arch: x}\nimages:\n  a:\n    kind: alma\n    matrix: {version: [1, 2]}\n"))
	f.Add([]byte("images:\n  a: &x {kind: alma}\n  b: *x\n  ? [c]\n  : |\n   d"))
	f.Fuzz(func(t *testing.T, text []byte) {
		targets, err := project.Parse("f", text, kinds)
		if err != nil && !errors.Is(err, project.ErrFile) {
			t.Errorf("%v", err)
		}
		for _, one := range targets {
			if one.Get("out") == "" || one.Argv()[0] != one.Kind {
				t.Errorf("%+v", one)
			}
		}
	})
}

// A layout is one: what is laid out stays as it is. What it means, Format itself holds.
func FuzzFormat(f *testing.F) {
	f.Add([]byte("# a\nimages:\n   a: # b\n      post:\n      - x\n      # c\n      out: |\n         d\n\n\n      e: {f: [g,h]}\n"))
	f.Add([]byte("---\n'a': 1\n? b\n: >+\n\n  c\n...\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		once, err := project.Format("f", text)
		if err != nil {
			if !errors.Is(err, project.ErrFile) {
				t.Errorf("%v", err)
			}
			return
		}
		if twice, err := project.Format("f", once); err != nil || string(twice) != string(once) {
			t.Errorf("%q becomes %q, and that %q (%v)", text, once, twice, err)
		}
	})
}
