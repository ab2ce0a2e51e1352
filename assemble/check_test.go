package assemble

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/arch"
)

func TestInspectDisk(t *testing.T) {
	uefi, bios := installedDisk(t), bootSector(t)
	blank := filepath.Join(t.TempDir(), "blank.raw")
	if err := os.WriteFile(blank, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path, boot string
		arch             arch.Arch
		want             string // in the answer, or after "!" in the error
	}{
		{"UEFI", uefi, "uefi", arch.X86_64, `GPT with 1 partitions, \EFI\BOOT\BOOTX64.EFI`},
		{"UEFI of the other architecture", uefi, "uefi", arch.AArch64, `!no EFI system partition with \EFI\BOOT\BOOTAA64.EFI`},
		{"no partition table", blank, "uefi", arch.X86_64, "!no GPT"},
		{"BIOS", bios, "bios", arch.X86_64, "boot sector with code"},
		{"protective MBR alone", uefi, "bios", arch.X86_64, "!the boot loader was not installed"},
		{"blank for a BIOS", blank, "bios", arch.X86_64, "!no boot sector"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := inspectDisk(c.path, c.arch, c.boot)
			want, bad := strings.CutPrefix(c.want, "!")
			if bad {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%q, %v; want an error with %q", got, err, want)
				}
			} else if err != nil || got != want {
				t.Errorf("%q, %v; want %q", got, err, want)
			}
		})
	}
}
