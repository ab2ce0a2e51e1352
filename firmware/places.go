// Where systems keep firmware: folders of descriptors, and the table of
// places for those that ship none.

package firmware

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/imgasm/imgasm/internal/arch"
)

// overrideNames lists the variables by which a user names the firmware,
// the most particular first.
func overrideNames(a arch.Arch) []string {
	up := strings.ToUpper(a.Name)
	return []string{"QEMU_FIRMWARE_" + up, "QEMU_EFI_" + up, "QEMU_FIRMWARE"}
}

// prefixes lists installation prefixes with a share/qemu folder of their own.
func prefixes(q Query) []string {
	var out []string
	if p := binaryPrefix(q); p != "" {
		out = append(out, p)
	}
	out = append(out,
		"/opt/homebrew",          // Homebrew on Apple silicon
		"/usr/local",             // Homebrew on Intel, and QEMU's own default
		"/opt/local",             // MacPorts
		"/run/current-system/sw") // NixOS
	if home := q.getenv("HOME"); home != "" {
		out = append(out, filepath.Join(home, ".nix-profile"))
	}
	return append(out, "/nix/var/nix/profiles/default")
}

// binaryPrefix is the prefix that QEMU's binary is installed under: the
// parent of its bin folder, links followed, so that Nix and Homebrew's Cellar
// work too; on Windows the folder of the binary itself.
func binaryPrefix(q Query) string {
	if q.Binary == "" {
		return ""
	}
	real, err := filepath.EvalSymlinks(q.Binary)
	if err != nil {
		return ""
	}
	dir := filepath.Dir(real)
	if b := filepath.Base(dir); b == "bin" || b == "libexec" {
		return filepath.Dir(dir)
	}
	return dir
}

// descriptorDirs lists the folders that hold descriptors, the most specific
// (the user's own) first.
func descriptorDirs(q Query) []string {
	var dirs []string
	if c := q.getenv("XDG_CONFIG_HOME"); c != "" {
		dirs = append(dirs, filepath.Join(c, "qemu", "firmware"))
	} else if home := q.getenv("HOME"); home != "" {
		dirs = append(dirs, filepath.Join(home, ".config", "qemu", "firmware"))
	}
	dirs = append(dirs, "/etc/qemu/firmware")
	for _, d := range strings.Split(q.getenv("XDG_DATA_DIRS"), string(os.PathListSeparator)) {
		if filepath.IsAbs(d) {
			dirs = append(dirs, filepath.Join(d, "qemu", "firmware"))
		}
	}
	dirs = append(dirs, "/usr/share/qemu/firmware")
	for _, p := range prefixes(q) {
		dirs = append(dirs, filepath.Join(p, "share", "qemu", "firmware"))
	}
	return unique(dirs)
}

// place is a row of the table of known places: file names under folders.
type place struct {
	system     string
	arch       string
	dirs       []string // "PREFIX" stands for every prefix, "BINARY" for that of Query.Binary
	code, vars string
	claims     claims
}

// What a row claims of its code. Whether keys are enrolled is read from the
// variables. On Arm there is no SMM: Secure Boot works without.
var (
	secure    = claims{secureBoot: true, smm: true}
	secureArm = claims{secureBoot: true}
)

