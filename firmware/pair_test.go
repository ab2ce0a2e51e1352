package firmware

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/hosttool"
)

func TestFindInKnownPlaces(t *testing.T) {
	for _, c := range []struct {
		name       string
		arch       arch.Arch
		secureBoot bool
		files      map[string][]byte
		code, vars string
		smm        bool
	}{
		{"Debian without descriptors", arch.X86_64, false, map[string][]byte{
			"/usr/share/OVMF/OVMF_CODE_4M.fd": x86Code(code4M), "/usr/share/OVMF/OVMF_VARS_4M.fd": varsImage(vars4M),
		}, "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd", false},
		{"Debian 10: only 2 MiB builds", arch.X86_64, false, map[string][]byte{
			"/usr/share/OVMF/OVMF_CODE.fd": x86Code(code2M), "/usr/share/OVMF/OVMF_VARS.fd": varsImage(vars2M),
		}, "/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd", false},
		{"Debian, Secure Boot", arch.X86_64, true, map[string][]byte{
			"/usr/share/OVMF/OVMF_CODE_4M.secboot.fd": x86Code(code4M), "/usr/share/OVMF/OVMF_VARS_4M.ms.fd": varsImage(vars4M, someKeys...),
			"/usr/share/OVMF/OVMF_CODE_4M.fd": x86Code(code4M), "/usr/share/OVMF/OVMF_VARS_4M.fd": varsImage(vars4M),
		}, "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd", true},
		{"Arch", arch.X86_64, false, map[string][]byte{
			"/usr/share/edk2/x64/OVMF_CODE.4m.fd": x86Code(code4M), "/usr/share/edk2/x64/OVMF_VARS.4m.fd": varsImage(vars4M),
		}, "/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd", false},
		{"openSUSE", arch.AArch64, false, map[string][]byte{
			"/usr/share/qemu/aavmf-aarch64-code.bin": armCode(2 << 20), "/usr/share/qemu/aavmf-aarch64-vars.bin": make([]byte, 1<<20),
		}, "/usr/share/qemu/aavmf-aarch64-code.bin", "/usr/share/qemu/aavmf-aarch64-vars.bin", false},
		{"Homebrew on Apple silicon, x86_64", arch.X86_64, false, map[string][]byte{
			"/opt/homebrew/share/qemu/edk2-x86_64-code.fd": x86Code(code4M), "/opt/homebrew/share/qemu/edk2-i386-vars.fd": varsImage(vars4M),
		}, "/opt/homebrew/share/qemu/edk2-x86_64-code.fd", "/opt/homebrew/share/qemu/edk2-i386-vars.fd", false},
		{"Homebrew on Intel, aarch64", arch.AArch64, false, map[string][]byte{
			"/usr/local/share/qemu/edk2-aarch64-code.fd": armCode(2 << 20), "/usr/local/share/qemu/edk2-arm-vars.fd": make([]byte, 1<<20),
		}, "/usr/local/share/qemu/edk2-aarch64-code.fd", "/usr/local/share/qemu/edk2-arm-vars.fd", false},
		{"MacPorts", arch.AArch64, false, map[string][]byte{
			"/opt/local/share/qemu/edk2-aarch64-code.fd": armCode(2 << 20), "/opt/local/share/qemu/edk2-arm-vars.fd": make([]byte, 1<<20),
		}, "/opt/local/share/qemu/edk2-aarch64-code.fd", "/opt/local/share/qemu/edk2-arm-vars.fd", false},
		{"NixOS", arch.AArch64, false, map[string][]byte{
			"/run/libvirt/nix-ovmf/AAVMF_CODE.fd": armCode(2 << 20), "/run/libvirt/nix-ovmf/AAVMF_VARS.fd": varsImage(0xc0000),
		}, "/run/libvirt/nix-ovmf/AAVMF_CODE.fd", "/run/libvirt/nix-ovmf/AAVMF_VARS.fd", false},
		{"Debian's unpadded aarch64 build alone", arch.AArch64, false, map[string][]byte{
			"/usr/share/qemu-efi-aarch64/QEMU_EFI.fd": armCode(2 << 20),
		}, "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := tree(t, c.files)
			p, err := Find(context.Background(), Query{Arch: c.arch.Name, SecureBoot: c.secureBoot, Root: root})
			if err != nil {
				t.Fatal(err)
			}
			vars := ""
			if p.Vars.Path != "" {
				vars = rel(t, root, p.Vars.Path)
			}
			if rel(t, root, p.Code.Path) != c.code || vars != c.vars || p.SMM != c.smm || p.SecureBoot != c.secureBoot {
				t.Errorf("%+v", p)
			}
		})
	}
}

