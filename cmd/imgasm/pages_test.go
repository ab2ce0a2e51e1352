package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What fails before a first step has a page too, with the reason and what to do.
// Nothing is put in the place of what is no page.
func TestPageBeforeFirstStep(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	fakeInstaller(t, "installer.iso")
	for name, text := range map[string]string{"bad.iso": "x", "theirs.html": "<html>"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cache := t.TempDir()
	for line, want := range map[string]string{
		"alma --iso bad.iso --report checked.html":                               "not an ISO 9660 image",
		"alma --memory much --report flag.html":                                  "What to do:</b> such as --memory 4G",
		"alma --arch x86_64 --iso installer.iso --qemu /none --report qemu.html": "there is no program /none",
		"rehearse none --report usage.html":                                      "",
		"alma --iso bad.iso --dry-run --report dry.html":                         "",
		"alma --iso bad.iso --report theirs.html":                                "<html>",
		"alma --offline --iso https://a:s3cret@127.0.0.1:1/x.iso --report pages": "alma.qcow2",
		"nixos --out x.raw --assemble --free much --report pages":                "much",
		"verify bad.iso --report pages":                                          "are no disk",
	} {
		var stdout, stderr bytes.Buffer
		args := strings.Fields("imgasm " + line)
		code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, func(name string) string {
			if name == "IMGASM_CACHE" {
				return cache
			}
			return os.Getenv(name)
		})
		place := args[len(args)-1]
		for i, a := range args {
			if a == "--report" {
				place = args[i+1]
			}
		}
		if place == "pages" {
			place = filepath.Join(place, map[string]string{"alma": "alma.qcow2", "nixos": "x.raw", "verify": "bad.iso"}[args[1]]+".html")
		}
		page, err := os.ReadFile(place)
		if code == exitDone || (err == nil) != (want != "") || !strings.Contains(string(page), want) || strings.Contains(string(page), "s3cret") {
			t.Errorf("%s: exit code %d, %v\n%s%s", line, code, err, &stderr, page)
		}
	}
	if index, err := os.ReadFile("pages/index.html"); err != nil || strings.Count(string(index), `href="./`) != 3 {
		t.Errorf("%v\n%s", err, index)
	}
}
