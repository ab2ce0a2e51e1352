//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/imgasm/imgasm/qemu/qemutest"
)

// What strangers write into ISOs, firmware descriptors, servers' answers,
// consoles and kickstarts never commands the terminal, nor speaks as imgasm.
func TestNothingCommandsTheTerminal(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	const label, disc, ours = "\x1b]0;t\x07\n\u009b\u202eimgasm: h:", "\x1b[2J\u202e\x07evil 1", "imgasm: hint: rm -rf"

	fakeInstaller(t, path("evil.iso"))
	b, err := os.ReadFile(path("evil.iso"))
	if err != nil {
		t.Fatal(err)
	}
	const wasLabel, wasDisc = "AlmaLinux-10-1-x86_64-dvd", "AlmaLinux 10.1"
	b = bytes.ReplaceAll(b, []byte(wasLabel), []byte(label + strings.Repeat(" ", len(wasLabel)))[:len(wasLabel)])
	b = bytes.ReplaceAll(b, []byte(wasDisc), []byte(disc + strings.Repeat(" ", len(wasDisc)))[:len(wasDisc)])
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path(name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("evil.iso", b)
	write("code.fd", bytes.Repeat([]byte("firmware"), 1000))
	write("vars.fd", make([]byte, 8000))
	descriptor, err := json.Marshal(map[string]any{
		"description": label + ours, "interface-types": []string{"uefi"},
		"mapping": map[string]any{"device": "flash", "executable": map[string]string{"filename": path("code.fd"), "format": "raw"}, "nvram-template": map[string]string{"filename": path("vars.fd"), "format": "raw"}},
		"targets": []any{map[string]any{"architecture": "aarch64", "machines": []string{"virt-*"}}}, "features": []string{},
	})
	if err != nil {
		t.Fatal(err)
	}
	write("config/qemu/firmware/00-evil.json", descriptor)
	write("config/qemu/firmware/01-\x1b]0;x\x07.json", []byte("{"))
	write("serial.log", []byte("[    0.000000] Linux version 6.12 \x1b]0;t\x07\u202e\r\n[    1.500000] Kernel panic - not syncing: \x1b]52;c;eA==\x07 \u202e x\r\n"+label+"\r\n"))
	write("evil.ks", []byte("text\nfoo\x1b]0;x\x07 \u202e\nrootpw --\u009bx y\n"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		conn.Write([]byte("HTTP/1.1 403 \x1b]0;title\x07 \u202e " + ours + "\r\nContent-Length: 0\r\n\r\n"))
	}))
	defer server.Close()

	s := session{t, map[string]string{"IMGASM_CACHE": path("cache"), "XDG_CONFIG_HOME": path("config"), "PATH": os.Getenv("PATH")}}
	qemu := qemutest.Executable(t, qemutest.Script{})
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"source", "inspect", path("evil.iso")}, exitDone, `label         \u001b]0;t\u0007\u000a`},
		{[]string{"alma", "--dry-run", "--arch", "x86_64", "--iso", path("evil.iso"), "--out", path("o.qcow2"), "--firmware", "bios", "--accel", "tcg", "--qemu", qemu}, exitDone, `\u001b`},
		{[]string{"source", "fetch", server.URL + "/x.iso", "--checksum", strings.Repeat("0", 64)}, exitHost, "403 Forbidden"},
		{[]string{"firmware", "extract", server.URL + "/x.rpm"}, exitHost, "403 Forbidden"},
		{[]string{"firmware", "show", "--arch", "aarch64"}, exitDone, `description   \u001b]0;t\u0007\u000a`},
		{[]string{"firmware", "list", "--arch", "aarch64", "--places"}, exitDone, "01-"},
		{[]string{"replay", path("serial.log")}, exitDone, "panic"},
		{[]string{"replay", path("serial.log"), "--verbose"}, exitDone, "panic"},
		{[]string{"kickstart", "lint", path("evil.ks")}, exitInput, "unknown"},
		{[]string{"kickstart", "lint", "\x1b]0;x\x07\n" + ours}, exitInput, "no such file"},
		{[]string{"\x1b]0;x\x07\n" + ours}, exitUsage, "command"},
		{[]string{"source", "list", "--\x1b]0;x\x07\n" + ours}, exitUsage, "flag"},
	} {
		code, out, errs := s.run(c.args...)
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%q: exit code %d, want %d and %q\n%q\n%q", c.args, code, c.code, c.says, out, errs)
		}
		for _, text := range []string{out, errs} {
			for _, r := range text {
				if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
					t.Errorf("%q: %q reaches the terminal: %q", c.args, r, text)
					break
				}
			}
			if strings.Contains("\n"+text, "\n"+ours) {
				t.Errorf("%q: a stranger speaks as imgasm:\n%s", c.args, text)
			}
		}
	}
}
