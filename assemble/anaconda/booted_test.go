package anaconda

import (
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/qemu/console"
)

// In a boot test no installer runs, and nobody can rebuild its boot medium: what
// the firmware, GRUB and the initramfs say is about the image.
func TestBootTestHasItsOwnWords(t *testing.T) {
	for line, rule := range map[string]string{
		"grub> ":        "grub-prompt",
		"grub rescue> ": "grub-prompt",
		"error: ../../grub-core/loader/i386/linux.c:1055:you need to load the kernel first.": "grub-no-kernel",
		"UEFI Interactive Shell v2.2": "firmware-shell",
		"Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)":                       "panic-root",
		"Entering emergency mode. Exit the shell to continue.":                                                 "emergency-shell",
		"You are in emergency mode. After logging in, type \"journalctl -xb\" to view":                         "maintenance-prompt",
		"BdsDxe: failed to load Boot0001 \"UEFI QEMU HARDDISK\" from PciRoot(0x0)/Pci(0x3,0x0): Access Denied": "secure-boot",
	} {
		for installed, not := range map[bool]string{true: "installer", false: "image's"} {
			d := newDrive(t, Config{Installed: installed})
			r := console.Record{Line: 1, Text: strings.TrimSpace(line), Partial: strings.HasSuffix(line, "> ")}
			if strings.HasPrefix(line, "Kernel") {
				r.Source = "kernel"
			}
			d.step(Console(r))
			d.wait(2 * time.Second)
			d.want(Failed, rule)
			f := d.out.Failure
			if said := f.Meaning + " " + f.Hint; strings.Contains(said, not) || installed && strings.Contains(said, "{ISO}") {
				t.Errorf("%s, in a boot test %v: %s", rule, installed, said)
			}
		}
	}
}

func TestLastWordsTakeLongerUnderEmulation(t *testing.T) {
	d := newDrive(t, Config{DoneMarker: true, Accel: "tcg"})
	d.port("phase pre")
	d.console("Running in cmdline mode, no interactive debugging allowed.", "The exact error message is:", "x", "The installer will now terminate.")
	d.wait(80 * time.Second)
	d.want(Running, "")
	d.port("error the installer gave up")
	d.wait(15 * time.Second)
	d.want(Running, "")
	d.port("end")
	d.want(Failed, "installer-crash")
}
