package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/pgp/pgptest"
)

// session runs imgasm in this process with an environment of its own.
type session struct {
	t   *testing.T
	env map[string]string
}

func (s session) run(args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), append([]string{"imgasm"}, args...), strings.NewReader(""), &out, &errs, func(n string) string { return s.env[n] })
	return code, out.String(), errs.String()
}

// signedMirror serves one ISO with a CHECKSUM, and returns its address and the keyring's path.
func signedMirror(t *testing.T, iso []byte) (address, keyring string) {
	t.Helper()
	made := time.Now().Add(-time.Hour)
	key := pgptest.New(t, made, 0)
	sum := sha256.Sum256(iso)
	name := "AlmaLinux-10.2-x86_64-boot.iso"
	checksum := key.Sign(t, fmt.Sprintf("# %s: %d bytes\nSHA256 (%s) = %s\n", name, len(iso), name, hex.EncodeToString(sum[:])), time.Now(), 0)
	keyring = filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyring, key.Public, 0o644); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch filepath.Base(r.URL.Path) {
		case "CHECKSUM":
			w.Write(checksum)
		case name:
			http.ServeContent(w, r, "", made, bytes.NewReader(iso))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, keyring
}

// cleanCaches tries imgasm cache on a cache with a whole ISO, which it removes in
// the end.
func (s session) cleanCaches(iso string) {
	s.t.Helper()
	dir := s.env["IMGASM_CACHE"]
	write := func(name, text string, age time.Duration) string {
		path := filepath.Join(dir, name)
		at := time.Now().Add(-age)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644), os.Chtimes(path, at, at), os.Chtimes(filepath.Dir(path), at, at)); err != nil {
			s.t.Fatal(err)
		}
		return path
	}
	old, young := write("rehearsal/old.iso", "old", 48*time.Hour), write("rehearsal/young.iso", "young", 0)
	lock, job := write("rehearsal/lock-amd64", "", 48*time.Hour), write("remote/jobs/1/out/alma.qcow2", "somebody's image", 48*time.Hour)
	tree := filepath.Dir(write("firmware/edk2/OVMF.fd", "code", 48*time.Hour))
	try := func(code int, stdout, stderr string, args ...string) {
		s.t.Helper()
		if got, out, errs := s.run(append([]string{"cache"}, args...)...); got != code || !strings.Contains(out, stdout) || !strings.Contains(errs, stderr) {
			s.t.Errorf("cache %v: %d\n%s%s", args, got, out, errs)
		}
	}
	gone := func(path string, want bool) {
		s.t.Helper()
		if _, err := os.Stat(path); os.IsNotExist(err) != want {
			s.t.Errorf("%s is gone: %v, want %v", path, !want, want)
		}
	}
	try(0, dir+"\n", "", "dir")
	try(0, "installer ISOs: imgasm source list", "", "list")
	try(exitInput, "", "the caches are firmware, iso,", "clean", "isos")
	try(0, "", "nothing to remove", "clean") // nothing is partial
	try(0, iso, "would remove 488.3 KiB", "clean", "--all", "--dry-run", "iso")
	held := flock.New(lock)
	if ok, err := held.TryLock(); !ok || err != nil {
		s.t.Fatal(ok, err)
	}
	try(0, "", "rehearsal is left as it is: another imgasm works in it", "clean", "--all", "rehearsal")
	try(exitInput, "", "--older-than: a time cannot be negative", "clean", "--all", "--older-than", "-24h")
	held.Unlock()
	try(0, old, "removed 3 B", "clean", "--all", "--older-than", "24h", "rehearsal")
	gone(old, true)
	gone(young, false)
	try(0, `"path":"`+iso+`"`, "", "clean", "--all", "--json")
	for path, want := range map[string]bool{iso: true, young: true, tree: true, job: false, lock: false} {
		gone(path, want)
	}
}

