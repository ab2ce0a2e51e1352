package project_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgasm/imgasm/internal/hosttool"
)

// engine is what reads a file of docs/ci: it returns the arguments that imgasm was
// run with by each of the file's jobs, of those that can be run here.
type engine func(t *testing.T, text string) (said []string, err error)

// module has a file judged by the module testdata/judges/ci, and runs the command
// that comes of it in a shell with env.
func module(name string, env ...string) engine {
	return func(t *testing.T, text string) ([]string, error) {
		file := filepath.Join(t.TempDir(), "file.yml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("go", "run", ".", name, file)
		cmd.Dir = filepath.Join("testdata", "judges", "ci")
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
		command, err := cmd.Output()
		if err != nil || len(command) == 0 {
			t.Logf("%s: %s", name, command)
			return nil, err
		}
		return runs(t, "", env, "sh", "-c", string(command))
	}
}

// gitlab runs a file's jobs on this machine, in the place of the image that they name.
func gitlab(t *testing.T, text string) ([]string, error) {
	npm, node, git := hosttool.Find(t, "npm", "npm"), hosttool.Find(t, "node", "nodejs"), hosttool.Find(t, "git", "git")
	hosttool.Find(t, "rsync", "rsync") // gitlab-ci-local copies with it
	dir, tool := t.TempDir(), t.TempDir()
	_, text, _ = strings.Cut(text, "\n  image: ")
	_, text, _ = strings.Cut(text, "\n")
	if err := os.WriteFile(filepath.Join(dir, ".gitlab-ci.yml"), []byte("images:\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{npm, "install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--prefix", tool, "gitlab-ci-local@4.55.0"}, // newer ones need newer nodes
		{git, "init", "-q"}, {git, "add", "."}, {git, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "a"},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	return runs(t, dir, []string{"HOME=" + tool}, node, filepath.Join(tool, "node_modules", ".bin", "gitlab-ci-local"))
}

// runs runs a command that finds a stand-in for imgasm, and returns the arguments of
// each of that one's calls, sorted.
func runs(t *testing.T, dir string, env []string, argv ...string) ([]string, error) {
	bin := t.TempDir()
	log := filepath.Join(bin, "log")
	if err := os.WriteFile(filepath.Join(bin, "imgasm"), []byte("#!/bin/sh\necho \"$*\" >>"+log+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = slices.Concat(os.Environ(), env, []string{"PATH=" + bin + ":" + os.Getenv("PATH")})
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	said, _ := os.ReadFile(log) // none: it was not called
	lines := strings.Fields(strings.ReplaceAll(string(said), " ", "_"))
	slices.Sort(lines)
	return lines, err
}

// The files of docs/ci are what their engines take, and give each part of the
// targets to one job; a file with a mistake is not and does not. It asks npm's
// registry and the Go module proxy.
func TestCIFiles(t *testing.T) {
	hosttool.Rest(t)
	const more = "_--junit_results.xml_--report_pages"
	for name, c := range map[string]struct {
		engine engine
		want   []string
		broken map[string]string // what stands there, and a mistake in its place
	}{
		"github": {module("github"), nil, map[string]string{"matrix.shard }}/4 --junit": "matrix.shards }}/4 --junit", "runs-on:": "run-on:"}},
		"gitlab": {gitlab, []string{"build_--shard_1/4" + more, "build_--shard_2/4" + more, "build_--shard_3/4" + more, "build_--shard_4/4" + more}, map[string]string{"parallel:": "paralell:", "CI_NODE_INDEX/": "CI_NODE/"}},
		"buildkite": {module("buildkite", "BUILDKITE_PARALLEL_JOB=2", "BUILDKITE_PARALLEL_JOB_COUNT=4"), []string{"build_--shard_3/4" + more},
			map[string]string{"$$": "$", "steps:": "step:"}},
		"kubernetes": {module("kubernetes", "JOB_COMPLETION_INDEX=2"), []string{"build_-f_/images/imgasm.yaml_--shard_3/4"}, map[string]string{"completions:": "completion:", "INDEX + 1": "INDEX"}},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("..", "..", "docs", "ci", name+".yml"))
			if err != nil {
				t.Fatal(err)
			}
			said, err := c.engine(t, string(text))
			if d := cmp.Diff(c.want, said); err != nil || d != "" {
				t.Errorf("%v\n%s", err, d)
			}
			for right, wrong := range c.broken {
				broken := strings.ReplaceAll(string(text), right, wrong)
				if said, err := c.engine(t, broken); broken == string(text) || err == nil && cmp.Equal(c.want, said) {
					t.Errorf("with %s in the place of %s nobody complains", wrong, right)
				}
			}
		})
	}
}
