package nixos

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/lock"
	"github.com/imgasm/imgasm/assemble/nixos/nixostest"
	"github.com/imgasm/imgasm/assemble/verify"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/nixglue"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

func TestMain(m *testing.M) {
	qemutest.Main()
	os.Exit(m.Run())
}

func TestBuildOfOwnFlake(t *testing.T) {
	out := imageOf(t, "ttyAMA0")
	s, asked := testSpec(t, built(out), comesUp)
	s.Formats, s.Provenance, s.Checksums, s.Lock, s.SBOM = []string{"qcow2", "vmdk"}, true, true, true, []string{"spdx"}
	s.LockFile = filepath.Join(filepath.Dir(s.Out), "imgasm.lock")
	h := testHost(t)
	result, r, err := run(t.Context(), t, h, s)
	if err != nil {
		t.Fatal(err)
	}
	m := result.Image
	want := assemble.Image{
		Schema: assemble.ImageSchema, Product: "NixOS", Version: "26.05.20260601.abcdef", Arch: "aarch64", Boot: "uefi", Format: "qcow2",
		Guest: map[string]string{"derivation": "/nix/store/a.drv", "output": out, "system": nixostest.Toplevel},
		Tool:  "test", QEMU: "7.2.22", Accel: "tcg", Output: m.Output, Virtual: m.Virtual, Tested: m.Tested, Created: m.Created, Took: m.Took,
		Inputs: []assemble.Input{
			{Role: "flake", Name: "x-source", URL: "path:/flake?narHash=sha256-f7b66UPV157zx/7xJrvGuaXJp6hx1ulbxDgquwgsmg0=", Size: 744, SHA256: "7fb6fae943d5d79ef3c7fef126bbc6b9a5c9a7a871d6e95bc4382abb082c9a0d"},
			{Role: "flake-input-nixpkgs", Name: "nixpkgs", URL: "github:NixOS/nixpkgs/0123456789abcdef0123456789abcdef01234567", SHA256: "7fb6fae943d5d79ef3c7fef126bbc6b9a5c9a7a871d6e95bc4382abb082c9a0d"},
		},
	}
	if d := cmp.Diff(want, *m); d != "" {
		t.Error(d)
	}
	if m.Tested == nil || m.Tested.Login != "nixos login:" || !m.Tested.Off || m.Virtual == 0 {
		t.Errorf("%+v", m)
	}
	for _, name := range []string{"out.vmdk", "out.qcow2.json", "out.vmdk.json", "out.qcow2.intoto.json", "out.qcow2.spdx.json", "SHA256SUMS", "imgasm.lock"} {
		if _, err := os.Stat(filepath.Join(filepath.Dir(s.Out), name)); err != nil {
			t.Error(err)
		}
	}
	if !slices.Contains(r.texts(event.Console), "disk> running nixos-install") || len(r.texts(event.Warning)) != 1 { // the bill of materials knows no packages of NixOS
		t.Errorf("%q, %q", r.texts(event.Console), r.texts(event.Warning))
	}
	own, err := ownFlake(h.CacheDir)
	if err != nil {
		t.Fatal(err)
	}
	url := strings.ReplaceAll("path:"+own, " ", "%20")
	got := commands(t, asked)
	tail := got[len(got)-6:]
	if d := cmp.Diff([]string{
		"flake metadata --json " + url,
		"path-info --json --json-format 1 /nix/store/x-source",
		"eval --json --apply " + derivationOf + " path:/nix/store/x-source#packages.aarch64-linux.nixos-aarch64-image",
		"path-info --json --json-format 1 " + out,
		"config show --json",
		"build --json --out-link " + assemble.WorkFolder(s.Out) + "/result path:/nix/store/x-source#packages.aarch64-linux.nixos-aarch64-image",
	}, tail); d != "" {
		t.Error(d)
	}
	if left, err := filepath.Glob(filepath.Dir(own) + "/.*"); err != nil || len(left) > 0 {
		t.Errorf("left in the cache: %q, %v", left, err)
	}

	// The lock demands the same inputs, and the same nix.
	s.Locked, s.Lock = true, false
	if _, _, err := run(t.Context(), t, h, s); err != nil {
		t.Fatal(err)
	}
	s.Nix, _ = fakeNix(t, built(out).but("*metadata*", "echo '"+strings.ReplaceAll(metadata, "sha256-f7", "sha256-f8")+"'"))
	if _, _, err := run(t.Context(), t, h, s); !errors.Is(err, lock.ErrMismatch) {
		t.Errorf("another nixpkgs: %v", err)
	}
}

