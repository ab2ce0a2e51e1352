// GRUB's configuration on the installed disk.

package main

import (
	"fmt"
	"slices"
	"strings"
)

// grubEntry is the one entry of the installed system's menu.
type grubEntry struct {
	title    string
	bootUUID string // of the file system with the kernel
	prefix   string // folder of the kernel on it: "" or "/boot"
	release  string
	args     string
	timeout  int // seconds
}

// grubStub is grub.cfg on the ESP: it only finds the real one, as RHEL's does.
func grubStub(bootUUID, folder string) string {
	return fmt.Sprintf("search --no-floppy --fs-uuid --set=dev %s\nset prefix=($dev)%s\nconfigfile $prefix/grub.cfg\n", bootUUID, folder)
}

// grubMenu is grub.cfg beside the kernel. It says on the console that GRUB has
// come so far; under UEFI the firmware's console is the serial port already.
func grubMenu(e grubEntry) string {
	return fmt.Sprintf(`set timeout=%d
set default=0
terminal_output console
search --no-floppy --fs-uuid --set=root %s
menuentry %s {
	echo 'Loading the imgasm rehearsal, Linux %s ...'
	linux %s/vmlinuz-%s %s
	initrd %s/initramfs-%s.img
}
`, e.timeout, e.bootUUID, grubQuote(e.title), e.release, e.prefix, e.release, grubEscape(e.args), e.prefix, e.release)
}

// grubQuote makes one word of GRUB's language out of a text.
func grubQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// grubEscape protects what GRUB's language would read in kernel arguments.
// Blanks stay: they part the arguments; quotes are the kernel's.
func grubEscape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(`\$;&|<>{}'"#`, r) {
			b.WriteByte('\\')
		}
		if r < ' ' {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

// kernelArgs are the installed system's: its root, the consoles that the
// installer had, which Anaconda preserves, and what bootloader --append says.
func kernelArgs(rootUUID string, consoles []string, add string) string {
	words := []string{"root=UUID=" + rootUUID, "ro"}
	for _, w := range consoles {
		if !slices.Contains(strings.Fields(add), w) {
			words = append(words, w)
		}
	}
	if add = strings.TrimSpace(add); add != "" {
		words = append(words, add)
	}
	return strings.Join(words, " ")
}
