package nixglue_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/nixglue"
	"github.com/imgasm/imgasm/nixglue/nar"
)

// fake is a nix that runs a script of the test instead.
func fake(t *testing.T, script string) nixglue.Nix {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the fake nix is a shell script")
	}
	path := filepath.Join(t.TempDir(), "nix")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return nixglue.Nix{Path: path}
}

// logOf is a shell command that writes a recorded log to stderr.
func logOf(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs("testdata/logs/" + name + ".log")
	if err != nil {
		t.Fatal(err)
	}
	return "cat " + proc.Quote([]string{path}) + " >&2\n"
}

func TestBuild(t *testing.T) {
	args := filepath.Join(t.TempDir(), "args")
	n := fake(t, "echo \"$@\" > "+args+"\n"+logOf(t, "2.26-build")+
		`echo '[{"drvPath":"/nix/store/a.drv","outputs":{"out":"/nix/store/a"},"startTime":1,"stopTime":2}]'`)
	lines := 0
	n.Events = func(e nixglue.Event) {
		if e.Kind == event.Console {
			lines++
		}
	}
	o := nixglue.BuildOptions{Installables: []string{".#image"}}
	built, err := n.Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]nixglue.Built{{DrvPath: "/nix/store/a.drv", Outputs: map[string]string{"out": "/nix/store/a"}}}, built); diff != "" {
		t.Error(diff)
	}
	if lines != 4 {
		t.Errorf("%d lines of the build's log", lines)
	}
	got, err := os.ReadFile(args)
	if err != nil || strings.TrimSpace(string(got)) != strings.Join(n.BuildArgs(o), " ") {
		t.Errorf("%s: %v", got, err)
	}
}

func TestBuildFails(t *testing.T) {
	n := fake(t, logOf(t, "2.34-fail")+"exit 1")
	_, err := n.Build(t.Context(), nixglue.BuildOptions{Installables: []string{".#image"}})
	var failure *nixglue.Failure
	if !errors.Is(err, nixglue.ErrBuilder) || !errors.As(err, &failure) {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"before", "boom: no space left"}, failure.Log); diff != "" || failure.Code != 1 || failure.Argv[0] != n.Path {
		t.Errorf("%s%+v", diff, failure)
	}
	if want := "nix-store --read-log /nix/store/jfhkiqlnxg72af48xnn6x98qzw28pmml-failing.drv"; fault.Hint(err, nil) != want {
		t.Errorf("hint %q, want %q", fault.Hint(err, nil), want)
	}
}

// What nix says before it has read --log-format, without a newline at its end, counts.
func TestPlainError(t *testing.T) {
	n := fake(t, `printf "warning: a\nerror: unrecognised flag '--frob'" >&2; exit 1`)
	_, err := n.Eval(t.Context(), ".#a", "")
	if !errors.Is(err, nixglue.ErrNix) || err.Error() != "unrecognised flag '--frob'" {
		t.Errorf("%v", err)
	}
	n = fake(t, "exit 7")
	if _, err = n.Eval(t.Context(), ".#a", ""); err == nil || err.Error() != "nix ended with status 7 and said nothing" {
		t.Errorf("%v", err)
	}
}

func TestNoNix(t *testing.T) {
	for _, path := range []string{"nix-that-is-not-installed", "/nonexistent/nix"} {
		_, err := nixglue.Nix{Path: path}.Version(t.Context())
		if !errors.Is(err, nixglue.ErrMissing) || fault.KindOf(err) != fault.Host || !strings.Contains(err.Error(), path) {
			t.Errorf("%v", err)
		}
	}
}

func TestNixThatMayNotBeExecuted(t *testing.T) {
	n := fake(t, "exit 0")
	if err := os.Chmod(n.Path, 0o600); err != nil { // root may not execute it either
		t.Fatal(err)
	}
	_, err := n.Version(t.Context())
	var named *fault.Error
	if !errors.Is(err, nixglue.ErrAnswer) || errors.Is(err, nixglue.ErrMissing) || !errors.As(err, &named) || named.Field != "Path" || fault.Hint(err, nil) == "" {
		t.Errorf("%v", err)
	}
}

