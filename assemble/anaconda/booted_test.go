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
		"grub> ": "grub-prompt",
		"error: ../../grub-core/kern/efi/sb.c:203:shim_lock protocol not found.":                         "secure-boot",
		"error: ../../grub-core/kern/verifiers.c:119:verification requested but nobody cares: /vmlinuz.": "secure-boot",
		"Verifying shim SBAT data failed: Security Policy Violation":                                     "secure-boot",
		"Something has gone seriously wrong: import_mok_state() failed: Not Found":                       "secure-boot",
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

// What stopped the boot is named, not only that it stopped.
func TestBootTestNamesTheCause(t *testing.T) {
	const stage1 = "[   60.100000] dracut-initqueue[300]: Warning: "
	for raw, want := range map[string][2]string{
		stage1 + `/lib/dracut/hooks/initqueue/finished/devexists-\x2fdev\x2fdisk\x2fby-uuid\x2f1-2.sh: "[ -e "/dev/disk/by-uuid/1-2" ]"` + "\n" + stage1 + "Could not boot.\n":                   {"waits-for-stage2", "/dev/disk/by-uuid/1-2"},
		"[\x1b[0;1;31m TIME \x1b[0m] Timed out waiting for device \x1b[0;1;39mdev-vdb.device\x1b[0m - /dev/vdb.\nYou are in emergency mode. After logging in, type \"journalctl -xb\" to view\n": {"file-system-missing", "dev-vdb.device - /dev/vdb."},
		"[\x1b[0;1;31mFAILED\x1b[0m] Failed to mount \x1b[0;1;39mdata.mount\x1b[0m - /data.\nYou are in emergency mode. After logging in, type \"journalctl -xb\" to view\n":                     {"file-system-missing", "data.mount - /data."},
		"[\x1b[0;1;31m!!!!!!\x1b[0m] Failed to load SELinux policy, freezing.\n[    8.200000] systemd[1]: Freezing execution.\n":                                                                 {"systemd-gives-up", "Failed to load SELinux policy."},
		"start_image() returned Not Found\nBdsDxe: failed to start Boot0001 \"UEFI Misc Device\" from PciRoot(0x0)/Pci(0x3,0x0): Not Found\nBdsDxe: No bootable option or device was found.\n":   {"firmware-start", "(Not Found)"},
		"error: ../../grub-core/kern/mm.c:376:out of memory.\nerror: ../../grub-core/loader/i386/efi/linux.c:258:you need to load the kernel first.\ngrub> ":                                     {"grub-memory", "memory"},
	} {
		d := newDrive(t, Config{Installed: true})
		reader := console.NewReader(func(r console.Record) { d.step(Console(r)) })
		if _, err := reader.Write([]byte(strings.ReplaceAll(raw, "\n", "\r\n"))); err != nil {
			t.Fatal(err)
		}
		reader.Flush()
		d.wait(2 * time.Second)
		d.want(Failed, want[0])
		if !strings.Contains(d.out.Failure.Meaning, want[1]) {
			t.Errorf("%s: %q does not name %q", want[0], d.out.Failure.Meaning, want[1])
		}
	}
}

// A first boot may reset the machine, but not for ever.
func TestResetLoop(t *testing.T) {
	d := newDrive(t, Config{Installed: true})
	for range maxResets {
		d.step(QMP{Name: "RESET", Data: map[string]any{"guest": true, "reason": "guest-reset"}})
	}
	d.wait(2 * time.Second)
	d.want(Running, "")
	d.step(QMP{Name: "RESET", Data: map[string]any{"guest": true, "reason": "guest-reset"}})
	d.wait(2 * time.Second)
	d.want(Failed, "reset-loop")
}
