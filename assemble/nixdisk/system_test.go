package nixdisk_test

// Systems for tests: made by the host's nix, of testdata/system.

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/nixglue"
)

// defaults are the words between at signs in testdata/system.
var defaults = map[string]string{
	"ARCH": "x86_64", "EFI": "x64.efi", "PARAMS": "", "SECRETS": "", "EXTENSION": `"org.nixos.systemd-boot": { "sortKey": "nixos" }`,
	"BOOTPOINT": "/boot", "SCRIPTSAYS": "store_subdir", "INSTALLCOMMANDS": "", "INSTALLER": "${installer}", "EXTRAFILES": "",
	"FSTAB":    "/dev/disk/by-label/nixos / ext4 x-systemd.growfs,defaults 0 1\n/dev/disk/by-label/ESP /boot vfat umask=0077 0 2\ntmpfs /run tmpfs defaults 0 0\n",
	"PACKAGES": "3", "COUNT": "150", "SIZE": "3000",
}

// files of the system, beside flake.nix.
var plainFiles = map[string]string{"kernel": "a kernel\n", "initrd": "an initrd\n", "manager.efi": "a boot manager\n", "init": "an init\n"}

// built is a store with a system, which differs from the default one by set and
// by files; those are paths of this host.
func built(t testing.TB, set, files map[string]string) (nixglue.Nix, string) {
	t.Helper()
	var n nixglue.Nix
	var dir string
	n.Path, dir, n.Env = hosttool.Nix(t)
	return n, buildIn(t, n, dir, set, files)
}

// buildIn builds a system in a store that is there.
func buildIn(t testing.TB, n nixglue.Nix, dir string, set, files map[string]string) string {
	t.Helper()
	flake, err := os.ReadFile("testdata/system/flake.nix")
	if err != nil {
		t.Fatal(err)
	}
	words := maps.Clone(defaults)
	maps.Copy(words, set)
	words["OWN"] = arch.Host().Name + "-" + runtime.GOOS
	var pairs []string
	for from, to := range words {
		pairs = append(pairs, "@"+from+"@", to)
	}
	folder, err := os.MkdirTemp(dir, "flake")
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string][]byte{"flake.nix": []byte(strings.NewReplacer(pairs...).Replace(string(flake)))}
	for name, text := range plainFiles {
		contents[name] = []byte(text)
	}
	for name, path := range files {
		if contents[name], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range contents {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := n.Build(t.Context(), nixglue.BuildOptions{Installables: []string{"path:" + folder + "#toplevel"}})
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Outputs["out"]
}