// A QEMU under a prefix of its own brings its firmware along, as in the Nix
// store: the binary that is run is a link into it.
func TestFindBesideBinary(t *testing.T) {
	root := tree(t, map[string][]byte{
		"/nix/store/abc-qemu/bin/qemu-system-aarch64":             nil,
		"/nix/store/abc-qemu/share/qemu/edk2-aarch64-code.fd":     armCode(2 << 20),
		"/nix/store/abc-qemu/share/qemu/edk2-arm-vars.fd":         make([]byte, 1<<20),
		"/nix/store/abc-qemu/share/qemu/firmware/60-aarch64.json": []byte("{"),
	})
	link := filepath.Join(root, "qemu")
	if err := os.Symlink(filepath.Join(root, "/nix/store/abc-qemu/bin/qemu-system-aarch64"), link); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	p, err := Find(context.Background(), Query{Arch: arch.AArch64.Name, Binary: link})
	if err != nil {
		t.Fatal(err)
	}
	// This machine may have firmware in a place that comes before.
	pairs, looked := List(context.Background(), Query{Arch: arch.AArch64.Name, Binary: link})
	found, damaged := false, false
	for _, p := range append(pairs, *p) {
		found = found || strings.HasPrefix(p.Code.Path, filepath.Join(root, "nix"))
	}
	for _, l := range looked {
		damaged = damaged || strings.HasSuffix(l.Path, "60-aarch64.json") && strings.Contains(l.Why, "not a firmware descriptor")
	}
	if !found || !damaged {
		t.Errorf("found beside the binary: %v; damaged descriptor named: %v; %v", found, damaged, looked)
	}
}

func TestMismatchesAreNamed(t *testing.T) {
	files := map[string][]byte{
		"/c4": x86Code(code4M), "/c2": x86Code(code2M), "/v4": varsImage(vars4M), "/v2": varsImage(vars2M), "/k4": varsImage(vars4M, someKeys...),
		"/dead4": varsImage(vars4M, variable{name: "PK", data: []byte("p"), dead: true}),
		"/arm":   armCode(2 << 20), "/big": armCode(65 << 20), "/zero": make([]byte, vars4M), "/text": bytes.Repeat([]byte("hello "), 100_000),
		"/tiny": []byte("x"), "/empty": nil,
		"/combined": append(varsImage(vars4M), x86Code(code4M)...),
	}
	root := tree(t, files)
	at := func(n string) string { return filepath.Join(root, n) }
	for _, c := range []struct {
		arch       arch.Arch
		code, vars string
		secureBoot bool
		want       string // "": it works
	}{
		{arch.X86_64, "c4", "v4", false, ""},
		{arch.X86_64, "c2", "v2", false, ""},
		{arch.AArch64, "arm", "zero", false, ""},
		{arch.AArch64, "arm", "", false, ""},
		{arch.X86_64, "c4", "v2", false, "of another build"},
		{arch.X86_64, "v4", "c4", false, "holds variables, not code"},
		{arch.X86_64, "c4", "c4", false, "hold code"},
		{arch.X86_64, "arm", "v4", false, "is firmware for aarch64, not for x86_64"},
		{arch.AArch64, "c4", "v4", false, "is firmware for x86_64, not for aarch64"},
		{arch.AArch64, "big", "", false, "more than the 64 MiB"},
		{arch.X86_64, "c4", "zero", false, "are blank"},
		{arch.X86_64, "zero", "v4", false, "is blank"},
		{arch.X86_64, "c4", "text", false, "hold no variable store"},
		{arch.X86_64, "c4", "", false, "give CODE:VARS"},
		{arch.X86_64, "combined", "", false, "in one file"},
		{arch.X86_64, "tiny", "v4", false, "too few"},
		{arch.X86_64, "empty", "v4", false, "is empty"},
		{arch.X86_64, "missing", "v4", false, "no such file"},
		{arch.X86_64, "c4", "v4", true, "no Secure Boot keys"},
		{arch.X86_64, "c4", "k4", true, "nothing says that the code enforces them"},
		{arch.X86_64, "c4", "dead4", true, "no Secure Boot keys"},
	} {
		names := at(c.code)
		if c.vars != "" {
			names += ":" + at(c.vars)
		}
		_, err := Find(context.Background(), Query{Arch: c.arch.Name, SecureBoot: c.secureBoot, Explicit: names})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s with %s: %v", c.code, c.vars, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) && !(c.code == "missing" && errors.Is(err, os.ErrNotExist))):
			t.Errorf("%s with %s for %s: %v, want %q", c.code, c.vars, c.arch.Name, err, c.want)
		}
	}
}