// The table. Within a system the plain 4 MiB build stands first, then older
// and Secure Boot ones; Find chooses by what the files hold.
var places = []place{
	// Debian, Ubuntu and what follows them: ovmf, qemu-efi-aarch64. Debian 12's
	// 2 MiB build with Secure Boot, OVMF_CODE.secboot.fd, is left out: it
	// says nothing and boots nothing (tried with QEMU 7.2).
	{"Debian", "x86_64", []string{"/usr/share/OVMF"}, "OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd", claims{}},
	{"Debian", "x86_64", []string{"/usr/share/OVMF"}, "OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.ms.fd", secure},
	{"Debian", "x86_64", []string{"/usr/share/OVMF"}, "OVMF_CODE.fd", "OVMF_VARS.fd", claims{}},
	{"Debian", "aarch64", []string{"/usr/share/AAVMF"}, "AAVMF_CODE.no-secboot.fd", "AAVMF_VARS.fd", claims{}},
	{"Debian", "aarch64", []string{"/usr/share/AAVMF"}, "AAVMF_CODE.fd", "AAVMF_VARS.fd", claims{}},
	{"Debian", "aarch64", []string{"/usr/share/AAVMF"}, "AAVMF_CODE.ms.fd", "AAVMF_VARS.ms.fd", secureArm},
	{"Debian", "aarch64", []string{"/usr/share/AAVMF"}, "AAVMF_CODE.secboot.fd", "AAVMF_VARS.ms.fd", secureArm},
	{"Debian", "aarch64", []string{"/usr/share/qemu-efi-aarch64"}, "QEMU_EFI.fd", "", claims{}},
	// Fedora, RHEL, AlmaLinux: edk2-ovmf, edk2-aarch64.
	{"Fedora", "x86_64", []string{"/usr/share/edk2/ovmf"}, "OVMF_CODE_4M.qcow2", "OVMF_VARS_4M.qcow2", claims{}},
	{"Fedora", "x86_64", []string{"/usr/share/edk2/ovmf"}, "OVMF_CODE_4M.secboot.qcow2", "OVMF_VARS_4M.secboot.qcow2", secure},
	{"Fedora", "x86_64", []string{"/usr/share/edk2/ovmf"}, "OVMF_CODE.fd", "OVMF_VARS.fd", claims{}},
	{"Fedora", "x86_64", []string{"/usr/share/edk2/ovmf"}, "OVMF_CODE.secboot.fd", "OVMF_VARS.secboot.fd", secure},
	{"Fedora", "x86_64", []string{"/usr/share/edk2/ovmf"}, "OVMF_CODE.secboot.fd", "OVMF_VARS.fd", secure},
	{"Fedora", "aarch64", []string{"/usr/share/edk2/aarch64"}, "QEMU_EFI-silent-pflash.qcow2", "vars-template-pflash.qcow2", claims{}},
	{"Fedora", "aarch64", []string{"/usr/share/edk2/aarch64"}, "QEMU_EFI-pflash.raw", "vars-template-pflash.raw", claims{}},
	{"Fedora", "aarch64", []string{"/usr/share/edk2/aarch64"}, "QEMU_EFI-silent-pflash.raw", "vars-template-pflash.raw", claims{}},
	{"Fedora", "aarch64", []string{"/usr/share/edk2/aarch64"}, "QEMU_EFI.fd", "QEMU_VARS.fd", claims{}},
	// Arch Linux: edk2-ovmf, edk2-aarch64 (and their folders before 2023).
	{"Arch", "x86_64", []string{"/usr/share/edk2/x64", "/usr/share/edk2-ovmf/x64"}, "OVMF_CODE.4m.fd", "OVMF_VARS.4m.fd", claims{}},
	{"Arch", "x86_64", []string{"/usr/share/edk2/x64", "/usr/share/edk2-ovmf/x64"}, "OVMF_CODE.secboot.4m.fd", "OVMF_VARS.4m.fd", secure},
	{"Arch", "x86_64", []string{"/usr/share/edk2/x64", "/usr/share/edk2-ovmf/x64"}, "OVMF_CODE.fd", "OVMF_VARS.fd", claims{}},
	{"Arch", "aarch64", []string{"/usr/share/edk2/aarch64"}, "QEMU_CODE.fd", "QEMU_VARS.fd", claims{}},
	{"Arch", "aarch64", []string{"/usr/share/edk2-armvirt/aarch64"}, "QEMU_CODE.fd", "QEMU_VARS.fd", claims{}},
	{"Arch", "aarch64", []string{"/usr/share/edk2-armvirt/aarch64"}, "QEMU_EFI.fd", "QEMU_VARS.fd", claims{}},
	// openSUSE: qemu-ovmf-x86_64, qemu-uefi-aarch64.
	{"openSUSE", "x86_64", []string{"/usr/share/qemu"}, "ovmf-x86_64-4m-code.bin", "ovmf-x86_64-4m-vars.bin", claims{}},
	{"openSUSE", "x86_64", []string{"/usr/share/qemu"}, "ovmf-x86_64-code.bin", "ovmf-x86_64-vars.bin", claims{}},
	{"openSUSE", "x86_64", []string{"/usr/share/qemu"}, "ovmf-x86_64-smm-ms-code.bin", "ovmf-x86_64-smm-ms-vars.bin", secure},
	{"openSUSE", "aarch64", []string{"/usr/share/qemu"}, "aavmf-aarch64-code.bin", "aavmf-aarch64-vars.bin", claims{}},
	{"openSUSE", "aarch64", []string{"/usr/share/qemu"}, "qemu-uefi-aarch64.bin", "", claims{}},
	// Gentoo and Alpine.
	{"Gentoo", "x86_64", []string{"/usr/share/edk2/OvmfX64"}, "OVMF_CODE_4M.qcow2", "OVMF_VARS_4M.qcow2", claims{}},
	{"Gentoo", "x86_64", []string{"/usr/share/edk2-ovmf"}, "OVMF_CODE.fd", "OVMF_VARS.fd", claims{}},
	{"Gentoo", "aarch64", []string{"/usr/share/edk2/ArmVirtQemu-AARCH64"}, "QEMU_EFI.qcow2", "QEMU_VARS.qcow2", claims{}},
	// The builds that QEMU itself brings: Homebrew, MacPorts, Nix, Windows, /usr/local.
	// The x86_64 code shares the i386 build's variables, aarch64 those of arm.
	{"QEMU's own", "x86_64", []string{"PREFIX/share/qemu", "BINARY/share", "/usr/share/qemu"}, "edk2-x86_64-code.fd", "edk2-i386-vars.fd", claims{}},
	{"QEMU's own", "x86_64", []string{"PREFIX/share/qemu", "BINARY/share", "/usr/share/qemu"}, "edk2-x86_64-secure-code.fd", "edk2-i386-vars.fd", secure},
	{"QEMU's own", "aarch64", []string{"PREFIX/share/qemu", "BINARY/share", "/usr/share/qemu"}, "edk2-aarch64-code.fd", "edk2-arm-vars.fd", claims{}},
	// NixOS links libvirt's firmware here.
	{"NixOS", "x86_64", []string{"/run/libvirt/nix-ovmf"}, "OVMF_CODE.fd", "OVMF_VARS.fd", claims{}},
	{"NixOS", "aarch64", []string{"/run/libvirt/nix-ovmf"}, "AAVMF_CODE.fd", "AAVMF_VARS.fd", claims{}},
}