func TestNotNix(t *testing.T) {
	n, ctx := fake(t, "echo hello"), t.Context()
	_, build := n.Build(ctx, nixglue.BuildOptions{Installables: []string{".#a"}})
	_, eval := n.Eval(ctx, ".#a", "")
	_, info := n.PathInfo(ctx, false, ".#a")
	_, store := n.StoreInfo(ctx)
	_, version := n.Version(ctx)
	for what, err := range map[string]error{"build": build, "eval": eval, "path-info": info, "store info": store, "version": version} {
		if !errors.Is(err, nixglue.ErrAnswer) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestCancel(t *testing.T) {
	n := fake(t, "echo started >&2\nsleep 60")
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	n.Events = func(nixglue.Event) { cancel(enough) }
	began := time.Now()
	if _, err := n.Eval(ctx, ".#a", ""); !errors.Is(err, enough) || errors.Is(err, nixglue.ErrNix) {
		t.Error(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

// A panic of whoever takes the events is the call's error, and nix is not stopped by it.
func TestPanickingSink(t *testing.T) {
	done := filepath.Join(t.TempDir(), "done")
	n := fake(t, logOf(t, "2.8-build")+"echo more >&2\necho > "+done+"\necho '[]'")
	n.Events = func(nixglue.Event) { panic("boom") }
	if _, err := n.Build(t.Context(), nixglue.BuildOptions{Installables: []string{".#a"}}); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Error(err)
	}
	if _, err := os.Stat(done); err != nil {
		t.Error(err)
	}
}

// The answers of nix 2.8, 2.26 and 2.34, as they were.
func TestPathInfo(t *testing.T) {
	want := []nixglue.PathInfo{{Path: "/nix/store/vdd8wakgd016yl7hi90bbljwnqk83dky-image", NarHash: "sha256-f7b66UPV157zx/7xJrvGuaXJp6hx1ulbxDgquwgsmg0=", NarSize: 744,
		References: []string{"/nix/store/vdd8wakgd016yl7hi90bbljwnqk83dky-image"}, Deriver: "/nix/store/awf7z44al914hv367sva2xc8gak1pxb3-image.drv"}}
	const fields = `"deriver":"/nix/store/awf7z44al914hv367sva2xc8gak1pxb3-image.drv","narHash":"sha256-f7b66UPV157zx/7xJrvGuaXJp6hx1ulbxDgquwgsmg0=","narSize":744,"references":["/nix/store/vdd8wakgd016yl7hi90bbljwnqk83dky-image"],"registrationTime":1795976134,"ultimate":true`
	for version, answer := range map[string]string{
		"2.8":  `[{"path":"/nix/store/vdd8wakgd016yl7hi90bbljwnqk83dky-image",` + fields + `}]`,
		"2.26": `{"/nix/store/vdd8wakgd016yl7hi90bbljwnqk83dky-image":{"ca":null,"signatures":[],` + fields + `}}`,
		"2.34": `{"/nix/store/vdd8wakgd016yl7hi90bbljwnqk83dky-image":{"ca":null,"signatures":[],"storeDir":"/nix/store","version":1,` + fields + `}}`,
	} {
		got, err := fake(t, "printf %s "+proc.Quote([]string{answer})).PathInfo(t.Context(), false, "/nix/store/x")
		if err != nil {
			t.Fatal(version, err)
		}
		if got[0].Signatures = nil; !cmp.Equal(want, got) {
			t.Errorf("nix %s: %s", version, cmp.Diff(want, got))
		}
	}
	for version, answer := range map[string]string{"2.8": `[{"path":"/nix/store/no","valid":false}]`, "2.26": `{"/nix/store/no":null}`} {
		_, err := fake(t, "echo "+proc.Quote([]string{answer})).PathInfo(t.Context(), false, "/nix/store/no")
		if !errors.Is(err, nixglue.ErrAbsent) || !strings.Contains(err.Error(), "/nix/store/no") || !strings.HasSuffix(fault.Hint(err, nil), "build 'FLAKE#ATTRIBUTE'") {
			t.Errorf("nix %s: %v", version, err)
		}
	}
}

func TestStoreInfo(t *testing.T) {
	yes, no := true, false
	for answer, want := range map[string]nixglue.StoreInfo{
		// of the store itself, and of a daemon that does not trust the user; 2.8 has not got the command
		`echo '{"trusted":1,"url":"local","version":"2.26.3"}'`:                                                                 {URL: "local", Version: "2.26.3", Trusted: &yes},
		`echo '{"trusted":true,"url":"local","version":"2.34.8"}'`:                                                              {URL: "local", Version: "2.34.8", Trusted: &yes},
		`echo '{"trusted":false,"url":"daemon","version":"2.34.8"}'`:                                                            {URL: "daemon", Version: "2.34.8", Trusted: &no},
		`echo '{"trusted":0,"url":"daemon","version":"2.26.3"}'`:                                                                {URL: "daemon", Version: "2.26.3", Trusted: &no},
		`case "$*" in *"store ping") ` + logOf(t, "2.8-store-ping") + "exit 0;; esac\n" + logOf(t, "2.8-store-info") + "exit 1": {URL: "local", Version: "2.8.0"},
	} {
		got, err := fake(t, answer).StoreInfo(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if err := got.CheckTrust(); errors.Is(err, nixglue.ErrUntrusted) != (want.Trusted == &no) {
			t.Errorf("%s: %v", answer, err)
		}
	}
	if _, err := fake(t, logOf(t, "2.8-untrusted-copy")+"exit 1").StoreInfo(t.Context()); !errors.Is(err, nixglue.ErrUntrusted) {
		t.Error(err)
	}
	_, err := fake(t, logOf(t, "2.8-unanswered")+"exit 1").StoreInfo(t.Context())
	const want = "admin@builder: Permission denied (publickey).\ncannot open connection to remote store 'ssh-ng://admin@builder': error: unexpected end-of-file"
	if !errors.Is(err, nixglue.ErrStore) || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func TestVersion(t *testing.T) {
	for line, want := range map[string]string{"nix (Nix) 2.8.0": "2.8.0", "nix (Nix) 2.34.8": "2.34.8", "nix (Determinate Nix 3.6.0) 2.29.0": "2.29.0"} {
		if got, err := fake(t, "echo '"+line+"'").Version(t.Context()); err != nil || got != want {
			t.Errorf("%s: %q, %v", line, got, err)
		}
	}
}

// What is no nix-store is told from a store path that is damaged.
func TestArchivesOfAnother(t *testing.T) {
	info := nixglue.PathInfo{Path: "/nix/store/x", NarHash: "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}
	for script, class := range map[string]error{
		"":                               nixglue.ErrAnswer, // it ends at once
		"echo hello; cat":                nixglue.ErrAnswer,
		"echo 'error: no' >&2; exit 1":   nixglue.ErrNix,
		"echo 'damaged' >&2; kill -9 $$": nixglue.ErrAnswer,
	} {
		n := fake(t, "exit 7")
		if err := os.WriteFile(filepath.Join(filepath.Dir(n.Path), "nix-store"), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
		err := n.Archives(t.Context(), []nixglue.PathInfo{info}, func(nixglue.PathInfo, *nar.Reader) error { return nil })
		if !errors.Is(err, class) {
			t.Errorf("%q: %v", script, err)
		}
	}
	if err := (nixglue.Nix{Path: t.TempDir() + "/nix"}).Archives(t.Context(), nil, nil); !errors.Is(err, nixglue.ErrMissing) {
		t.Error(err)
	}
	if _, err := (nixglue.PathInfo{NarHash: "sha256:00"}).SHA256(); !errors.Is(err, nixglue.ErrAnswer) {
		t.Error(err)
	}
}