func TestSourceCommands(t *testing.T) {
	iso := bytes.Repeat([]byte("installer "), 50_000)
	mirror, keyring := signedMirror(t, iso)
	s := session{t, map[string]string{"IMGASM_CACHE": t.TempDir()}}
	from := []string{"--mirror", mirror, "--keyring", keyring, "--arch", "x86_64"}

	// An empty cache: said on stderr, and a list without elements.
	for verb, says := range map[string]string{"list": "imgasm source fetch downloads one", "verify": "no whole ISO"} {
		if code, out, errs := s.run("source", verb); code != 0 || out != "" || !strings.Contains(errs, says) {
			t.Errorf("%s of an empty cache: %d\n%s%s", verb, code, out, errs)
		}
	}
	for _, verb := range [][]string{{"source", "list"}, {"cache", "list"}, {"cache", "clean"}} {
		if code, out, errs := s.run(append(verb, "--json")...); code != 0 || out != "[]\n" || errs != "" {
			t.Errorf("%s --json of an empty cache: %d\n%s%s", verb, code, out, errs)
		}
	}
	code, out, errs := s.run(append([]string{"source", "list", "--available"}, from...)...)
	if code != 0 || !strings.HasPrefix(out, "AlmaLinux-10.2-x86_64-boot.iso  488.3 KiB  ") {
		t.Errorf("list --available: %d\n%s%s", code, out, errs)
	}
	code, out, errs = s.run(append([]string{"source", "fetch"}, from...)...)
	path := strings.TrimSuffix(out, "\n")
	if b, err := os.ReadFile(path); code != 0 || err != nil || !bytes.Equal(b, iso) || !strings.Contains(errs, "verified by the key of test mirror") {
		t.Fatalf("fetch: %d %v\n%s%s", code, err, out, errs)
	}
	code, out, errs = s.run(append([]string{"source", "fetch", "--json"}, from...)...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var last event.Event
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); code != 0 || err != nil || last.Kind != event.Result || last.Path != path {
		t.Errorf("fetch --json: %d %v\n%s%s", code, err, out, errs)
	}
	code, out, _ = s.run("source", "list")
	if code != 0 || !strings.Contains(out, path) || !strings.Contains(out, "whole, signed by test mirror") {
		t.Errorf("list: %d\n%s", code, out)
	}
	if code, out, errs = s.run("source", "verify"); code != 0 || !strings.Contains(errs, "has its hash") {
		t.Errorf("verify: %d\n%s%s", code, out, errs)
	}
	own := filepath.Join(t.TempDir(), filepath.Base(path))
	if err := os.WriteFile(own, iso[1:], 0o644); err != nil {
		t.Fatal(err)
	}
	if code, out, errs = s.run("source", "verify", own, "--mirror", mirror, "--keyring", keyring); code != exitInput || !strings.Contains(errs, "has SHA-256") {
		t.Errorf("verify of a damaged file: %d\n%s%s", code, out, errs)
	}
	// What fails is said once, and not called done.
	if code, out, errs = s.run("source", "verify", own+".none"); code != exitInput || strings.Contains(errs, "done") || strings.Count(errs, "imgasm: error:") != 1 {
		t.Errorf("verify of a missing file: %d\n%s%s", code, out, errs)
	}
	var items []map[string]any
	if code, out, _ = s.run("source", "list", "--json"); code != 0 || json.Unmarshal([]byte(out), &items) != nil || len(items) != 1 || items[0]["path"] != path {
		t.Errorf("list --json: %d\n%s", code, out)
	}
	installer := filepath.Join(t.TempDir(), "installer.iso")
	fakeInstaller(t, installer)
	if code, out, errs = s.run("source", "inspect", installer, "--json"); code != 0 || !strings.Contains(out, `"arch":"x86_64"`) || !strings.Contains(out, `"packages":true`) || !strings.Contains(out, `"kernel":"images/pxeboot/vmlinuz"`) {
		t.Errorf("inspect --json: %d\n%s%s", code, out, errs)
	}
	for _, missing := range [][]string{{"source", "inspect", own + ".none"}, {"source", "inspect", t.TempDir()}, {"firmware", "extract", own + ".none"}, {"firmware", "show", "--firmware", own + ".none"}} {
		if code, _, errs := s.run(missing...); code != exitInput || !strings.Contains(errs, "imgasm: hint:") {
			t.Errorf("%v: %d\n%s", missing, code, errs)
		}
	}
	if code, _, errs = s.run("source", "inspect", own); code != exitInput || !strings.Contains(errs, "ISO 9660") {
		t.Errorf("inspect of what is no ISO: %d\n%s", code, errs)
	}
	s.cleanCaches(path)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
	// Without the keyring nothing is trusted, and nothing downloaded.
	code, out, errs = s.run("source", "fetch", "--mirror", mirror)
	if code != exitInput || out != "" || !strings.Contains(errs, "not trusted") || !strings.Contains(errs, "imgasm: hint:") {
		t.Errorf("untrusted key: %d\n%s%s", code, out, errs)
	}
	if code, _, errs = s.run("source", "fetch", "--offline", "--version", "10.1"); code != exitHost || !strings.Contains(errs, "imgasm: error: --offline: ") {
		t.Errorf("offline: %d\n%s", code, errs)
	}
	if code, _, errs = s.run("source", "fetch", "--version", "9"); code != exitInput || !strings.Contains(errs, "give its ISO: URL") {
		t.Errorf("version 9: %d\n%s", code, errs)
	}
	for _, wrong := range [][]string{{"source", "fetch", "a", "b"}, {"source", "verify", "--checksum", "x"}, {"source", "inspect"}, {"source", "list", "x"}, {"source", "bogus"}} {
		if code, _, errs := s.run(wrong...); code != exitUsage {
			t.Errorf("%v: %d\n%s", wrong, code, errs)
		}
	}
}

