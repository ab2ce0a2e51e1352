package provenance_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/provenance"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func full() provenance.Build {
	return provenance.Build{
		Subjects:   []provenance.Artifact{{Name: "alma.qcow2", SHA256: strings.Repeat("1", 64)}},
		Parameters: map[string]any{"arch": "x86_64", "version": "10.2", "kernelArgs": []string{"a=<b>&c"}},
		Internal:   map[string]string{"accel": "kvm"},
		Inputs: []provenance.Artifact{
			{Name: "AlmaLinux-10.2-x86_64-boot.iso", URI: "https://repo.almalinux.org/almalinux/10.2/isos/x86_64/AlmaLinux-10.2-x86_64-boot.iso",
				SHA256: strings.Repeat("2", 64), Annotations: map[string]string{"role": "iso", "signer": "EE6D"}},
			{Name: "ks.cfg", SHA256: strings.Repeat("3", 64), Annotations: map[string]string{"role": "kickstart"}},
		},
		Versions: map[string]string{"qemu": "10.0.2", "imgasm": "0.1.0"},
		Started:  time.Date(2026, 9, 1, 14, 0, 0, 5, time.FixedZone("CEST", 7200)),
		Finished: time.Date(2026, 9, 1, 12, 9, 0, 0, time.UTC),
	}
}

func TestStatement(t *testing.T) {
	for name, b := range map[string]provenance.Build{
		"full.json":    full(),
		"minimal.json": {Subjects: full().Subjects},
	} {
		got, err := provenance.Statement(b)
		if err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s: got\n%s\n(if this is meant: go test ./assemble/provenance -update)", name, got)
		}
	}
}

// What the two specifications call REQUIRED, looked for by their paths.
func TestStatementHasRequiredFields(t *testing.T) {
	text, err := provenance.Statement(provenance.Build{Subjects: full().Subjects})
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"_type", "subject", "predicateType", "predicate.buildDefinition.buildType", "predicate.buildDefinition.externalParameters", "predicate.runDetails.builder.id"} {
		at := v
		for _, key := range strings.Split(path, ".") {
			m, ok := at.(map[string]any)
			if !ok || m[key] == nil {
				t.Errorf("%s is missing in %s", path, text)
				break
			}
			at = m[key]
		}
	}
}

func TestStatementRefuses(t *testing.T) {
	for want, change := range map[string]func(*provenance.Build){
		"names no output":       func(b *provenance.Build) { b.Subjects = nil },
		"is not a SHA-256":      func(b *provenance.Build) { b.Inputs[0].SHA256 = "ABC" },
		"neither name nor URI":  func(b *provenance.Build) { b.Inputs[0].Name, b.Inputs[0].URI = "", "" },
		"are not a JSON object": func(b *provenance.Build) { b.Parameters = []int{1} },
		"parameters: json":      func(b *provenance.Build) { b.Parameters = func() {} },
	} {
		b := full()
		change(&b)
		if _, err := provenance.Statement(b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestSHA256SUMS(t *testing.T) {
	names := []string{"b.qcow2", "a b.json", "-dash"}
	if runtime.GOOS == "linux" {
		names = append(names, `back\slash`, "line\nend")
	}
	dir := t.TempDir()
	var files []provenance.Artifact
	for _, n := range names {
		if err := os.WriteFile(filepath.Join(dir, n), []byte(n), 0o644); err != nil {
			t.Fatal(err)
		}
		h := sha256.Sum256([]byte(n))
		files = append(files, provenance.Artifact{Name: n, SHA256: hex.EncodeToString(h[:])})
	}
	text, err := provenance.SHA256SUMS(files)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(text), "\n"); lines != len(names) || !strings.Contains(string(text), "  b.qcow2\n") {
		t.Errorf("%d lines:\n%s", lines, text)
	}
	read, err := provenance.ParseSHA256SUMS(text)
	if err != nil || len(read) != len(files) || !slices.ContainsFunc(read, func(a provenance.Artifact) bool { return a.Name == files[1].Name && a.SHA256 == files[1].SHA256 }) {
		t.Errorf("read again: %v, %v", read, err)
	}
	if again, err := provenance.SHA256SUMS(read); err != nil || string(again) != string(text) {
		t.Errorf("written again: %v: %q", err, again)
	}
	if _, err := provenance.ParseSHA256SUMS([]byte("no sum\n")); !errors.Is(err, provenance.ErrChecksums) {
		t.Errorf("what is no list: %v", err)
	}
	if _, err := provenance.SHA256SUMS(append(files, files[0])); err == nil {
		t.Error("two files of one name were accepted")
	}
	if runtime.GOOS != "linux" {
		return
	}
	if _, err := exec.LookPath("sha256sum"); err != nil {
		t.Skip("sha256sum is missing (apt-get install coreutils): the file was not checked by it")
	}
	if err := os.WriteFile(filepath.Join(dir, "SHA256SUMS"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sha256sum", "--check", "--strict", "SHA256SUMS")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// Lines of others stay as they are; those of the same names are replaced.
func TestAddSHA256SUMS(t *testing.T) {
	one, two := strings.Repeat("1", 64), strings.Repeat("2", 64)
	files := []provenance.Artifact{{Name: "a.qcow2", SHA256: two}, {Name: `b\ack`, SHA256: two}}
	for old, want := range map[string]string{
		"":                            two + "  a.qcow2\n\\" + two + `  b\\ack` + "\n",
		one + "  a.qcow2\n":           two + "  a.qcow2\n\\" + two + `  b\\ack` + "\n",
		"# mine\n\n" + one + " *z":    "# mine\n\n" + one + " *z\n" + two + "  a.qcow2\n\\" + two + `  b\\ack` + "\n",
		`\` + one + `  b\\ack` + "\n": two + "  a.qcow2\n\\" + two + `  b\\ack` + "\n",
		one + "  a.qcow2.sig\r\n":     one + "  a.qcow2.sig\n" + two + "  a.qcow2\n\\" + two + `  b\\ack` + "\n",
	} {
		got, err := provenance.AddSHA256SUMS([]byte(old), files)
		if err != nil || string(got) != want {
			t.Errorf("to %q: %v\n%swant\n%s", old, err, got, want)
		}
		again, err := provenance.AddSHA256SUMS(got, files)
		if err != nil || string(again) != string(got) {
			t.Errorf("a second time: %v\n%s", err, again)
		}
	}
	for _, old := range []string{"mine\n", "-----BEGIN PGP SIGNED MESSAGE-----\n" + one + "  a.qcow2\n", one + "\n", strings.Repeat("1", 40) + "  sha1\n", "SHA256 (a) = " + one + "\n"} {
		if got, err := provenance.AddSHA256SUMS([]byte(old), files); !errors.Is(err, provenance.ErrChecksums) {
			t.Errorf("to %q: %v %s", old, err, got)
		}
	}
}

func TestIsStatement(t *testing.T) {
	text, err := provenance.Statement(full())
	if err != nil || !provenance.IsStatement(text) {
		t.Errorf("ours is not known for it: %v", err)
	}
	for _, foreign := range []string{"", "{}", "mine", `{"_type":"` + provenance.StatementType + `"}`, strings.ReplaceAll(string(text), provenance.BuildType, "https://example.org/")} {
		if provenance.IsStatement([]byte(foreign)) {
			t.Errorf("%.60q passes for a statement of ours", foreign)
		}
	}
}
