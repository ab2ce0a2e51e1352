package anaconda

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
)

// What rows say.

// Words are what a row says.
type Words struct{ Meaning, Hint string }

// words returns what the row says in this guest.
func (r *Rule) words(c *Config) Words {
	if c.Installed && r.Booted.Meaning != "" {
		return r.Booted
	}
	return Words{r.Meaning, r.Hint}
}

// Hints that several rows give.
const (
	hintAgain        = "run it once more; if it happens again try {retry}"
	hintInitramfs    = "see that no %post section breaks the initramfs, /etc/fstab or the kernel's arguments (root=); boot-serial.log in the failure bundle says what it waits for"
	hintMemory       = "give the guest more memory: {MemoryMiB} 4G"
	hintNoLoader     = "the installation put no boot loader where this firmware looks for one: a UEFI guest needs part /boot/efi --fstype=efi (or reqpart) in the kickstart, and shim and grub2 in %packages; a BIOS guest bootloader --location=mbr"
	hintLine         = "correct the line; imgasm kickstart lint FILE finds these before anything is booted"
	hintArguments    = "leave inst.ks=, inst.stage2= and inst.repo= out of {KernelArgs}: imgasm names them itself from {Kickstart} and {ISO}"
	hintMedium       = "the boot medium does not fit the ISO: rebuild it with imgasm media boot, or use {Boot} kernel"
	hintGRUB         = "see in the kickstart that bootloader, /boot and the EFI system partition are there, and that no %post section rewrites grub.cfg or removes the kernel"
	hintScript       = "correct the script, or take --erroronfail off if its failure does not matter"
	hintPackages     = "correct %packages, add the repository that has them (repo --name=… --baseurl=…), or write %packages --ignoremissing"
	hintPackagingLog = "packaging.log in the failure bundle has the details"
	hintLogs         = "the text above is the installer's own; the ends of its logs are in the failure bundle (anaconda.log, packaging.log, storage.log, program.log)"
	hintISO          = "give an installer ISO for this architecture ({arch}) with {ISO}, or start its kernel directly with {Boot} kernel"
	hintBefore       = "read the lines before it; imgasm kickstart lint FILE finds what most often causes this"
)

// expand fills a row's text with what its pattern found and with the build's words.
func (c *Config) expand(text string, groups []string) string {
	text = fault.Fill(text, c.Field)
	for i := len(groups) - 1; i > 0; i-- {
		text = strings.ReplaceAll(text, "$"+strconv.Itoa(i), groups[i])
	}
	return strings.NewReplacer("{arch}", cmp.Or(c.Arch, "x86_64"), "{retry}", fault.Fill(c.retry(), c.Field)).Replace(text)
}

// retry is what to try against crashes that may be the host's fault.
func (c *Config) retry() string {
	switch c.Accel {
	case "":
		return "another accelerator ({Accel} tcg) and more memory ({MemoryMiB} 4G)"
	case "tcg":
		return "more memory ({MemoryMiB} 4G) and a newer QEMU (7.2's emulation crashes kernel 6.12 at random); imgasm doctor says whether this host could run the guest without emulation"
	}
	return "emulation instead of " + c.Accel + " ({Accel} tcg) and more memory ({MemoryMiB} 4G)"
}
