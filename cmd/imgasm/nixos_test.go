package main

// The verb with the nix of this host, in a store of the test's own: no root, no
// daemon, no sandbox, no network.

import (
	"bytes"
	"encoding/json"
	"io/fs"
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
	hosttool.Find(t, "nix", "nix-bin")
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // folders of a store are read-only
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				return os.Chmod(path, 0o700)
			}
			return err
		})
	})
	for name, value := range map[string]string{"HOME": "", "NIX_STORE_DIR": "store", "NIX_STATE_DIR": "var", "NIX_LOG_DIR": "log", "NIX_CONF_DIR": "etc", "IMGASM_CACHE": "cache"} {
		t.Setenv(name, filepath.Join(dir, value))
	}
	t.Setenv("NIX_CONFIG", "build-users-group =\nsandbox = false\nsubstitute = false\nsystem-features = benchmark")
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
	// The machine is foreign to the host, and what makes the disk is not.
	image := flake + "#packages." + arch.Host().Name + "-" + runtime.GOOS + ".image"
	args = append(args, "--builders", "ssh-ng://nobody@nowhere.invalid "+"aarch64-linux")
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

func TestNixosFails(t *testing.T) {
	flake, args := realFlake(t)
	own := arch.Host().Name + "-" + runtime.GOOS
	builder := []string{"--builders", "ssh-ng://nobody@nowhere.invalid aarch64-linux"}
	for name, c := range map[string]struct {
		attribute string
		args      []string
		code      int
		says      []string
	}{
		"failing build":     {own + ".failing", builder, exitInstall, []string{"-failing.drv", "> before", "> boom", "logs: "}},
		"missing feature":   {own + ".needing", builder, exitHost, []string{"this machine: it lacks the feature nonesuch", "--on ssh://USER@HOST"}},
		"foreign system":    {foreignSystem() + ".image", []string{"--arch", strings.TrimSuffix(foreignSystem(), "-linux")}, exitHost, []string{"nobody builds for " + foreignSystem(), "this machine: it builds for", "no remote builders are configured"}},
		"missing attribute": {own + ".nosuch", builder, exitInput, []string{"does not provide attribute", "flake show"}},
		"broken attribute":  {own + ".broken", builder, exitOther, []string{"error: no"}},
		"no machine":        {own + ".image", []string{"--on", "builder"}, exitInput, []string{"--on: builder is no machine"}},
	} {
		t.Run(name, func(t *testing.T) {
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
	want := map[string]string{own + "broken": "does not evaluate", own + "failing": "", own + "image": "", own + "needing": "lacks the feature nonesuch", "packages." + foreignSystem() + ".image": "no remote builders"}
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
	if _, err := os.Stat(strings.TrimPrefix(flake, "path:") + "/flake.lock"); err == nil {
		t.Error("a look has written flake.lock")
	}
}
