package main

// The verb with the nix of this host, in a store of the test's own: no root, no
// daemon, no sandbox, no network.

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/nixos"
	"github.com/imgasm/imgasm/assemble/nixos/nixostest"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// nixFlake needs nothing but the host's shell; disk.raw lies beside it.
const nixFlake = `{
  outputs = { self }:
    let
      drv = args: derivation ({ system = "OWN"; builder = "/bin/sh"; PATH = "/bin:/usr/bin"; } // args);
      run = script: [ "-c" script ];
    in {
      packages.OWN = {
        image = drv {
          name = "disk-image"; disk = ./disk.raw;
          args = run "echo copying; mkdir -p $out/nix-support; cp $disk $out/mine.raw; echo file raw-image $out/mine.raw > $out/nix-support/hydra-build-products";
        };
        failing = drv { name = "failing"; args = run "echo before; echo boom; exit 3"; };
        needing = drv { name = "needing"; requiredSystemFeatures = [ "nonesuch" ]; args = run "echo > $out"; };
        broken = throw "no";
      };
      packages.FOREIGN.image = drv { name = "foreign"; system = "FOREIGN"; args = run "echo > $out"; };
    };
}
`

// realFlake sets this process's nix up, and is the flake and what else every build
// of it is given: an image for aarch64, of which unit tests have firmware.
func realFlake(t *testing.T) (flake string, args []string) {
	t.Helper()
	if testing.Short() {
		t.Skip("a real nix takes seconds for each of these: run without -short")
	}
	_, dir, env := hosttool.Nix(t)
	for _, v := range append(env, "IMGASM_CACHE="+filepath.Join(dir, "cache")) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	flake = filepath.Join(dir, "flake")
	text := strings.NewReplacer("OWN", arch.Host().Name+"-"+runtime.GOOS, "FOREIGN", foreignSystem()).Replace(nixFlake)
	if err := os.Mkdir(flake, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(flake, "flake.nix"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(nixostest.Disk(t, arch.AArch64, "ttyAMA0"), filepath.Join(flake, "disk.raw")); err != nil {
		t.Fatal(err)
	}
	guest := qemutest.Script{Steps: qemutest.Steps(qemutest.Serial("nixos login: "), qemutest.Await("system_powerdown"), qemutest.PowerOff())}
	// What nix is told to build for, and does by the shell of this machine.
	t.Setenv("NIX_CONFIG", os.Getenv("NIX_CONFIG")+"\nextra-platforms = "+foreignSystem())
	return "path:" + flake, []string{"--arch", "aarch64", "--accel", "tcg", "--qemu", qemutest.Executable(t, guest), "--firmware", nixostest.Firmware(t)}
}

// foreignSystem is the other architecture's, of which this machine builds nothing.
func foreignSystem() string {
	for _, a := range arch.All() {
		if a.Name != arch.Host().Name {
			return a.Name + "-linux"
		}
	}
	return ""
}

func TestNixos(t *testing.T) {
	flake, args := realFlake(t)
	out := filepath.Join(t.TempDir(), "mine.qcow2")
	image := flake + "#packages." + arch.Host().Name + "-" + runtime.GOOS + ".image"
	code, events, stderr := runJSON(t, append([]string{"nixos", "--flake", image, "--out", out, "--format", "qcow2", "--format", "raw", "--lock", "--lock-file", out + ".lock", "--checksum"}, args...)...)
	if code != exitDone {
		t.Fatalf("exit code %d: %s\n%+v", code, stderr, events)
	}
	meta, err := assemble.ReadDescription(out + ".json")
	if err != nil || meta.Product != "NixOS" || meta.Tested == nil || meta.Tested.Login != "nixos login:" || len(meta.Inputs) != 1 || meta.Guest["system"] != nixostest.Toplevel {
		t.Errorf("%+v, %v", meta, err)
	}
	if raw, err := os.ReadFile(strings.TrimSuffix(out, ".qcow2") + ".raw"); err != nil {
		t.Error(err)
	} else if want, err := os.ReadFile(strings.TrimPrefix(flake, "path:") + "/disk.raw"); err != nil || !bytes.Equal(raw, want) {
		t.Errorf("the published disk is another than Nix's: %v", err)
	}
	if !slices.ContainsFunc(events, func(e event.Event) bool { return e.Kind == event.Console && e.Text == "disk-image> copying" }) {
		t.Errorf("nix's log was not told: %+v", events)
	}
	args = append(args, "--locked", "--lock-file", out+".lock")
	if code, _, stderr := runJSON(t, append([]string{"nixos", "--flake", image, "--out", out, "--format", "qcow2", "--format", "raw"}, args...)...); code != exitDone {
		t.Errorf("what was locked, once more: exit code %d: %s", code, stderr)
	}
}

// systemWords are those between at signs in nixdisk's flake of a system.
func systemWords() *strings.Replacer {
	return strings.NewReplacer("@OWN@", arch.Host().Name+"-"+runtime.GOOS, "@ARCH@", "aarch64", "@EFI@", "aa64.efi", "@PARAMS@", `"console=ttyAMA0,115200n8",`, "@SECRETS@", "",
		"@EXTENSION@", `"org.nixos.systemd-boot": { "sortKey": "nixos" }`, "@BOOTPOINT@", "/boot", "@SCRIPTSAYS@", "store_subdir", "@INSTALLCOMMANDS@", "", "@INSTALLER@", "${installer}", "@EXTRAFILES@", "",
		"@FSTAB@", "/dev/disk/by-label/nixos / ext4 defaults 0 1\n/dev/disk/by-label/ESP /boot vfat umask=0077 0 2\n", "@PACKAGES@", "1", "@COUNT@", "600", "@SIZE@", "300")
}

// Of a system alone, without a virtual machine: the disk is imgasm's.
func TestNixosAssembles(t *testing.T) {
	flake, args := realFlake(t)
	folder := strings.TrimPrefix(flake, "path:")
	text, err := os.ReadFile("../../assemble/nixdisk/testdata/system/flake.nix")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"flake.nix": systemWords().Replace(string(text)), "kernel": "a kernel", "initrd": "an initrd", "manager.efi": "a boot manager", "init": "an init"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), "mine.qcow2")
	args = append(args, "--assemble", "--flake", flake+"#packages."+arch.Host().Name+"-"+runtime.GOOS+".toplevel", "--out", out)
	code, _, stderr := runJSON(t, slices.Concat([]string{"nixos", "--esp-size", "34M", "--free", "64M"}, args)...)
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	meta, err := assemble.ReadDescription(out + ".json")
	if err != nil || meta.Version != "25.11" || meta.Tested == nil || meta.Guest["system"] != meta.Guest["output"] || !strings.HasSuffix(meta.Guest["output"], "-nixos-system-fake-25.11") {
		t.Errorf("%+v, %v", meta, err)
	}
	if !slices.ContainsFunc(meta.Package, func(p string) bool { return strings.HasSuffix(p, "-linux-6.1") }) {
		t.Errorf("%q", meta.Package)
	}
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"too small":       {[]string{"--disk-size", "40M", "--esp-size", "34M"}, "--disk-size: 40.0 MiB: it takes from 44.0 MiB"},
		"no room":         {[]string{"--disk-size", "44M", "--esp-size", "34M"}, "a larger --disk-size"},
		"no ESP":          {[]string{"--esp-size", "1M"}, "--esp-size: 1.0 MiB: it takes from 33.0 MiB"},
		"another machine": {[]string{"--arch", "x86_64", "--no-verify"}, "aarch64"},
	} {
		if code, _, stderr := runJSON(t, slices.Concat([]string{"nixos", "--force"}, args, c.args)...); code != exitInput || !strings.Contains(stderr, c.says) {
			t.Errorf("%s: exit code %d: %s", name, code, stderr)
		}
	}
	if code, _, stderr := runJSON(t, append([]string{"nixos", "--force", "--no-verify"}, args[slices.Index(args, "--assemble")+1:]...)...); code != exitInput || !strings.Contains(stderr, "--assemble puts") {
		t.Errorf("of an image: exit code %d: %s", code, stderr)
	}
	if code, _, stderr := runJSON(t, "nixos", "--disk-size", "4G"); code != exitUsage || !strings.Contains(stderr, "add --assemble") {
		t.Errorf("without it: exit code %d: %s", code, stderr)
	}
}