func TestCompanionIsFound(t *testing.T) {
	root := tree(t, map[string][]byte{
		"/d/OVMF_CODE_4M.secboot.fd": x86Code(code4M), "/d/OVMF_VARS_4M.ms.fd": varsImage(vars4M, someKeys...), "/d/OVMF_VARS_4M.fd": varsImage(vars4M),
		"/q/edk2-x86_64-code.fd": x86Code(code4M), "/q/edk2-i386-vars.fd": varsImage(vars4M),
		"/m/OVMF_CODE.fd": x86Code(code4M), "/m/OVMF_VARS.fd": varsImage(vars2M), // does not fit
	})
	for _, c := range []struct {
		code       string
		secureBoot bool
		vars       string
	}{
		{"/d/OVMF_CODE_4M.secboot.fd", true, "/d/OVMF_VARS_4M.ms.fd"},
		{"/d/OVMF_CODE_4M.secboot.fd", false, "/d/OVMF_VARS_4M.fd"},
		{"/q/edk2-x86_64-code.fd", false, "/q/edk2-i386-vars.fd"},
		{"/m/OVMF_CODE.fd", false, ""},
	} {
		p, err := Find(context.Background(), Query{Arch: arch.X86_64.Name, SecureBoot: c.secureBoot, Explicit: filepath.Join(root, c.code)})
		if c.vars == "" {
			if err == nil {
				t.Errorf("%s: got %+v", c.code, p)
			}
			continue
		}
		if err != nil || rel(t, root, p.Vars.Path) != c.vars || p.SecureBoot != c.secureBoot {
			t.Errorf("%s, Secure Boot %v: %+v, %v", c.code, c.secureBoot, p, err)
		}
	}
}

func TestOverridingVariables(t *testing.T) {
	root := tree(t, map[string][]byte{"/c": x86Code(code4M), "/v": varsImage(vars4M), "/a": armCode(2 << 20)})
	pair := filepath.Join(root, "c") + ":" + filepath.Join(root, "v")
	for _, c := range []struct {
		name, value string
		arch        arch.Arch
	}{
		{"QEMU_FIRMWARE_X86_64", pair, arch.X86_64},
		{"QEMU_FIRMWARE", pair, arch.X86_64},
		{"QEMU_EFI_AARCH64", filepath.Join(root, "a"), arch.AArch64},
		{"QEMU_FIRMWARE_AARCH64", filepath.Join(root, "a"), arch.AArch64},
	} {
		q := Query{Arch: c.arch.Name, Root: t.TempDir(), Getenv: func(n string) string { return map[string]string{c.name: c.value}[n] }}
		p, err := Find(context.Background(), q)
		if err != nil || p.Source != c.name {
			t.Errorf("%s: %+v, %v", c.name, p, err)
		}
	}
	// A variable that names nothing is an error, not a reason to look elsewhere.
	q := Query{Arch: arch.X86_64.Name, Root: debian(t), Getenv: func(n string) string { return map[string]string{"QEMU_FIRMWARE_X86_64": "/nowhere"}[n] }}
	if _, err := Find(context.Background(), q); err == nil || !strings.Contains(err.Error(), "QEMU_FIRMWARE_X86_64") {
		t.Error(err)
	}
}

func TestSplitNames(t *testing.T) {
	for in, want := range map[string][2]string{
		"a":                   {"a", ""},
		"a:b":                 {"a", "b"},
		"/x/a.fd:/x/b.fd":     {"/x/a.fd", "/x/b.fd"},
		`C:\x\a.fd:D:\x\b.fd`: {`C:\x\a.fd`, `D:\x\b.fd`},
		`C:\x\a.fd`:           {`C:\x\a.fd`, ""},
		`c:/x/a.fd:c:/x/b.fd`: {"c:/x/a.fd", "c:/x/b.fd"},
		"a:":                  {"a", ""},
		":b":                  {"", "b"},
	} {
		if c, v := SplitNames(in); c != want[0] || v != want[1] {
			t.Errorf("%q: %q, %q", in, c, v)
		}
	}
}

