package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/project"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// aProject is a folder with an imgasm.yaml whose targets run on stand-ins for QEMU:
// good succeeds, bad panics.
func aProject(t testing.TB, more string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	boot := make([]byte, 1<<20)
	boot[0], boot[510], boot[511] = 0xeb, 0x55, 0xaa
	for name, text := range map[string]string{"installed.raw": string(boot), "small.ks": smallSecretKickstart, "post.sh": "echo 1\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fakeInstaller(t, filepath.Join(dir, "installer.iso"))
	done := qemutest.Serial("[   20.100000] anaconda[2343]: Starting installer, one moment...\r\n[   30.100000] anaconda[2343]: Installing kernel.x86_64 (1/1)\r\n" +
		"[   38.100000] anaconda[2343]: Installing boot loader\r\n[   39.100000] anaconda[2343]: Storing configuration files and kickstarts\r\n" +
		"[   40.100000] anaconda[2343]: Running post-installation scripts\r\n[   40.200000] anaconda[2343]: Complete!\r\n")
	succeeds := qemutest.Executable(t, qemutest.Script{Steps: qemutest.Steps(qemutest.Await("cont"), qemutest.CopyTo("target", filepath.Join(dir, "installed.raw")), done, qemutest.PowerOff())})
	panics := qemutest.Executable(t, qemutest.Script{Steps: qemutest.Steps(qemutest.Await("cont"), qemutest.Serial("[   30.000000] Kernel panic - not syncing: exitcode=0x00007f00\r\n"), qemutest.Panic())})
	text := fmt.Sprintf(`
defaults: {arch: x86_64, accel: tcg, firmware: bios, iso: installer.iso, kickstart: small.ks, disk-size: 512M, no-verify: true}
images:
  good:
    kind: alma
    out: dist/{name}.raw
    format: [raw, qcow2]
    qemu: %[1]q
    post: post.sh
  pair:
    kind: alma
    matrix: {as: [raw, qcow2]}
    format: ["{as}"]
    qemu: %[1]q
  bad:
    kind: alma
    qemu: %[2]q
%[3]s`, succeeds, panics, more)
	if err := os.WriteFile(filepath.Join(dir, "imgasm.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("IMGASM_CACHE", t.TempDir()) // of the targets' processes
	return dir
}

// buildProject runs imgasm build --json, and returns the results by target, and
// how many steps each has begun.
func buildProject(t testing.TB, ctx context.Context, dir string, args ...string) (code int, results map[string]targetResult, steps map[string]int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(ctx, append([]string{"imgasm", "build", "--json", "-f", filepath.Join(dir, "imgasm.yaml")}, args...), strings.NewReader(""), &stdout, &stderr, os.Getenv)
	results, steps = map[string]targetResult{}, map[string]int{}
	for line := range strings.Lines(stdout.String()) {
		var l struct {
			targetResult
			Kind string `json:"kind"`
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if l.State != "" {
			fits(t, "result", []byte(line))
			results[l.Target] = l.targetResult
		}
		if l.Kind == "step-start" {
			steps[l.Target]++
		}
	}
	if stderr.Len() > 0 && len(results) == 0 {
		t.Logf("%s", &stderr)
	}
	return code, results, steps
}

// What was built is not built again, until what it is made of changes; what failed
// stops nothing, and is tried again.
func TestBuildProject(t *testing.T) {
	dir := aProject(t, "  odd: {kind: alma, memory: much}\n  worse: {kind: alma, cpus: many}\n")
	code, results, steps := buildProject(t, t.Context(), dir, "good", "bad", "--jobs", "1", "--report", filepath.Join(dir, "pages"), "--junit", filepath.Join(dir, "r.xml"))
	if code != exitOther || results["good"].State != targetBuilt || results["bad"].State != targetFailed || !strings.Contains(results["bad"].Error, "Kernel panic") || steps["good"] == 0 {
		t.Fatalf("exit code %d, %+v, %v", code, results, steps)
	}
	for _, file := range []string{"dist/good.raw", "dist/good.raw.json", "bad.qcow2.failed/SUMMARY.md", "pages/good.html", "pages/bad.html", "pages/index.html"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Error(err)
		}
	}
	for file, schema := range map[string]string{"dist/good.raw.json": "image", "bad.qcow2.failed/failure.json": "failure", "bad.qcow2.failed/plan.json": "plan"} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		fits(t, schema, text)
	}
	events, err := os.ReadFile(filepath.Join(dir, "bad.qcow2.failed/events.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	linesFit(t, "event", string(events))
	_, list, _ := session{t, nil}.run("build", "-f", filepath.Join(dir, "imgasm.yaml"), "--list", "--json")
	linesFit(t, "target", list)
	var junit struct {
		Suite struct {
			Failures int `xml:"failures,attr"`
			Tests    int `xml:"tests,attr"`
		} `xml:"testsuite"`
	}
	text, err := os.ReadFile(filepath.Join(dir, "r.xml"))
	if err == nil {
		err = xml.Unmarshal(text, &junit)
	}
	if err != nil || junit.Suite.Tests != 2 || junit.Suite.Failures != 1 {
		t.Errorf("%v, %s", err, text)
	}
	code, results, steps = buildProject(t, t.Context(), dir, "good")
	if code != exitDone || len(results) != 1 || results["good"].State != targetFresh || len(steps) != 0 {
		t.Errorf("once more: exit code %d, %+v, %v", code, results, steps)
	}
	// A copy is as new as its description or newer; that of a changed one is no other size.
	image := filepath.Join(dir, "dist/good.raw")
	if err := os.Chtimes(image, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if code, results, _ = buildProject(t, t.Context(), dir, "good"); results["good"].State != targetFresh {
		t.Errorf("as it was: exit code %d, %+v", code, results)
	}
	disk, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	disk[1<<19]++
	if err := os.WriteFile(image, disk, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, results, _ = buildProject(t, t.Context(), dir, "good"); !strings.Contains(results["good"].Error, "has changed since imgasm made it") {
		t.Errorf("of an image that was written to: exit code %d, %+v", code, results)
	}
	disk[1<<19]--
	if err := os.WriteFile(image, disk, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "post.sh"), []byte("echo 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, results, _ = buildProject(t, t.Context(), dir, "good"); code != exitDone || results["good"].State != targetBuilt {
		t.Errorf("with another script: exit code %d, %+v", code, results)
	}
	if code, results, _ = buildProject(t, t.Context(), dir, "good", "--force"); code != exitDone || results["good"].State != targetBuilt {
		t.Errorf("with --force: exit code %d, %+v", code, results)
	}
	// What cannot be written at the end is told at the beginning.
	if code, results, _ = buildProject(t, t.Context(), dir, "bad", "--junit", filepath.Join(dir, "none", "r.xml")); code != exitInput || len(results) > 0 {
		t.Errorf("exit code %d, %+v", code, results)
	}
	// Results replace results alone.
	if code, results, _ = buildProject(t, t.Context(), dir, "good", "--junit", filepath.Join(dir, "imgasm.yaml")); code != exitInput || len(results) > 0 {
		t.Errorf("exit code %d, %+v", code, results)
	}
	if code, _, _ = buildProject(t, t.Context(), dir, "good", "--junit", filepath.Join(dir, "r.xml")); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	// What a target says before its first event is told as it says it.
	code, results, _ = buildProject(t, t.Context(), dir, "good", "odd", "worse", "--report", filepath.Join(dir, "pages"))
	if odd := results["odd"]; code != exitOther || results["good"].State != targetFresh || !strings.HasPrefix(odd.Error, "--memory: ") || !strings.HasPrefix(odd.Hint, "such as --memory 4G\n--memory is set in ") {
		t.Errorf("exit code %d, %+v", code, results)
	}
	// One that imgasm does not even begin has its page.
	if page, err := os.ReadFile(filepath.Join(dir, "pages/worse.html")); err != nil || !strings.Contains(string(page), "write a whole number") {
		t.Errorf("%v\n%s", err, page)
	}
	if err := os.Remove(filepath.Join(dir, "dist/good.qcow2")); err != nil {
		t.Fatal(err)
	}
	if code, results, _ = buildProject(t, t.Context(), dir, "good"); code != exitDone || results["good"].State != targetBuilt {
		t.Errorf("without one of its formats: exit code %d, %+v", code, results)
	}
	if err := os.Truncate(filepath.Join(dir, "dist/good.raw"), 1); err != nil {
		t.Fatal(err)
	}
	if code, results, _ = buildProject(t, t.Context(), dir, "good"); results["good"].State == targetFresh {
		t.Errorf("of a cut image: exit code %d, %+v", code, results)
	}
}

// Ctrl-C ends what runs, and says what was not begun. While it runs, no list of
// processes has its flags, which may be passwords.
func TestBuildProjectInterrupted(t *testing.T) {
	hangs := qemutest.Executable(t, qemutest.Script{Steps: qemutest.Steps(qemutest.Await("cont"), qemutest.Serial("hangs\r\n"), qemutest.Hang())})
	dir := aProject(t, fmt.Sprintf("  ugly: {kind: alma, qemu: %q, timeout: 4217s}\n", hangs))
	ctx, stop := context.WithCancelCause(t.Context())
	started := &notice{text: `"hangs"`, do: func() {
		processes, _ := filepath.Glob("/proc/[0-9]*/cmdline") // none but on Linux
		for _, p := range processes {
			if argv, _ := os.ReadFile(p); strings.Contains(string(argv), "4217s") {
				t.Errorf("%s: %q", p, argv)
			}
		}
		stop(&interruptError{signal: os.Interrupt})
	}}
	var stderr bytes.Buffer
	args := []string{"imgasm", "build", "--json", "--jobs", "1", "-f", filepath.Join(dir, "imgasm.yaml"), "ugly", "good"}
	// The order of the file: good first.
	code := run(ctx, args, strings.NewReader(""), started, &stderr, os.Getenv)
	if code != exitInterrupted || !strings.Contains(started.said.String(), `"target":"ugly","kind":"alma","state":"interrupted"`) {
		t.Errorf("exit code %d, %s\n%s", code, &stderr, &started.said)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*.imgasm"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A defect in what shows a target ends that target, and waits for nobody.
func TestBuildProjectPanic(t *testing.T) {
	dir := aProject(t, "")
	breaks := &notice{text: `"step-start"`}
	breaks.do = func() { breaks.text = "none"; panic("broken") }
	var stderr bytes.Buffer
	code := run(t.Context(), []string{"imgasm", "build", "--json", "-f", filepath.Join(dir, "imgasm.yaml"), "good"}, strings.NewReader(""), breaks, &stderr, os.Getenv)
	if code != exitOther || !strings.Contains(breaks.said.String(), `"error":"internal error: broken"`) {
		t.Errorf("exit code %d, %s\n%s", code, &stderr, &breaks.said)
	}
}

// notice is a Writer that does something when a text comes by.
type notice struct {
	said bytes.Buffer
	text string
	do   func()
}

func (n *notice) Write(p []byte) (int, error) {
	if strings.Contains(string(p), n.text) {
		n.do()
	}
	return n.said.Write(p)
}

// Every flag of a verb that builds is in the schema, or is one of those that only
// a person at a terminal gives.
func TestProjectSchema(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"imgasm", "build", "--schema"}, strings.NewReader(""), &stdout, &stderr, os.Getenv); code != exitDone {
		t.Fatalf("exit code %d, %s", code, &stderr)
	}
	var schema struct {
		Properties struct {
			Images struct {
				AdditionalProperties struct {
					AnyOf []struct{ Properties map[string]map[string]any }
				}
			}
		}
	}
	if err := json.Unmarshal(stdout.Bytes(), &schema); err != nil {
		t.Fatal(err)
	}
	kinds := schema.Properties.Images.AdditionalProperties.AnyOf
	if len(kinds) != 4 || kinds[0].Properties["kind"]["const"] != "alma" || kinds[0].Properties["offline"]["type"] != "boolean" || kinds[0].Properties["post"]["oneOf"] == nil {
		t.Errorf("%d kinds\n%s", len(kinds), &stdout)
	}
	for _, k := range kinds {
		if k.Properties["out"] == nil || k.Properties["json"] != nil || k.Properties[keyFlag] != nil {
			t.Errorf("%v", k.Properties["kind"])
		}
	}
	files := 0
	for _, k := range (&app{}).kinds() {
		for _, f := range k.Flags {
			if f.Files != nil && slices.Contains([]string{"kickstart", "post", "copy", "iso", "ca", "ssh-key", "keyring"}, f.Name) {
				files++
			}
		}
	}
	if files < 7 {
		t.Errorf("%d flags name files", files)
	}
}

// An image of another architecture than this host would make is not up to date here.
func TestFreshArch(t *testing.T) {
	image := filepath.Join(t.TempDir(), "a.raw")
	for _, made := range arch.All() {
		about := fmt.Sprintf(`{"schema": %q, "arch": %q, "key": "k", "output": {"sha256": "x"}}`, assemble.ImageSchema, made.Name)
		if err := errors.Join(os.WriteFile(image, nil, 0o600), os.WriteFile(assemble.Description(image), []byte(about), 0o600)); err != nil {
			t.Fatal(err)
		}
		for on, want := range map[string]bool{here: made == arch.Host(), "ssh://there": true} {
			target := aTarget{project.Target{Kind: "alma", Args: []project.Arg{{Flag: project.Flag{Name: "out"}, Values: []string{image}}}}, "k", "", on}
			if got := (&app{}).fresh(t.Context(), target); got != want {
				t.Errorf("of %s, on %s: up to date: %t", made.Name, on, got)
			}
		}
	}
}

// ~/ is the user's home in what names files.
func TestProjectAtHome(t *testing.T) {
	home, file := t.TempDir(), filepath.Join(t.TempDir(), "imgasm.yaml")
	t.Setenv("HOME", home)
	key := func(script string) (target targetLine) {
		t.Helper()
		err := os.WriteFile(filepath.Join(home, "post.sh"), []byte(script), 0o600)
		err2 := os.WriteFile(file, []byte("images: {a: {kind: rehearse, out: ~/a.raw, post: ~/post.sh}}"), 0o600)
		var list bytes.Buffer
		code := run(t.Context(), []string{"imgasm", "build", "-f", file, "--list", "--json"}, nil, &list, io.Discard, os.Getenv)
		if err := errors.Join(err, err2, json.Unmarshal(list.Bytes(), &target)); err != nil || code != exitDone || target.Out != filepath.Join(home, "a.raw") {
			t.Errorf("exit code %d, %+v, %v", code, target, err)
		}
		return target
	}
	if key("echo 1").Key == key("echo 2").Key {
		t.Error("a script in the home is not part of the key")
	}
}

// Two targets write no file of one another, in whatever format.
func TestTargetsWriteTheirOwn(t *testing.T) {
	for more, twice := range map[string]string{
		"out: x.qcow2, format: [qcow2, raw]}\n  b: {kind: alma, out: x.raw":         "x.raw",
		"out: x.qcow2}\n  b: {kind: alma, out: x.qcow2.json":                        "x.qcow2.json",
		"bundle: x.tar.zst}\n  b: {kind: rehearse, bundle: ./x.tar.zst":             "x.tar.zst",
		"report: why.html}\n  b: {kind: nixos, report: why.html":                    "why.html",
		"report: pages}\n  b: {kind: nixos, report: pages":                          "",
		"lock: true, checksum: true}\n  b: {kind: alma, lock: true, checksum: true": "",
		"lock: true, out: a/x.raw}\n  b: {kind: alma, lock: true, out: b/x.raw":     "imgasm.lock/x.raw",
	} {
		_, err := project.Parse("f", []byte("images:\n  a: {kind: alma, "+more+"}"), (&app{}).kinds())
		if (err != nil) != (twice != "") || err != nil && !strings.Contains(err.Error(), "a and b would both write "+twice) {
			t.Errorf("%s: %v", more, err)
		}
	}
}

// Two targets of a matrix that are up to date: no step is begun. Most of it is the hash
// of the stand-in for QEMU, which their flags name.
func BenchmarkBuildProjectUpToDate(b *testing.B) {
	dir := aProject(b, "")
	if code, results, steps := buildProject(b, b.Context(), dir, "pair-raw", "pair-qcow2"); code != exitDone || steps["pair-raw"] == 0 || steps["pair-qcow2"] == 0 {
		b.Fatalf("exit code %d, %+v", code, results)
	}
	for b.Loop() {
		if code, results, steps := buildProject(b, b.Context(), dir, "pair-raw", "pair-qcow2"); code != exitDone || len(steps) > 0 || results["pair-raw"].State != targetFresh || results["pair-qcow2"].State != targetFresh {
			b.Fatalf("exit code %d, %+v, %v", code, results, steps)
		}
	}
}
