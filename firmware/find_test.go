package firmware

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/arch"
)

func rel(t *testing.T, root, path string) string {
	t.Helper()
	r, err := filepath.Rel(root, path)
	if err != nil {
		t.Fatal(err)
	}
	return "/" + filepath.ToSlash(r)
}

// debian is Debian 12's layout, its missing AAVMF_CODE.secboot.fd included.
func debian(t *testing.T) string {
	root := tree(t, map[string][]byte{
		"/usr/share/OVMF/OVMF_CODE_4M.fd":         x86Code(code4M),
		"/usr/share/OVMF/OVMF_CODE_4M.secboot.fd": x86Code(code4M),
		"/usr/share/OVMF/OVMF_VARS_4M.fd":         varsImage(vars4M),
		"/usr/share/OVMF/OVMF_VARS_4M.ms.fd":      varsImage(vars4M, someKeys...),
		"/usr/share/AAVMF/AAVMF_CODE.fd":          armCode(2 << 20),
		"/usr/share/AAVMF/AAVMF_VARS.fd":          make([]byte, 1<<20),
		"/usr/share/AAVMF/AAVMF_VARS.ms.fd":       varsImage(0xc0000, someKeys...),
		"/usr/share/qemu/firmware/40-x.json": describe(t, "x86_64", "pc-q35-*", "/usr/share/OVMF/OVMF_CODE_4M.ms.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd",
			"secure-boot", "enrolled-keys", "requires-smm"),
		"/usr/share/qemu/firmware/50-x.json": describe(t, "x86_64", "pc-q35-*", "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd", "secure-boot", "requires-smm"),
		"/usr/share/qemu/firmware/60-x.json": describe(t, "x86_64", "pc-q35-*", "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
		"/usr/share/qemu/firmware/40-a.json": describe(t, "aarch64", "virt-*", "/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.ms.fd", "secure-boot", "enrolled-keys"),
		"/usr/share/qemu/firmware/50-a.json": describe(t, "aarch64", "virt-*", "/usr/share/AAVMF/AAVMF_CODE.secboot.fd", "/usr/share/AAVMF/AAVMF_VARS.fd", "secure-boot"),
		"/usr/share/qemu/firmware/60-a.json": describe(t, "aarch64", "virt-*", "/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"),
	})
	if err := os.Symlink("OVMF_CODE_4M.secboot.fd", filepath.Join(root, "/usr/share/OVMF/OVMF_CODE_4M.ms.fd")); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	return root
}

func TestFindByDescriptor(t *testing.T) {
	root := debian(t)
	for _, c := range []struct {
		arch       arch.Arch
		secureBoot bool
		code, vars string
		smm        bool
	}{
		{arch.X86_64, false, "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd", false},
		{arch.X86_64, true, "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd", true},
		{arch.AArch64, false, "/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd", false},
		{arch.AArch64, true, "/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.ms.fd", false},
	} {
		p, err := Find(context.Background(), Query{Arch: c.arch.Name, SecureBoot: c.secureBoot, Root: root})
		if err != nil {
			t.Errorf("%s, Secure Boot %v: %v", c.arch.Name, c.secureBoot, err)
			continue
		}
		if rel(t, root, p.Code.Path) != c.code || rel(t, root, p.Vars.Path) != c.vars || p.SMM != c.smm || p.SecureBoot != c.secureBoot {
			t.Errorf("%s, Secure Boot %v: %+v", c.arch.Name, c.secureBoot, p)
		}
	}
}

func TestDescriptorOrder(t *testing.T) {
	files := map[string][]byte{"/home/u/.config/qemu/firmware/60-own.json": {}}
	for _, n := range []string{"a", "b", "c"} {
		files["/fw/"+n+".fd"] = x86Code(code4M)
	}
	files["/fw/v.fd"] = varsImage(vars4M)
	d := func(code string) []byte { return describe(t, "x86_64", "pc-q35-*", "/fw/"+code+".fd", "/fw/v.fd") }
	files["/usr/share/qemu/firmware/50-distro.json"] = d("a")
	files["/usr/share/qemu/firmware/60-own.json"] = d("b")
	files["/usr/share/qemu/firmware/70-last.json"] = d("c")
	root := tree(t, files)
	q := Query{Arch: arch.X86_64.Name, Root: root, Getenv: func(n string) string { return map[string]string{"HOME": "/home/u"}[n] }}
	sources := func() string {
		var s []string
		pairs, _ := List(context.Background(), q)
		for _, p := range pairs {
			s = append(s, p.Source)
		}
		return strings.Join(s, " ")
	}
	if got, want := sources(), "/usr/share/qemu/firmware/50-distro.json /usr/share/qemu/firmware/70-last.json"; got != want {
		t.Errorf("with 60-own.json hidden by an empty file of the user's: %q, want %q", got, want)
	}
	// The administrator's file takes the place of the distribution's.
	if err := os.MkdirAll(filepath.Join(root, "/etc/qemu/firmware"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "/etc/qemu/firmware/50-distro.json"), d("b"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, want := sources(), "/etc/qemu/firmware/50-distro.json /usr/share/qemu/firmware/70-last.json"; got != want {
		t.Errorf("with the administrator's 50-distro.json: %q, want %q", got, want)
	}
}

func TestNotFoundNamesEveryPlace(t *testing.T) {
	_, err := Find(context.Background(), Query{Arch: arch.AArch64.Name, Root: t.TempDir()})
	if !errors.Is(err, ErrNotFound) {
		t.Fatalf("%v is no ErrNotFound", err)
	}
	for _, want := range []string{"/etc/qemu/firmware", "/usr/share/qemu/firmware", "/opt/homebrew/share/qemu", "/opt/local/share/qemu", "/usr/share/AAVMF", "/usr/share/edk2/aarch64", "/run/current-system/sw/share/qemu"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s", want)
		}
	}
	for goos, want := range map[string]string{"linux": "qemu-efi-aarch64", "darwin": "brew install qemu", "windows": "installer"} {
		if h := InstallHint("aarch64", goos); !strings.Contains(h, want) {
			t.Errorf("hint for %s: %q", goos, h)
		}
	}
	if h := InstallHint("x86_64", "linux"); !strings.Contains(h, "sudo dnf install edk2-ovmf   # Fedora, AlmaLinux\n") {
		t.Errorf("no command a line: %q", h)
	}
	for secure, want := range map[bool]string{false: "no UEFI firmware for x86_64", true: "no UEFI firmware for x86_64 with Secure Boot keys"} {
		none := NotFound("x86_64", secure, []Looked{{Path: "/x", Why: "is not there"}})
		if none.Error() != want+"; looked at:\n  /x: is not there" {
			t.Errorf("%q", none)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	q := Query{Arch: arch.X86_64.Name, Getenv: os.Getenv}
	if _, err := Find(context.Background(), q); err != nil {
		b.Skip("this machine has no firmware for x86_64 (apt-get install ovmf): ", err)
	}
	for b.Loop() {
		if _, err := Find(context.Background(), q); err != nil {
			b.Fatal(err)
		}
	}
}
