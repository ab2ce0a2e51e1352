// The contents of an EFI boot medium: which files lie where, and what GRUB is
// told. Nothing is written here; assemble/disk makes the medium.

package boot

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/tree"
)

// GRUBMilestone begins every line that our grub.cfg prints. UEFI firmware
// copies GRUB's console to the serial line, so a follower can match it:
// "IMGASM-GRUB kernel", "IMGASM-GRUB initrd", "IMGASM-GRUB boot", and
// "IMGASM-GRUB failed: …" when the medium cannot be booted.
const GRUBMilestone = "IMGASM-GRUB"

// ErrMedium is what an incomplete or impossible boot medium is refused with.
var ErrMedium = fault.Class(fault.Input, "cannot be made into an EFI boot medium")

// Parts is what an EFI boot medium is made from. The Path of the files
// given does not matter: Files sets it.
type Parts struct {
	Arch string // "x86_64" or "aarch64"
	// Shim is what the firmware starts; under Secure Boot it must be signed
	// with a key that the firmware has. GRUB is what shim starts, signed with
	// a key that shim has. Without a Shim the firmware starts GRUB itself.
	Shim, GRUB File
	// MokManager is the tool for enrolling keys; it may be left out.
	MokManager File
	Kernel     File
	Initrd     File
	// GRUBFolder is where GRUB looks for grub.cfg, as GRUBPrefix finds it:
	// "EFI/almalinux". "" if it is not known.
	GRUBFolder string
	// KernelArgs are the kernel's arguments, one an element.
	KernelArgs []string
}

// Where the kernel and its initial RAM file system lie on a boot medium.
const (
	bootKernel = "imgasm/vmlinuz"
	bootInitrd = "imgasm/initrd.img"
)

// Files are the files of an EFI system partition, by UEFI's rules for
// removable media (UEFI 2.10, section 3.5.1.1). The error wraps ErrMedium.
//
// shim's fallback program (fbx64.efi) is never among them: beside a shim in
// EFI/BOOT it would be started instead of GRUB, to write boot entries.
func Files(m Parts) ([]File, error) {
	a, err := arch.Parse(m.Arch)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrMedium)
	}
	config, err := GRUBConfig(m.KernelArgs)
	if err != nil {
		return nil, err
	}
	var files []File
	put := func(path string, f File) {
		f.Path = path
		files = append(files, f)
	}
	for _, part := range []struct {
		f    File
		what string
	}{{m.GRUB, "GRUB"}, {m.Kernel, "kernel"}, {m.Initrd, "initrd"}} {
		if part.f.SizeBytes == 0 {
			return nil, fmt.Errorf("no %s: %w", part.what, ErrMedium)
		}
	}
	if m.Shim.SizeBytes > 0 {
		put("EFI/BOOT/"+a.EFIBoot, m.Shim)
		put("EFI/BOOT/"+a.EFIGRUB, m.GRUB)
	} else {
		put("EFI/BOOT/"+a.EFIBoot, m.GRUB)
	}
	if m.MokManager.SizeBytes > 0 {
		put("EFI/BOOT/"+a.EFIMok, m.MokManager)
	}
	put("EFI/BOOT/grub.cfg", tree.Bytes("", config))
	if folder := path.Clean(m.GRUBFolder); m.GRUBFolder != "" && !strings.EqualFold(folder, "EFI/BOOT") {
		put(folder+"/grub.cfg", tree.Bytes("", config))
	}
	put(bootKernel, m.Kernel)
	put(bootInitrd, m.Initrd)
	return files, nil
}

// GRUBConfig is the text of grub.cfg: no menu, no waiting, and a line on the
// console before each step.
//
// Only the console terminal is used. UEFI firmware shows its console on the
// serial line already; with terminal_output serial every line would come
// twice, and on aarch64 GRUB has no serial driver at all.
func GRUBConfig(kernelArgs []string) ([]byte, error) {
	var words strings.Builder
	for _, a := range kernelArgs {
		word, err := grubWord(a)
		if err != nil {
			return nil, err
		}
		words.WriteString(" " + word)
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Written by imgasm.")
	line("set timeout=0")
	line("terminal_output console")
	line("echo '%s kernel'", GRUBMilestone)
	// Red Hat's GRUB of some versions boots under Secure Boot only by linuxefi.
	for _, load := range []struct{ verb, linux, initrd string }{{"if", "linux", "initrd"}, {"elif", "linuxefi", "initrdefi"}} {
		line("%s %s /%s%s; then", load.verb, load.linux, bootKernel, words.String())
		line("  echo '%s initrd'", GRUBMilestone)
		line("  if %s /%s; then", load.initrd, bootInitrd)
		line("    echo '%s boot'", GRUBMilestone)
		line("    boot")
		line("  fi")
	}
	line("fi")
	line("echo '%s failed: see the lines above'", GRUBMilestone)
	return []byte(b.String()), nil
}

// spaceEscape matches what udev, dracut and Anaconda write for a blank in a
// label: "hd:LABEL=Alma\x20Linux". GRUB hands it on as it is.
var spaceEscape = regexp.MustCompile(`\\x[0-9a-fA-F]{2}`)

// grubWord quotes one kernel argument for GRUB's script language. GRUB then
// quotes again for the kernel: an argument with blanks arrives as "name=a b",
// which the kernel understands; quotes of its own it would spoil.
func grubWord(arg string) (string, error) {
	if arg == "" {
		return "", fmt.Errorf("empty kernel argument: %w", ErrMedium)
	}
	plain := arg
	if k, v, ok := strings.Cut(arg, `="`); ok && strings.HasSuffix(v, `"`) {
		plain = k + "=" + strings.TrimSuffix(v, `"`) // name="a b": GRUB writes these quotes itself
	}
	for _, c := range spaceEscape.ReplaceAllString(plain, "") {
		if c < ' ' || c == 0x7f || strings.ContainsRune(`'"\`, c) {
			return "", fmt.Errorf("kernel argument %s: GRUB cannot hand on %q: %w", arg, c, ErrMedium)
		}
	}
	return "'" + plain + "'", nil
}
