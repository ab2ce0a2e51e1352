package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/cmd/imgasm/ui"
)

// completionHome is a folder with what is completed, and an imgasm that writes
// down how it is called.
func completionHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"bin/imgasm": "#!/bin/sh\ncase $1 in complete | completion) exec " + home + "/real/imgasm \"$@\" ;; esac\n" +
			"printf '%s\\n' \"$@\" >" + home + "/new && mv " + home + "/new " + home + "/ran\n",
		"ks.cfg": "", "keys.txt": "", "disk.qcow2": "", "disk.txt": "", "my disk.qcow2": "", "sub/installer.iso": "", "sub/index.html": "",
		".ssh/id": "", ".ssh/id.pub": "", ".ssh/config": "Host builder *.example\n", ".ssh/known_hosts": "[arm]:2222,192.0.2.1 ssh-ed25519 AAAA\n|1|a|b ssh-ed25519 AAAA\n",
		"imgasm.yaml": "images:\n  web:\n    kind: rehearse\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(home, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(home, "real"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(home, "real/imgasm")); err != nil {
		t.Fatal(err)
	}
	return home
}

// What may follow, as the scripts are told.
func TestCompleted(t *testing.T) {
	home := completionHome(t)
	t.Chdir(home)
	a := &app{Streams: &ui.Streams{}, getenv: func(name string) string { return map[string]string{"HOME": home, "XDG_STATE_HOME": home}[name] }}
	for line, want := range map[string]string{
		"imgasm":                           "",
		"imgasm sup":                       "", // hidden
		"imgasm scr":                       "screenshot",
		"imgasm kickstart ":                "lint fmt render explain lsp",
		"imgasm help kickstart f":          "fmt",
		"imgasm --vers":                    "--version",
		"imgasm alma --lock":               "--lock-root --lock --locked --lock-file",
		"imgasm alma --nothing ":           "",
		"imgasm alma --arch=x":             "--arch=x86_64",
		"imgasm alma --firmware bi":        "bios bin/",
		"imgasm alma --user ":              "",
		"imgasm alma ":                     "",
		"imgasm alma --ssh-key .ssh/":      ".ssh/id.pub",
		"imgasm alma --keyring ~/.ssh/id":  "~/.ssh/id ~/.ssh/id.pub",
		"imgasm nixos --on ":               "ssh://192.0.2.1 ssh://arm ssh://builder",
		"imgasm ssh alma -- ls ":           "",
		"imgasm build -f none.yaml ":       "",
		"imgasm build -f imgasm.yaml ":     "web",
		"imgasm kickstart lint ks.cfg k":   "ks.cfg",
		"imgasm media usb --iso sub/ind":   "sub/index.html", // nothing ends as it should
		"imgasm build --report s":          "sub/",
		"imgasm verify disk.qcow2 --skip ": strings.Join(checkNames(), " "),
	} {
		var got []string
		for _, one := range a.completed(context.Background(), strings.Split(line, " ")) {
			got = append(got, one.value)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func checkNames() (names []string) {
	for _, c := range checks() {
		names = append(names, c.value)
	}
	return names
}