// The lock of imgasm's own flake is made by the first run, and stays until a newer
// one is asked for and had.
func TestLockOfOwnFlake(t *testing.T) {
	s, _ := testSpec(t, built(imageOf(t, "ttyAMA0")), comesUp)
	s.NoVerify = true
	h := testHost(t)
	own, err := ownFlake(h.CacheDir)
	if err != nil {
		t.Fatal(err)
	}
	build := func(update bool) string {
		t.Helper()
		s.Update = update
		if _, _, err := run(t.Context(), t, h, s); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(own, lockFile))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	first := build(false)
	if again := build(false); again != first {
		t.Errorf("the lock was %q and is %q", first, again)
	}
	renewed := build(true)
	if renewed == first {
		t.Errorf("the lock is %q still", first)
	}
	s.Nix, _ = fakeNix(t, built("/nix/store/absent").but("*metadata*", "echo 'error: no network' >&2; exit 1"))
	if _, _, err := run(t.Context(), t, h, s); !errors.Is(err, nixglue.ErrNix) {
		t.Error(err)
	}
	if text, err := os.ReadFile(filepath.Join(own, lockFile)); string(text) != renewed {
		t.Errorf("after an update that failed: %q, %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(own, "modules", "base.nix")); err != nil {
		t.Error(err)
	}
}

// Another machine's store builds, and the image is copied home; a flake with a
// revision is built as it was seen.
func TestBuildOnAnotherMachine(t *testing.T) {
	a := built(imageOf(t, "ttyAMA0")).but("*metadata*", `echo '{"url":"github:me/mine/9999","revision":"9999","path":"/nix/store/x-source","locks":{"nodes":{"root":{}}}}'`)
	s, asked := testSpec(t, a, comesUp)
	s.On, s.Flake, s.Inputs = "ssh://admin@arm", "github:me/mine#vm.image", []nixglue.Input{{Name: "nixpkgs", Flake: "path:/n"}}
	if _, _, err := run(t.Context(), t, testHost(t), s); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range commands(t, asked) {
		if strings.Contains(c, "ssh-ng://") || strings.HasPrefix(c, "eval") {
			got = append(got, c)
		}
	}
	out := ""
	if len(got) > 0 {
		out = got[len(got)-1][strings.LastIndex(got[len(got)-1], " ")+1:]
	}
	if d := cmp.Diff([]string{
		"--store ssh-ng://admin@arm store info --json",
		"eval --json --override-input nixpkgs path:/n --apply " + derivationOf + " github:me/mine/9999#vm.image",
		"--store ssh-ng://admin@arm build --json --eval-store auto --override-input nixpkgs path:/n --no-link github:me/mine/9999#vm.image",
		"copy --from ssh-ng://admin@arm --no-check-sigs " + out,
	}, got); d != "" {
		t.Errorf("%s\n%s", d, strings.Join(got, "\n"))
	}
}

// An image that does not come up is not published, and what it said is kept.
func TestUnverifiedImage(t *testing.T) {
	for name, c := range map[string]struct {
		steps []qemutest.Step
		class error
		says  string
	}{
		"panic": {append([]qemutest.Step{qemutest.Serial("[    1.000000] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n")}, qemutest.Panic()...), watch.ErrFailed, "Unable to mount root fs"},
		"off":   {qemutest.PowerOff(), verify.ErrFailed, "before anybody could log in"},
	} {
		s, _ := testSpec(t, built(imageOf(t, "ttyAMA0")), qemutest.Script{Steps: append([]qemutest.Step{qemutest.Await("cont")}, c.steps...)})
		_, _, err := run(t.Context(), t, testHost(t), s)
		var kept *assemble.KeptError
		if !errors.As(err, &kept) || !errors.Is(err, c.class) || !strings.Contains(err.Error(), c.says) || assemble.Hint(err) == "" {
			t.Errorf("%s: %v, %s", name, err, assemble.Hint(err))
			continue
		}
		for _, file := range []string{verify.LogFile(1), verify.ReportFile, "qemu.txt"} {
			if info, err := os.Stat(filepath.Join(kept.Bundle, file)); err != nil || info.Size() == 0 && file != verify.LogFile(1) {
				t.Errorf("%s: the bundle has no %s: %v", name, file, err)
			}
		}
		if _, err := os.Stat(s.Out); err == nil {
			t.Errorf("%s: the image was published", name)
		}
	}
}

// What is known to fail is known before anything is built, and what fails then
// says so by its class.
func TestRefusals(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("mine", 0o700); err != nil {
		t.Fatal(err)
	}
	out := imageOf(t, "ttyAMA0")
	foreign := built(out).but("*config*show*", `echo '{"system":{"value":"x86_64-darwin"},"extra-platforms":{"value":[]},"system-features":{"value":[]},"max-jobs":{"value":1},"builders":{"value":""}}'`)
	for name, c := range map[string]struct {
		answers answers
		change  func(*Spec)
		class   error
		says    string
		hint    string
	}{
		"no nix":         {built(out), func(s *Spec) { s.Nix = "/nonexistent/nix" }, nixglue.ErrMissing, "/nonexistent/nix", "nixos.org"},
		"an old nix":     {built(out).but("--version", "echo 'nix (Nix) 2.3.16'"), nil, ErrHost, "needs nix 2.8", "newer"},
		"too old for us": {built(out).but("--version", "echo 'nix (Nix) 2.8.0'"), nil, ErrHost, "imgasm's own flake, which needs nix 2.18", "{Flake}"},
		"no builder":     {foreign, nil, nixglue.ErrMachine, "this machine: it builds for x86_64-darwin", "{On} ssh://USER@HOST"},
		"no feature": {built(out).but("* eval *", `echo '{"name":"i","system":"aarch64-linux","features":["gpu"],"drv":"/d","out":"/o"}'`), func(s *Spec) { s.Flake = "path:/f" },
			nixglue.ErrMachine, "this machine: it lacks the feature gpu", "aarch64-linux - 4 1 gpu"},
		"untrusted":     {built(out).but("*store info*", `echo '{"url":"daemon","version":"2.26.3","trusted":0}'`), func(s *Spec) { s.Builders = "ssh-ng://arm x86_64-linux" }, nixglue.ErrUntrusted, "daemon", "trusted-users"},
		"no derivation": {built(out).but("* eval *", "echo null"), nil, ErrInput, "is no derivation", "build.images"},
		"no folder":     {built(out).but("*metadata*", "echo 'error: no such file' >&2; exit 1"), func(s *Spec) { s.Flake = "path:/nonexistent/f#x" }, ErrInput, "/nonexistent/f is not there", ""},
		"a name":        {built(out).but("*metadata*", "echo 'error: no registry' >&2; exit 1"), func(s *Spec) { s.Flake = "mine#x" }, ErrInput, "no registry", "{Flake} ./mine"},
		"another flake": {built(out).but("*metadata*", "echo 'error: no host' >&2; exit 1"), func(s *Spec) { s.Flake = "github:a/b#x" }, nixglue.ErrNix, "no host", ""},
		"no system":     {built(out).but("* eval *", "echo null"), func(s *Spec) { s.Assemble = true }, ErrInput, "is no derivation", "build.toplevel"},
		"no image":      {built(t.TempDir()), nil, nixglue.ErrImage, "has no disk image", "ls -lR"},
		"not a machine": {built(out), func(s *Spec) { s.On = "https://bot:s3cret@h" }, ErrInput, "REDACTED@h", "{On}"},
		"both":          {built(out), func(s *Spec) { s.On, s.Builders = "ssh://h", "ssh://g" }, ErrInput, "Builders", ""},
		"own lock only": {built(out), func(s *Spec) { s.Flake, s.Update = ".#x", true }, ErrInput, "Update", "nix flake update"},
		"no attribute":  {built(out), func(s *Spec) { s.Flake = ".#" }, ErrInput, "names no attribute", ""},
		"a flag":        {built(out), func(s *Spec) { s.Flake = "--impure" }, ErrInput, "is no flake", ""},
		"a format":      {built(out), func(s *Spec) { s.Formats = []string{"vhdx"} }, ErrInput, `"vhdx" is none of`, ""},
		"other machine": {built(out).but("* eval *", `echo '{"name":"i","system":"aarch64-linux","features":[],"drv":"/d","out":"/o"}'`), func(s *Spec) {
			s.Arch, s.Flake, s.NoVerify, s.QEMU = "x86_64", "path:/f#packages.aarch64-linux.i", true, ""
		},
			nixglue.ErrMachine, "nobody builds for x86_64-linux", "{On}"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := testSpec(t, c.answers, comesUp)
			if c.change != nil {
				c.change(&s)
			}
			_, _, err := run(t.Context(), t, testHost(t), s)
			if !errors.Is(err, c.class) || !strings.Contains(err.Error(), c.says) || !strings.Contains(fault.Hint(err, nil), c.hint) {
				t.Errorf("%v; hint %q", err, fault.Hint(err, nil))
			}
			if entries, err := os.ReadDir(filepath.Dir(s.Out)); err != nil || len(entries) > 0 {
				t.Errorf("left: %v, %v", entries, err)
			}
		})
	}
}

