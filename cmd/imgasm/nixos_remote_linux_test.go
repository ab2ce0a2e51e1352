package main

// Another machine's store, reached by a real ssh-ng on this host's loopback: the
// same nix with a store of its own, which says that it builds for aarch64 too.

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/internal/sshtest"
)

// anotherMachine is a nix on the loopback, and the folder that has its store.
func anotherMachine(t *testing.T) (remote string) {
	t.Helper()
	if out, err := exec.Command("unshare", "--mount", "--map-root-user", "true").CombinedOutput(); err != nil {
		t.Skipf("a second store at the same path needs a mount namespace, and this host allows none: unshare: %v %s", err, out)
	}
	remote = t.TempDir()
	store := os.Getenv("NIX_STORE_DIR")
	if err := errors.Join(os.Mkdir(filepath.Join(remote, "store"), 0o700), os.MkdirAll(store, 0o755)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = exec.Command("chmod", "-R", "u+w", remote).Run() })
	env := append(os.Environ(), "NIX_STATE_DIR="+remote+"/var", "NIX_LOG_DIR="+remote+"/log", "HOME="+remote,
		"NIX_CONFIG="+os.Getenv("NIX_CONFIG")+"\nextra-platforms = "+foreignSystem()+"\ntrusted-users = *")
	script := "#!/bin/sh\n"
	for _, v := range env {
		script += "export " + proc.Quote([]string{v}) + "\n"
	}
	script += `exec unshare --mount --map-root-user sh -c 'mount --bind "$1" "$2" && exec sh -c "$3"' sh ` + proc.Quote([]string{remote + "/store", store}) + ` "$SSH_ORIGINAL_COMMAND"` + "\n"
	session := filepath.Join(t.TempDir(), "session")
	if err := os.WriteFile(session, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	server := sshtest.Start(t)
	server.Set("ForceCommand " + session)
	t.Setenv("NIX_SSHOPTS", "-F "+server.Config)
	return remote
}

// stores reports which of two stores has a path.
func stores(path, remote string) (here, there bool) {
	_, err := os.Lstat(path)
	_, err2 := os.Lstat(filepath.Join(remote, "store", filepath.Base(path)))
	return err == nil, err2 == nil
}

func TestNixosOnAnotherMachine(t *testing.T) {
	hosttool.Rest(t)
	flake, args := realFlake(t)
	t.Setenv("NIX_CONFIG", strings.ReplaceAll(os.Getenv("NIX_CONFIG"), "extra-platforms", "#"))
	remote := anotherMachine(t)
	text, err := os.ReadFile(strings.TrimPrefix(flake, "path:") + "/flake.nix")
	if err != nil {
		t.Fatal(err)
	}
	// The other architecture's image, which this machine does not build.
	foreign := strings.ReplaceAll(string(text), `"`+arch.Host().Name+`-linux"`, `"`+foreignSystem()+`"`)
	for way, flags := range map[string][]string{
		"store":   {"--on", "ssh://nixbuilder"},
		"builder": {"--builders", "ssh-ng://nixbuilder " + foreignSystem() + " - 2 1 kvm"},
	} {
		t.Run(way, func(t *testing.T) {
			// Another name is another derivation.
			if err := os.WriteFile(strings.TrimPrefix(flake, "path:")+"/flake.nix", []byte(strings.ReplaceAll(foreign, "disk-image", "image-by-"+way)), 0o600); err != nil {
				t.Fatal(err)
			}
			build := func(attribute string) (int, string, string) {
				out := filepath.Join(t.TempDir(), "mine.qcow2")
				code, _, stderr := runJSON(t, slices.Concat([]string{"nixos", "--flake", flake + "#packages." + arch.Host().Name + "-linux." + attribute, "--out", out}, args, flags)...)
				return code, out, stderr
			}
			code, out, stderr := build("image")
			if code != exitDone {
				t.Fatalf("exit code %d: %s", code, stderr)
			}
			meta, err := assemble.ReadDescription(out + ".json")
			if err != nil {
				t.Fatal(err)
			}
			built := meta.Guest["output"]
			if here, there := stores(built, remote); !here || !there {
				t.Errorf("%s: here %v, there %v", built, here, there)
			}
			if logs, err := filepath.Glob(remote + "/log/drvs/*/*image-by-" + way + ".drv*"); err != nil || len(logs) != 1 {
				t.Errorf("it was not built there: %q, %v", logs, err)
			}
			code, out, stderr = build("failing")
			if code != exitInstall || !strings.Contains(stderr, "boom") {
				t.Errorf("a failing build: exit code %d: %s", code, stderr)
			}
			if log, err := os.ReadFile(out + ".failed/nix.log"); err != nil || !strings.Contains(string(log), "boom") {
				t.Errorf("%v: %s", err, log)
			}
		})
	}
	t.Run("no machine of that system", func(t *testing.T) {
		if err := os.WriteFile(strings.TrimPrefix(flake, "path:")+"/flake.nix", []byte(strings.ReplaceAll(foreign, foreignSystem(), "riscv64-linux")), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := runJSON(t, slices.Concat([]string{"nixos", "--flake", flake + "#packages." + arch.Host().Name + "-linux.image", "--out", filepath.Join(t.TempDir(), "x.qcow2"), "--on", "ssh://nixbuilder"}, args)...)
		if code != exitHost || !strings.Contains(stderr, "riscv64-linux") || !strings.Contains(stderr, "--on ssh://USER@HOST") {
			t.Errorf("exit code %d: %s", code, stderr)
		}
	})
}
