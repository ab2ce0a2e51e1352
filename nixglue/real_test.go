package nixglue_test

// The same calls with the nix of this host, in a store of the test's own: no
// root, no daemon, no sandbox, no network.

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/nixglue"
)

// flake needs nothing but the host's shell. OWN and FOREIGN are systems.
const flake = `{
  outputs = { self }:
    let
      drv = args: derivation ({ system = "OWN"; builder = "/bin/sh"; } // args);
      run = script: [ "-c" script ];
    in {
      packages.OWN = rec {
        kernel = drv { name = "kernel"; args = run "echo '@nix {\"action\":\"setPhase\",\"phase\":\"buildPhase\"}' >&2; echo vmlinuz > $out"; };
        image = drv {
          name = "disk-image"; inherit kernel;
          args = run "echo copying; PATH=/bin:/usr/bin; mkdir -p $out/nix-support; echo $kernel > $out/disk.qcow2; echo file qcow2-image $out/disk.qcow2 > $out/nix-support/hydra-build-products";
        };
        failing = drv { name = "failing"; args = run "echo before; echo boom; exit 3"; };
        needing = drv { name = "needing"; inherit failing; args = run "echo > $out"; };
        killed = drv { name = "killed"; args = run "echo dying; kill -9 $$"; };
        foreign = drv { name = "foreign"; system = "FOREIGN"; args = run "echo > $out"; };
        kvm = drv { name = "kvm"; requiredSystemFeatures = [ "nonesuch" ]; args = run "echo > $out"; };
      };
    };
}
`

// realNix is the host's nix, the flake and its systems.
func realNix(t *testing.T) (n nixglue.Nix, ref, foreign string) {
	t.Helper()
	n.Path = hosttool.Find(t, "nix", "nix-bin")
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
	n.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "NIX_STORE_DIR=" + dir + "/store", "NIX_STATE_DIR=" + dir + "/var", "NIX_LOG_DIR=" + dir + "/log",
		"NIX_CONF_DIR=" + dir + "/etc", "NIX_CONFIG=build-users-group =\nsandbox = false\nsubstitute = false\nsystem-features = benchmark"}
	own := arch.Host().Name + "-" + runtime.GOOS
	foreign = "riscv64-linux"
	if err := os.Mkdir(dir+"/flake", 0o700); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("OWN", own, "FOREIGN", foreign).Replace(flake)
	if err := os.WriteFile(dir+"/flake/flake.nix", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return n, "path:" + dir + "/flake#", foreign
}