// A failed build leaves a bundle with nix's log and command, without secrets.
func TestFailedBuildLeavesBundle(t *testing.T) {
	log, err := filepath.Abs("../../nixglue/testdata/logs/2.34-fail.log")
	if err != nil {
		t.Fatal(err)
	}
	s, _ := testSpec(t, built("/nix/store/absent").but("*build*", "cat "+log+" >&2; echo https://bot:s3cret@h/x >&2; exit 1"), comesUp)
	s.Flake = "git+https://bot:s3cret@example.org/flake#image"
	_, _, err = run(t.Context(), t, testHost(t), s)
	var kept *assemble.KeptError
	if !errors.Is(err, nixglue.ErrBuilder) || fault.KindOf(err) != fault.Guest || !errors.As(err, &kept) {
		t.Fatalf("%v", err)
	}
	for name, want := range map[string]string{
		nixLogFile: "boom: no space left", nixFile: "git+https://REDACTED@example.org/flake#packages.aarch64-linux.image", "SUMMARY.md": "nix 2.26.3, store daemon",
		"plan.json": `"attribute": "packages.aarch64-linux.image"`, "events.jsonl": `"kind":"error"`,
	} {
		text, err := os.ReadFile(filepath.Join(kept.Bundle, name))
		if err != nil || !strings.Contains(string(text), want) || strings.Contains(string(text), "s3cret") {
			t.Errorf("%s: %v, want %q in\n%s", name, err, want, text)
		}
	}
}