func TestPrepare(t *testing.T) {
	root := tree(t, map[string][]byte{
		"/c": x86Code(code4M), "/v": varsImage(vars4M, someKeys...), "/a": armCode(2 << 20), "/av": varsImage(0xc0000, someKeys...),
	})
	at := func(n string) string { return filepath.Join(root, n) }
	for _, c := range []struct {
		arch               arch.Arch
		names              string
		codeSize, varsSize int64
		ownCode            bool
	}{
		{arch.X86_64, at("c") + ":" + at("v"), code4M, vars4M, true},
		{arch.AArch64, at("a") + ":" + at("av"), 64 << 20, 64 << 20, false},
		{arch.AArch64, at("a"), 64 << 20, 64 << 20, false},
	} {
		p, err := Find(context.Background(), Query{Arch: c.arch.Name, Explicit: c.names})
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		code, vars, err := Prepare(p, dir)
		if err != nil {
			t.Fatal(err)
		}
		if code.SizeBytes != c.codeSize || vars.SizeBytes != c.varsSize || vars.Format != Raw || (code.Path == p.Code.Path) != c.ownCode {
			t.Errorf("%s: code %+v, vars %+v", c.names, code, vars)
		}
		for _, f := range []struct{ made, of File }{{code, p.Code}, {vars, p.Vars}} {
			b, err := os.ReadFile(f.made.Path)
			if err != nil || int64(len(b)) != f.made.SizeBytes {
				t.Fatalf("%d bytes, %v; want %d", len(b), err, f.made.SizeBytes)
			}
			var want []byte
			if f.of.Path != "" {
				if want, err = os.ReadFile(f.of.Path); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(b[:len(want)], want) || len(bytes.Trim(b[len(want):], "\x00")) != 0 {
				t.Errorf("%s is not %s and zeros", f.made.Path, f.of.Path)
			}
		}
		st, err := os.Stat(vars.Path)
		if err != nil {
			t.Fatal(err)
		}
		if st.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
			t.Errorf("the variables can be read by others: %v", st.Mode())
		}
	}
}

// qemuImg makes a qcow2 of a raw file with QEMU's own tool.
func qemuImg(t *testing.T, raw string, options ...string) string {
	t.Helper()
	hosttool.Find(t, "qemu-img", "qemu-utils")
	out := raw + ".qcow2"
	args := append(append([]string{"convert", "-O", "qcow2"}, options...), raw, out)
	if msg, err := exec.Command("qemu-img", args...).CombinedOutput(); err != nil {
		t.Fatalf("qemu-img: %v: %s", err, msg)
	}
	return out
}

func TestQcow2Firmware(t *testing.T) {
	root := tree(t, map[string][]byte{"/c": x86Code(code4M), "/v": varsImage(vars4M, someKeys...), "/a": armCode(64 << 20), "/av": varsImage(0xc0000)})
	for _, options := range [][]string{nil, {"-c"}, {"-o", "compat=0.10"}, {"-o", "cluster_size=4k"}} {
		code := qemuImg(t, filepath.Join(root, "c"), options...)
		vars := qemuImg(t, filepath.Join(root, "v"), options...)
		p, err := Find(context.Background(), Query{Arch: arch.X86_64.Name, Explicit: code + ":" + vars})
		if err != nil {
			t.Fatalf("%v: %v", options, err)
		}
		if p.Code.Format != Qcow2 || p.Code.SizeBytes != code4M {
			t.Errorf("%v: %+v", options, p)
		}
		got, prepared, err := Prepare(p, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		// QEMU reads the code as it is; the variables must be a raw copy.
		if got != p.Code || prepared.Format != Raw {
			t.Errorf("%v: %+v, %+v", options, got, prepared)
		}
		b, err := os.ReadFile(prepared.Path)
		if err != nil || !bytes.Equal(b, varsImage(vars4M, someKeys...)) {
			t.Errorf("%v: the copy differs from what went into the qcow2: %v", options, err)
		}
	}
	// Smaller than virt's flash: becomes a padded raw file.
	vars := qemuImg(t, filepath.Join(root, "av"))
	p, err := Find(context.Background(), Query{Arch: arch.AArch64.Name, Explicit: qemuImg(t, filepath.Join(root, "a")) + ":" + vars})
	if err != nil {
		t.Fatal(err)
	}
	code, v, err := Prepare(p, t.TempDir())
	if err != nil || code.Format != Qcow2 || code.SizeBytes != 64<<20 || v.SizeBytes != 64<<20 {
		t.Errorf("%+v, %+v, %v", code, v, err)
	}
}

// An image that names another file as its backing must not make us read it.
func TestQcow2WithBackingFileIsRefused(t *testing.T) {
	root := tree(t, map[string][]byte{"/secret": bytes.Repeat([]byte("secret"), 1<<18)})
	hosttool.Find(t, "qemu-img", "qemu-utils")
	img := filepath.Join(root, "x.fd")
	if msg, err := exec.Command("qemu-img", "create", "-f", "qcow2", "-F", "raw", "-b", filepath.Join(root, "secret"), img).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, msg)
	}
	if _, err := Find(context.Background(), Query{Arch: arch.X86_64.Name, Explicit: img}); err == nil || !strings.Contains(err.Error(), "backing file") {
		t.Error(err)
	}
}