func TestNixosFails(t *testing.T) {
	flake, args := realFlake(t)
	own := arch.Host().Name + "-" + runtime.GOOS
	for name, c := range map[string]struct {
		attribute string
		args      []string
		code      int
		says      []string
	}{
		"failing build":     {own + ".failing", nil, exitInstall, []string{"-failing.drv", "> before", "> boom", "logs: "}},
		"missing feature":   {own + ".needing", nil, exitHost, []string{"this machine: it lacks the feature nonesuch", "--on ssh://USER@HOST"}},
		"foreign system":    {foreignSystem() + ".image", []string{"--builders", "ssh-ng://nobody@nowhere.invalid riscv64-linux"}, exitHost, []string{"nobody builds for " + foreignSystem(), "this machine: it builds for", "nowhere.invalid: it builds for riscv64-linux"}},
		"missing attribute": {own + ".nosuch", nil, exitInput, []string{"does not provide attribute", "flake show"}},
		"broken attribute":  {own + ".broken", nil, exitOther, []string{"error: no"}},
		"no machine":        {own + ".image", []string{"--on", "builder"}, exitInput, []string{"--on: builder is no machine"}},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "foreign system" {
				t.Setenv("NIX_CONFIG", strings.ReplaceAll(os.Getenv("NIX_CONFIG"), "extra-platforms", "#"))
				args = append(slices.Clone(args), "--arch", strings.TrimSuffix(foreignSystem(), "-linux"))
			}
			out := filepath.Join(t.TempDir(), "mine.qcow2")
			all := slices.Concat([]string{"nixos", "--flake", flake + "#packages." + c.attribute, "--out", out}, args, c.args)
			code, _, stderr := runJSON(t, all...)
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			for _, text := range c.says {
				if !strings.Contains(stderr, text) {
					t.Errorf("no %q in: %s", text, stderr)
				}
			}
			left, err := os.ReadDir(filepath.Dir(out))
			if bundle := slices.Contains(c.says, "logs: "); err != nil || len(left) > 1 || (len(left) == 1) != bundle {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

func TestNixosCheck(t *testing.T) {
	flake, _ := realFlake(t)
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"imgasm", "nixos", "check", "--flake", flake, "--json"}, nil, &stdout, &stderr, os.Getenv)
	var v nixos.Survey
	if err := json.Unmarshal(stdout.Bytes(), &v); err != nil || code != exitInput {
		t.Fatalf("exit code %d, %v: %s%s", code, err, &stdout, &stderr)
	}
	own := "packages." + arch.Host().Name + "-linux."
	want := map[string]string{own + "broken": "does not evaluate", own + "failing": "", own + "image": "", own + "needing": "lacks the feature nonesuch", "packages." + foreignSystem() + ".image": ""}
	for _, o := range v.Outputs {
		problem, ok := want[o.Attribute]
		if !ok || (problem == "") != (o.Problem == "") || !strings.Contains(o.Problem, problem) || o.Built {
			t.Errorf("%+v", o)
		}
	}
	if len(v.Outputs) != len(want) {
		t.Errorf("%d outputs", len(v.Outputs))
	}
	for attribute, want := range map[string]int{"#needing": exitHost, "#failing": exitDone} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), []string{"imgasm", "nixos", "check", "--flake", flake + attribute}, nil, &stdout, &stderr, os.Getenv); code != want {
			t.Errorf("%s: exit code %d, want %d: %s%s", attribute, code, want, &stdout, &stderr)
		}
	}
	// imgasm's own flake, on a stand-in for nixpkgs that knows names and kinds.
	stub, err := filepath.Abs("../../nixos/testdata/stub-nixpkgs")
	if err != nil {
		t.Fatal(err)
	}
	stdout.Reset()
	if code := run(t.Context(), []string{"imgasm", "nixos", "check", "--override-input", "nixpkgs=path:" + stub, "--json"}, nil, &stdout, &stderr, os.Getenv); code != exitDone || json.Unmarshal(stdout.Bytes(), &v) != nil || len(v.Outputs) != 4 {
		t.Errorf("exit code %d: %s%s", code, &stdout, &stderr)
	}
	if _, err := os.Stat(strings.TrimPrefix(flake, "path:") + "/flake.lock"); err == nil {
		t.Error("a look has written flake.lock")
	}
}