// An image whose console is not known is published, and that nobody has seen it
// boot is said aloud.
func TestNoConsole(t *testing.T) {
	s, _ := testSpec(t, built(imageOf(t, "")), comesUp)
	result, r, err := run(t.Context(), t, testHost(t), s)
	if err != nil {
		t.Fatal(err)
	}
	warnings := r.texts(event.Warning)
	if result.Image.Tested != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "console=ttyAMA0") {
		t.Errorf("%+v, %q", result.Image.Tested, warnings)
	}
}

// Firmware of another architecture would not start the disk.
func TestCannotBoot(t *testing.T) {
	s, _ := testSpec(t, built(imageOf(t, "ttyAMA0")), comesUp)
	s.Arch, s.NoVerify, s.Machine, s.Flake = "x86_64", true, Machine{}, "path:/f#packages.aarch64-linux.i"
	s.Nix, _ = fakeNix(t, built(imageOf(t, "ttyAMA0")).but("*config*show*", `echo '{"system":{"value":"aarch64-linux"},"extra-platforms":{"value":["x86_64-linux"]},"system-features":{"value":["kvm"]},"builders":{"value":""}}'`))
	_, r, err := run(t.Context(), t, testHost(t), s)
	if !errors.Is(err, ErrCannotBoot) || !strings.Contains(err.Error(), "BOOTX64.EFI") || len(r.texts(event.Warning)) != 1 {
		t.Errorf("%v, %q", err, r.texts(event.Warning))
	}
}