// known returns the candidates of the table whose code file is there, and
// notes the folders that have none.
func (s *search) known(ctx context.Context) []candidate {
	var out []candidate
	missing := map[string]bool{}
	var order []string
	for _, pl := range places {
		if ctx.Err() != nil {
			return nil
		}
		if pl.arch != s.query.Arch {
			continue
		}
		for _, dir := range expand(s.query, pl.dirs) {
			code := filepath.ToSlash(filepath.Join(dir, pl.code))
			if _, err := os.Stat(s.path(code)); err != nil {
				if _, known := missing[dir]; !known {
					missing[dir] = true
					order = append(order, dir)
				}
				continue
			}
			missing[dir] = false
			c := candidate{code: code, claims: pl.claims, source: "known place of " + pl.system}
			if pl.vars != "" {
				c.vars = filepath.ToSlash(filepath.Join(dir, pl.vars))
			}
			out = append(out, c)
		}
	}
	for _, dir := range order {
		if missing[dir] {
			s.look(dir, "has no firmware for "+s.query.Arch)
		}
	}
	return out
}

func expand(q Query, dirs []string) []string {
	var out []string
	for _, d := range dirs {
		if rest, ok := strings.CutPrefix(d, "PREFIX"); ok {
			for _, p := range prefixes(q) {
				out = append(out, filepath.Join(p, rest))
			}
		} else if rest, ok := strings.CutPrefix(d, "BINARY"); !ok {
			out = append(out, d)
		} else if p := binaryPrefix(q); p != "" {
			out = append(out, filepath.Join(p, rest))
		}
	}
	return unique(out)
}

func unique(in []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, s := range in {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}