// imgasm alma trusts and asks whom imgasm source does.
func TestAlmaSource(t *testing.T) {
	mirror, keyring := signedMirror(t, []byte("an installer"))
	gone := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(gone.Close)
	junk := filepath.Join(t.TempDir(), "junk")
	if err := os.WriteFile(junk, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := session{t, map[string]string{"IMGASM_CACHE": t.TempDir()}}
	alma := []string{"alma", "--dry-run", "--arch", "x86_64", "--out", filepath.Join(t.TempDir(), "a.qcow2"), "--version", "10.2"}
	for _, c := range []struct {
		flags   []string
		code    int
		out, in string // in stdout, in stderr
	}{
		{[]string{"--mirror", mirror, "--keyring", keyring}, 0, "AlmaLinux-10.2-x86_64-boot.iso\nfrom         " + mirror, ""},
		{[]string{"--mirror", gone.URL, "--vault", mirror, "--keyring", keyring}, 0, mirror + "/10.2/isos/x86_64/", ""},
		{[]string{"--mirror", mirror}, exitInput, "", "not trusted"},
		{[]string{"--mirror", mirror, "--keyring", junk}, exitInput, "", "--keyring: "},
		{[]string{"--mirror", mirror, "--keyring", junk + ".none"}, exitInput, "", "--keyring: "},
	} {
		code, out, errs := s.run(append(alma, c.flags...)...)
		if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errs, c.in) {
			t.Errorf("%v: %d, want %d\n%s%s", c.flags, code, c.code, out, errs)
		}
		if code != 0 && !strings.Contains(errs, "imgasm: hint: ") {
			t.Errorf("%v: no hint: %s", c.flags, errs)
		}
	}
}

func TestFirmwareCommands(t *testing.T) {
	dir := t.TempDir()
	code, vars := filepath.Join(dir, "CODE.fd"), filepath.Join(dir, "VARS.fd")
	// The least that is known for AArch64 code: a terse image's mark.
	if err := os.WriteFile(code, append(make([]byte, 4096), append([]byte{'V', 'Z', 0x64, 0xaa}, make([]byte, 2<<20-4100)...)...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vars, make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	s := session{t, map[string]string{"IMGASM_CACHE": t.TempDir(), "QEMU_FIRMWARE_AARCH64": code + ":" + vars}}
	rc, out, errs := s.run("firmware", "show", "--arch", "aarch64")
	if rc != 0 || !strings.Contains(out, "QEMU_FIRMWARE_AARCH64") || !strings.Contains(out, "raw, 2.0 MiB, SHA-256 ") {
		t.Errorf("show: %d\n%s%s", rc, out, errs)
	}
	rc, out, errs = s.run("firmware", "list", "--arch", "aarch64", "--json", "--places")
	first, _, _ := strings.Cut(out, "\n")
	if rc != 0 || !strings.Contains(first, `"source":"QEMU_FIRMWARE_AARCH64"`) || !strings.Contains(errs, "/opt/homebrew/share/qemu") {
		t.Errorf("list: %d\n%s%s", rc, out, errs)
	}
	if rc, _, errs = s.run("firmware", "show", "--arch", "aarch64", "--firmware", vars); rc == 0 || !strings.Contains(errs, "is blank") {
		t.Errorf("blank code: %d\n%s", rc, errs)
	}
	if rc, _, errs = s.run("firmware", "extract", vars); rc == 0 || !strings.Contains(errs, "not an RPM package") {
		t.Errorf("extract of what is no package: %d\n%s", rc, errs)
	}
	for _, wrong := range [][]string{{"firmware", "show", "x"}, {"firmware", "extract"}, {"firmware", "bogus"}} {
		if rc, _, errs := s.run(wrong...); rc != exitUsage {
			t.Errorf("%v: %d\n%s", wrong, rc, errs)
		}
	}
	if rc, _, errs := s.run("firmware", "list", "--arch", "sparc"); rc != exitInput {
		t.Errorf("an architecture that is none: %d\n%s", rc, errs)
	}
}
