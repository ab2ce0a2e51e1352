package nixglue_test

// The same calls with the nix of this host, in a store of the test's own: no
// root, no daemon, no sandbox, no network.

import (
	"context"
	"encoding/json"
	"errors"
	"io"
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
	"github.com/imgasm/imgasm/nixglue/nar"
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
	var dir string
	n.Path, dir, n.Env = hosttool.Nix(t)
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
	n.Builders = "ssh-ng://user@host riscv64-linux - 1 1 kvm"
	machines, err := n.Machines(ctx)
	if err != nil || len(machines) != 2 {
		t.Fatalf("%+v, %v", machines, err)
	}
	own := arch.Host().Name + "-" + runtime.GOOS
	if here, there := machines[0], machines[1]; here.Refuses(own, []string{"benchmark"}) != "" || here.Refuses(own, []string{"kvm"}) == "" || there.Refuses("riscv64-linux", []string{"kvm"}) != "" {
		t.Errorf("%+v", machines)
	}
	n.Builders = ""
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

// Archives of all paths come out of one process, and damaged ones are told.
func TestRealNixArchives(t *testing.T) {
	n, ref, _ := realNix(t)
	ctx := t.Context()
	built, err := n.Build(ctx, nixglue.BuildOptions{Installables: []string{ref + "image"}})
	if err != nil {
		t.Fatal(err)
	}
	out := built[0].Outputs["out"]
	infos, err := n.PathInfo(ctx, true, out)
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	read := func(p nixglue.PathInfo, r *nar.Reader) error {
		for {
			e, err := r.Next()
			if errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			seen = append(seen, strings.TrimSuffix(p.Path[strings.IndexByte(p.Path, '-'):]+"/"+e.Path, "/."))
		}
	}
	slices.SortFunc(infos, func(a, b nixglue.PathInfo) int { return strings.Compare(a.Path[33:], b.Path[33:]) })
	if err := n.Archives(ctx, infos, read); err != nil {
		t.Fatal(err)
	}
	slices.Sort(seen)
	if want := []string{"-disk-image", "-disk-image/disk.qcow2", "-disk-image/nix-support", "-disk-image/nix-support/hydra-build-products", "-kernel"}; !slices.Equal(seen, want) {
		t.Errorf("%q", seen)
	}
	skip := func(nixglue.PathInfo, *nar.Reader) error { return nil }
	if err := n.Archives(ctx, infos, skip); err != nil {
		t.Errorf("nobody reads: %v", err)
	}
	if err := n.Archives(ctx, infos, func(nixglue.PathInfo, *nar.Reader) error { return io.ErrClosedPipe }); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("visit fails: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := n.Archives(cancelled, infos, skip); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	gone := slices.Clone(infos)
	gone[1].Path = filepath.Join(filepath.Dir(out), strings.Repeat("0", 32)+"-absent")
	if err := n.Archives(ctx, gone, skip); !errors.Is(err, nixglue.ErrAbsent) {
		t.Errorf("of what is not there: %v", err)
	}
	if err := errors.Join(os.Chmod(out, 0o700), os.Chmod(out+"/disk.qcow2", 0o600), os.WriteFile(out+"/disk.qcow2", []byte("vmlinuX"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := n.Archives(ctx, infos, read); !errors.Is(err, nixglue.ErrDamaged) || !strings.Contains(err.Error(), out) || !strings.Contains(fault.Hint(err, nil), "--repair-path "+out) {
		t.Errorf("of what was changed: %v", err)
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

// A folder's flake.lock is made, and an input is what it was when that was.
func TestRealNixLocks(t *testing.T) {
	n, ref, _ := realNix(t)
	folder := t.TempDir()
	dep := strings.TrimSuffix(ref, "#")
	if err := os.WriteFile(folder+"/flake.nix", []byte(`{ inputs.dep.url = "`+dep+`"; outputs = { self, dep }: { inherit (dep) packages; }; }`), 0o600); err != nil {
		t.Fatal(err)
	}
	looking := n
	looking.NoWriteLock = true
	if _, err := looking.Metadata(t.Context(), "path:"+folder); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder + "/flake.lock"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a look has locked the flake: %v", err)
	}
	first, err := n.Metadata(t.Context(), "path:"+folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Inputs) != 1 || first.Inputs[0].Name != "dep" || first.Inputs[0].URL != dep || !strings.HasPrefix(first.Inputs[0].NarHash, "sha256-") {
		t.Errorf("%+v", first)
	}
	if _, err := n.PathInfo(t.Context(), false, first.Path); err != nil {
		t.Errorf("its source %s: %v", first.Path, err)
	}
	lock, err := os.ReadFile(folder + "/flake.lock")
	if err != nil || !strings.Contains(string(lock), first.Inputs[0].NarHash) {
		t.Errorf("%s, %v", lock, err)
	}
}
