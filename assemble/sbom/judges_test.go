package sbom_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/imgasm/imgasm/internal/hosttool"
)

// run runs a judge and compares what it says.
func run(t *testing.T, want, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	out, err := cmd.CombinedOutput()
	if err != nil || want != "" && string(out) != want {
		t.Errorf("%s %q: %v: %s\nwant %s", name, args, err, out, want)
	}
}

// documents are those of TestGolden, as files.
func documents(t *testing.T, format string) (full, bare string) {
	t.Helper()
	for _, name := range []string{"full", "bare"} {
		if _, err := os.Stat(filepath.Join("testdata", name+"."+format+".json")); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "full."+format+".json"), filepath.Join(dir, "bare."+format+".json")
}

// TestJudges has the documents of TestGolden read by what others wrote for
// that. It asks npm's registry and the Go module proxy.
func TestJudges(t *testing.T) {
	hosttool.Rest(t)
	t.Run("CycloneDX", func(t *testing.T) {
		npm, node := hosttool.Find(t, "npm", "npm"), hosttool.Find(t, "node", "nodejs")
		dir := t.TempDir()
		run(t, "", dir, npm, "install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--prefix", dir,
			"@cyclonedx/cyclonedx-library@10.3.0", "ajv@8.20.0", "ajv-formats@3.0.1", "ajv-formats-draft2019@1.6.1", "packageurl-js@2.0.1")
		script, err := os.ReadFile("testdata/judges/cyclonedx.cjs")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "judge.cjs"), script, 0o600); err != nil {
			t.Fatal(err)
		}
		full, bare := documents(t, "cdx")
		run(t, "5\n0\n", dir, node, "judge.cjs", full, bare)
	})
	t.Run("SPDX", func(t *testing.T) {
		full, bare := documents(t, "spdx")
		run(t, "1 7 7 3\n1 1 1 0\n", "testdata/judges/spdx", "go", "run", ".", full, bare)
	})
}
