package nixos_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/nixglue"
)

// A derivation of lib.almaImage is built by a real Nix: the rehearsal's ISO is
// fetched by its hash, and an image installed from it by emulation, although Nix
// is told that there is KVM.
func TestE2EAlmaImage(t *testing.T) {
	hosttool.Machines(t)
	hosttool.Find(t, "nix", "nix-bin")
	dir := t.TempDir()
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s %q: %v", name, args, err)
		}
		return strings.TrimSpace(string(out))
	}
	program := filepath.Join(dir, "tool", "bin", "imgasm")
	run("go", "build", "-o", program, "../cmd/imgasm")
	iso := run(program, "rehearse", "--iso-only")
	data, err := os.ReadFile(iso)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	kickstart := run(program, "kickstart", "render", "--cdrom")
	stub, err := filepath.Abs("testdata/stub-nixpkgs")
	if err != nil {
		t.Fatal(err)
	}
	flake := fmt.Sprintf(`{
  inputs.imgasm = { url = "path:%s"; inputs.nixpkgs.url = "path:%s"; };
  outputs = { imgasm, ... }: {
    image = imgasm.lib.almaImage {
      pkgs = imgasm.inputs.nixpkgs.legacyPackages.%s-linux;
      imgasm = ./tool;
      iso = { url = "file://%s"; hash = "sha256-%s"; };
      kickstart = ./my.ks;
      args = [ "--accel" "tcg" ];
    };
  };
}`, root(t), stub, arch.Host().Name, iso, base64.StdEncoding.EncodeToString(sum[:]))
	for name, text := range map[string]string{"flake.nix": flake, "my.ks": kickstart} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), "result")
	if _, err := nix(t, "nix", "build", "--offline", "--print-build-logs", "--no-write-lock-file", "--out-link", out, "path:"+dir+"#image"); err != nil {
		t.Fatal(err)
	}
	if out, err = filepath.EvalSymlinks(out); err != nil {
		t.Fatal(err)
	}
	image, err := nixglue.FindImage(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	about, err := assemble.ReadDescription(assemble.Description(image.Path))
	if err != nil || about.Tested == nil || len(about.Inputs) < 2 || !strings.HasSuffix(about.Inputs[1].Name, "-my.ks") {
		t.Errorf("%+v, %v", about, err)
	}
	run(hosttool.Find(t, "qemu-img", "qemu-utils"), "check", image.Path)
}