func TestRealNixBuilds(t *testing.T) {
	n, ref, _ := realNix(t)
	ctx := t.Context()
	var told []string
	var last nixglue.Event
	n.Events = func(e nixglue.Event) {
		switch e.Kind {
		case event.Phase, event.Console:
			told = append(told, e.Text)
		case event.Progress:
			last = e
		}
	}
	dry, err := n.Build(ctx, nixglue.BuildOptions{Installables: []string{ref + "image"}, DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	out := dry[0].Outputs["out"]
	if _, err := n.PathInfo(ctx, false, out); !errors.Is(err, nixglue.ErrAbsent) {
		t.Errorf("of what is not built: %v", err)
	}
	link := filepath.Join(t.TempDir(), "result")
	built, err := n.Build(ctx, nixglue.BuildOptions{Installables: []string{ref + "image"}, OutLink: link})
	if err != nil {
		t.Fatal(err)
	}
	if built[0].Outputs["out"] != out || !strings.HasSuffix(built[0].DrvPath, "-disk-image.drv") {
		t.Errorf("%+v, and before it was built %+v", built, dry)
	}
	if !slices.Equal(told, []string{"kernel: buildPhase", "disk-image> copying"}) || last.Done != 2 || last.Total < 2 { // nix 2.34 expects three
		t.Errorf("%q, %+v", told, last)
	}
	image, err := nixglue.FindImage(ctx, out)
	if err != nil || image.Path != out+"/disk.qcow2" || image.Type != "qcow2-image" {
		t.Errorf("%+v, %v", image, err)
	}
	if to, err := os.Readlink(link); err != nil || to != out {
		t.Errorf("%s, %v", to, err)
	}
	checkStore(t, n, out)
}

// checkStore asks for, and copies, a path that refers to one other.
func checkStore(t *testing.T, n nixglue.Nix, out string) {
	ctx := t.Context()
	infos, err := n.PathInfo(ctx, true, out)
	if err != nil || len(infos) != 2 {
		t.Fatalf("%+v, %v", infos, err)
	}
	for _, i := range infos {
		if i.Path == out && len(i.References) != 2 || !strings.HasPrefix(i.NarHash, "sha256-") || i.NarSize == 0 || i.Deriver == "" {
			t.Errorf("%+v", i)
		}
	}
	info, err := n.StoreInfo(ctx)
	version, verr := n.Version(ctx)
	if err != nil || verr != nil || info.URL != "local" || info.Version != version {
		t.Errorf("%+v of version %q: %v, %v", info, version, err, verr)
	}
	cache := t.TempDir()
	if err := n.Copy(ctx, nixglue.CopyOptions{Installables: []string{out}, To: "file://" + cache, Unsigned: true}); err != nil {
		t.Fatal(err)
	}
	absent := filepath.Join(filepath.Dir(out), strings.Repeat("0", 32)+"-absent")
	if err := n.Copy(ctx, nixglue.CopyOptions{Installables: []string{absent}, To: "file://" + cache}); !errors.Is(err, nixglue.ErrAbsent) {
		t.Errorf("copied what is not there: %v", err)
	}
	if found, err := filepath.Glob(cache + "/*.narinfo"); err != nil || len(found) != 2 {
		t.Errorf("%q, %v", found, err)
	}
}

func TestRealNixEvaluates(t *testing.T) {
	n, ref, _ := realNix(t)
	n.Impure, n.NoWriteLock, n.Offline, n.MaxJobs = true, true, true, "auto"
	n.Options = []nixglue.Option{{Name: "cores", Value: "1"}}
	value, err := n.Eval(t.Context(), ref+"image", `x: { inherit (x) name; home = builtins.getEnv "HOME"; }`)
	var got struct{ Name, Home string }
	if err != nil || json.Unmarshal(value, &got) != nil || got.Name != "disk-image" || got.Home == "" {
		t.Errorf("%s, %v", value, err)
	}
	if _, err := n.Eval(t.Context(), ref+"image", "x: throw \"no\""); !errors.Is(err, nixglue.ErrNix) || !strings.Contains(err.Error(), "no") {
		t.Error(err)
	}
}

func TestRealNixFails(t *testing.T) {
	n, ref, foreign := realNix(t)
	remote, none := n, n
	remote.MaxJobs, remote.Builders = "0", "ssh://nowhere.invalid mips64-linux"
	none.MaxJobs, none.Options = "0", []nixglue.Option{{Name: "builders", Value: ""}}
	for attr, c := range map[string]struct {
		n     nixglue.Nix
		class error
		says  []string // in the error
	}{
		"failing":      {n, nixglue.ErrBuilder, []string{"-failing.drv", "> before\n> boom"}},
		"needing":      {n, nixglue.ErrBuilder, []string{"-failing.drv", "> before\n> boom"}},
		"killed":       {n, nixglue.ErrBuilder, []string{"-killed.drv", "> dying"}},
		"foreign":      {n, nixglue.ErrPlatform, []string{"-foreign.drv", foreign}},
		"kvm":          {n, nixglue.ErrFeature, []string{"-kvm.drv", "nonesuch"}},
		"nosuch":       {n, nixglue.ErrAttribute, []string{"nosuch"}},
		"image":        {remote, nixglue.ErrMachine, []string{"required (system, features)", "mips64-linux"}},
		"kernel":       {none, nixglue.ErrMachine, nil},
		"image^,#!'\"": {n, nixglue.ErrNix, nil},
	} {
		_, err := c.n.Build(t.Context(), nixglue.BuildOptions{Installables: []string{ref + attr}})
		var failure *nixglue.Failure
		if !errors.Is(err, c.class) || !errors.As(err, &failure) {
			t.Errorf("%s: %v", attr, err)
			continue
		}
		for _, text := range c.says {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: no %q in: %v", attr, text, err)
			}
		}
		if c.class != nixglue.ErrNix && fault.Hint(err, nil) == "" {
			t.Errorf("%s has no hint: %v", attr, err)
		}
	}
	if _, err := n.Eval(t.Context(), ref+"nosuch", ""); !errors.Is(err, nixglue.ErrAttribute) {
		t.Error(err)
	}
}