func TestCheck(t *testing.T) {
	a := built("/nix/store/absent").but("* eval *", `echo '{"aarch64-linux":{"image":{"name":"i","system":"aarch64-linux","features":["kvm"],"drv":"/d","out":"/nix/store/a"},"bad":"failed","text":null},`+
		`"x86_64-linux":{"image":{"name":"i","system":"x86_64-linux","features":[],"drv":"/d","out":"/nix/store/b"}}}'`).but("*path-info*/nix/store/a", `echo '{"/nix/store/a":{"narSize":1}}'`)
	s, asked := testSpec(t, a, comesUp)
	v, err := Check(t.Context(), testHost(t), s, func(event.Event) {})
	if err != nil {
		t.Fatal(err)
	}
	want := []Planned{
		{Attribute: "packages.aarch64-linux.bad", Problem: "it does not evaluate: nix eval says why"},
		{Attribute: "packages.aarch64-linux.image", System: "aarch64-linux", Features: []string{"kvm"}, Output: "/nix/store/a", Built: true, Builder: "this machine"},
		{Attribute: "packages.aarch64-linux.text", Problem: "it is no derivation"},
		{Attribute: "packages.x86_64-linux.image", System: "x86_64-linux", Features: []string{}, Output: "/nix/store/b", Problem: "nobody builds for x86_64-linux\nthis machine: it builds for aarch64-linux\nno remote builders are configured"},
	}
	if d := cmp.Diff(want, v.Outputs); d != "" {
		t.Error(d)
	}
	s.On = "ssh://admin@arm"
	if v, err = Check(t.Context(), testHost(t), s, func(event.Event) {}); err != nil || v.Outputs[3].Builder != "ssh-ng://admin@arm" {
		t.Errorf("%+v, %v", v, err)
	}
	for _, c := range commands(t, asked) {
		if strings.HasPrefix(c, "build") {
			t.Errorf("a look has built: %s", c)
		}
	}
}

// A system may come out of binary caches, where nobody builds it.
func TestAssembleWithoutBuilder(t *testing.T) {
	s, _ := testSpec(t, built("/nix/store/absent").but("*config*show*", `echo '{"system":{"value":"aarch64-darwin"},"extra-platforms":{"value":[]},"system-features":{"value":[]},"max-jobs":{"value":1},"builders":{"value":""}}'`), comesUp)
	s.Assemble = true
	p, err := Resolve(t.Context(), testHost(t), s)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, step := range p.Steps {
		names = append(names, step.Name)
	}
	want := []string{"flake", "evaluate", "build", "disk", "check", "qcow2", "verify", "publish"}
	if p.Attribute != "packages.aarch64-linux.nixos-aarch64-toplevel" || len(p.Cautions) != 1 || !strings.Contains(p.Cautions[0].Text, "this machine: it builds for aarch64-darwin") || !slices.Equal(names, want) {
		t.Errorf("%s, %+v, %q", p.Attribute, p.Cautions, names)
	}
}
