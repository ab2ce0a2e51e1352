package nixos_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/nixos"
)

// nix runs a program of Nix, without a network, and with a store of its own in
// the test's folder: neither root nor a daemon is needed. It returns what the
// program printed to stdout, and its error with stderr.
func nix(t *testing.T, name string, args ...string) ([]byte, error) {
	t.Helper()
	program := hosttool.Find(t, name, "nix-bin")
	dir := t.TempDir()
	t.Cleanup(func() { // the store is read-only
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				err = os.Chmod(path, 0o700)
			}
			return err
		})
	})
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "NIX_CONFIG=build-users-group =\nsandbox = false\nsubstitute = false\nsystem-features = kvm\nexperimental-features = nix-command flakes")
	for _, v := range []string{"NIX_STORE_DIR", "NIX_STATE_DIR", "NIX_LOG_DIR", "NIX_CONF_DIR", "HOME", "XDG_CACHE_HOME"} {
		cmd.Env = append(cmd.Env, v+"="+filepath.Join(dir, v))
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", name, err, stderr.String())
	}
	return out, err
}

// root copies what the flake at the repository's root reads: a path: flake is
// copied whole into the store, and the repository is large.
func root(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "nixos"), nixos.Flake()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"flake.nix", "alma-image.nix", "go.mod"} {
		data, err := os.ReadFile("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// onStub runs nix on a flake whose nixpkgs is testdata/stub-nixpkgs.
func onStub(t *testing.T, flake, output string, args ...string) ([]byte, error) {
	t.Helper()
	stub, err := filepath.Abs("testdata/stub-nixpkgs")
	if err != nil {
		t.Fatal(err)
	}
	args = append(args, "--json", "--offline", "--no-write-lock-file", "--override-input", "nixpkgs", "path:"+stub, "path:"+flake+output)
	return nix(t, "nix", args...)
}

func TestNixFilesParse(t *testing.T) {
	var files []string
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == ".git" {
			return fs.SkipDir
		}
		if filepath.Ext(path) == ".nix" && !strings.Contains(filepath.ToSlash(path), "nixdisk/testdata/") { // a template, which its tests fill in and build
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(files, "../flake.nix") || !slices.Contains(files, "../nixos/flake.nix") {
		t.Fatalf("the flakes are not among %q", files)
	}
	if _, err := nix(t, "nix-instantiate", append([]string{"--parse"}, files...)...); err != nil {
		t.Error(err)
	}
}

// It is no check of NixOS: the stub knows names and kinds, and builds nothing.
func TestFlakeOutputsOnStubNixpkgs(t *testing.T) {
	derivation := "derivation"
	linux := func(arch string) []string {
		return []string{"packages." + arch + "-linux.nixos-" + arch + "-image", "packages." + arch + "-linux.nixos-" + arch + "-toplevel",
			"checks." + arch + "-linux.nixos", "checks." + arch + "-linux.vm-host"}
	}
	want := map[string]string{
		"nixosConfigurations.nixos-x86_64": "nixos-configuration", "nixosConfigurations.nixos-aarch64": "nixos-configuration",
		"nixosModules.base": "nixos-module", "nixosModules.cloud-init": "nixos-module", "nixosModules.qemu-guest": "nixos-module", "nixosModules.vm-host": "nixos-module",
	}
	for _, name := range slices.Concat(linux("x86_64"), linux("aarch64")) {
		want[name] = derivation
	}
	t.Run("nixos", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.CopyFS(dir, nixos.Flake()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, outputs(t, dir)); d != "" {
			t.Error(d)
		}
	})
	t.Run("root", func(t *testing.T) {
		want["overlays.default"], want["lib"] = "nixpkgs-overlay", "unknown"
		for _, system := range []string{"x86_64-linux", "aarch64-linux", "x86_64-darwin", "aarch64-darwin"} {
			for _, name := range []string{"packages.%s.imgasm", "packages.%s.default", "checks.%s.imgasm", "devShells.%s.default", "formatter.%s"} {
				want[fmt.Sprintf(name, system)] = derivation
			}
			want["apps."+system+".imgasm"], want["apps."+system+".default"] = "app", "app"
		}
		if d := cmp.Diff(want, outputs(t, root(t))); d != "" {
			t.Error(d)
		}
	})
}

// outputs maps a flake's outputs to their types.
func outputs(t *testing.T, flake string) map[string]string {
	t.Helper()
	out, err := onStub(t, flake, "", "flake", "show", "--all-systems")
	if err != nil && strings.Contains(err.Error(), "unrecognised flag") { // Nix 2.8 shows all as it is
		out, err = onStub(t, flake, "", "flake", "show")
	}
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(out, &tree); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	var walk func(string, map[string]any)
	walk = func(path string, node map[string]any) {
		if kind, ok := node["type"].(string); ok {
			found[strings.TrimPrefix(path, ".")] = kind
			return
		}
		for name, child := range node {
			if child, ok := child.(map[string]any); ok {
				walk(path+"."+name, child)
			}
		}
	}
	walk("", tree)
	return found
}

func TestFlakeValuesOnStubNixpkgs(t *testing.T) {
	flake := root(t)
	for _, c := range []struct{ output, want string }{
		{"nixosConfigurations.nixos-x86_64.config.boot.kernelParams", `["console=tty0","console=ttyS0,115200n8"]`},
		{"nixosConfigurations.nixos-aarch64.config.boot.kernelParams", `["console=tty0","console=ttyAMA0,115200n8"]`},
		{"nixosConfigurations.nixos-aarch64.config.users.users", `{}`},
		{"packages.aarch64-linux.nixos-aarch64-image.system", `"aarch64-linux"`},
		{"packages.x86_64-linux.nixos-x86_64-image.format", `"qcow2"`},
		{"packages.x86_64-linux.nixos-x86_64-image.copyChannel", `false`},
		{"devShells.aarch64-darwin.default.QEMU_EFI_AARCH64", `/share/qemu/edk2-aarch64-code.fd"`},
		{"apps.x86_64-linux.imgasm.program", `/bin/imgasm"`},
	} {
		out, err := onStub(t, flake, "#"+c.output, "eval")
		if got := strings.TrimSpace(string(out)); err != nil || !strings.HasSuffix(got, c.want) {
			t.Errorf("%s is %s, %v; want …%s", c.output, got, err, c.want)
		}
	}
}

// The package says which commit it is of, and whether more than that.
func TestVersionOfFlake(t *testing.T) {
	for self, want := range map[string]string{`{ shortRev = "a1b2c3d"; }`: "a1b2c3d", `{ dirtyShortRev = "a1b2c3d-dirty"; }`: "a1b2c3d-dirty", `{ }`: "dev"} {
		out, err := nix(t, "nix-instantiate", "--eval", "--strict", "--json", "-E",
			"((import ../flake.nix).outputs { self = "+self+"; nixpkgs = (import ./testdata/stub-nixpkgs/flake.nix).outputs { }; }).packages.x86_64-linux.imgasm.name")
		if got := strings.TrimSpace(string(out)); err != nil || got != `"imgasm-0.1.0-`+want+`"` {
			t.Errorf("%s: %s, %v", self, got, err)
		}
	}
}

func TestModulesOnStubNixpkgs(t *testing.T) {
	evaluate := func(module, attribute string) (string, error) {
		out, err := nix(t, "nix-instantiate", "--eval", "--strict", "--json", "-E",
			"((import ./testdata/stub-nixpkgs/lib.nix).nixosSystem { modules = [ ./modules/base.nix ./x86_64 "+module+" ]; })."+attribute)
		return strings.TrimSpace(string(out)), err
	}
	for _, c := range []struct{ name, module, attribute, want string }{
		{"admin", `{ imgasm.admin = { enable = true; keys = [ "ssh-ed25519 A" ]; }; }`, "config.users.users.admin",
			`{"extraGroups":["wheel"],"isNormalUser":true,"openssh":{"authorizedKeys":{"keys":["ssh-ed25519 A"]}}}`},
		{"sudo", `{ imgasm.admin.enable = true; }`, "config.security.sudo.extraRules",
			`[{"commands":[{"command":"ALL","options":["NOPASSWD"]}],"users":["admin"]}]`},
		{"no sudo without admin", `{ }`, "config.security.sudo.extraRules", `null`},
		{"host", `./modules/vm-host.nix`, "config.virtualisation.libvirtd", `{"enable":true,"qemu":{"swtpm":{"enable":true}}}`},
	} {
		got, err := evaluate(c.module, c.attribute)
		if err != nil || got != c.want {
			t.Errorf("%s: %s, %v; want %s", c.name, got, err, c.want)
		}
	}
	// What the stub is for.
	for module, want := range map[string]string{
		`{ services.opensh.enable = true; }`:  "`services.opensh' does not exist",
		`{ imgasm.admin.key = [ ]; }`:         "`imgasm.admin.key' does not exist",
		`{ fileSystems."/".fstype = "xfs"; }`: "`fileSystems./.fstype' does not exist",
		`{ imgasm.admin.keys = "ssh-rsa"; }`:  "`imgasm.admin.keys' is not of type list",
	} {
		if got, err := evaluate(module, "config.system.build.toplevel.name"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s, %v; want an error with %q", module, got, err, want)
		}
	}
}

// buildGoModule compares the hash of what `go mod vendor` writes.
func TestVendorHash(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vendor")
	vendor := exec.Command("go", "mod", "vendor", "-o", dir)
	vendor.Dir = ".."
	vendor.Env = append(os.Environ(), "GOPROXY=off", "GOFLAGS=")
	if out, err := vendor.CombinedOutput(); err != nil {
		t.Skipf("go mod vendor: %v: modules are not in the cache (go mod download fetches them): flake.nix's vendorHash is left unchecked\n%s", err, out)
	}
	hash, err := nix(t, "nix", "hash", "path", dir)
	if err != nil {
		t.Fatal(err)
	}
	flake, err := os.ReadFile("../flake.nix")
	if err != nil {
		t.Fatal(err)
	}
	if want := `vendorHash = "` + strings.TrimSpace(string(hash)) + `";`; !bytes.Contains(flake, []byte(want)) {
		t.Errorf("flake.nix: go.mod or an import has changed: set %s", want)
	}
}
