package boot_test

// Boot media in real virtual machines: firmware, shim, GRUB, kernel, as far as
// the kernel's first line. What comes after is the business of whole builds.

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/boot"
	"github.com/imgasm/imgasm/assemble/rehearsal"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/qemu"
)

// rehearsalISO is an installer ISO with a distribution's signed boot files.
func rehearsalISO(t *testing.T, a arch.Arch) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	in, err := rehearsal.Build(context.Background(), rehearsal.Options{
		Arch: a, CacheDir: filepath.Join(cache, "imgasm"),
	}, func(event.Event) {})
	if err != nil {
		t.Fatal(err)
	}
	return in.ISO
}

func TestE2EBootMedium(t *testing.T) {
	hosttool.Machines(t)
	for _, c := range []struct {
		name   string
		arch   arch.Arch
		bus    qemu.Bus
		secure bool
		rest   bool // in make test-all only
	}{
		{"x86_64-scsi-secure-boot", arch.X86_64, qemu.SCSIDisk, true, true},
		{"x86_64-usb-secure-boot", arch.X86_64, qemu.USBStorage, true, false},
		{"x86_64-virtio", arch.X86_64, qemu.VirtioBlk, false, true},
		{"aarch64-scsi", arch.AArch64, qemu.SCSIDisk, false, true},
		{"aarch64-usb", arch.AArch64, qemu.USBStorage, false, false},
		{"aarch64-virtio", arch.AArch64, qemu.VirtioBlk, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.rest {
				hosttool.Rest(t)
			}
			t.Parallel()
			dir := t.TempDir()
			out := filepath.Join(dir, "stick.img")
			s := boot.Source{ISO: rehearsalISO(t, c.arch), Installer: true, Volume: &boot.Volume{Kickstart: kickstart(t)},
				KernelArgs: []string{"console=" + c.arch.Console}}
			if _, err := boot.WriteBoot(t.Context(), out, s, ""); err != nil {
				t.Fatal(err)
			}
			console := started(t, c.arch, c.secure, qemu.Drive{ID: "boot", Path: out, Bus: c.bus, ReadOnly: true, BootIndex: 1})
			for _, want := range []string{
				boot.GRUBMilestone + " kernel", boot.GRUBMilestone + " initrd", boot.GRUBMilestone + " boot",
				"inst.stage2=hd:LABEL=AlmaLinux-10-0-" + c.arch.Name + "-rehearsal inst.ks=hd:LABEL=OEMDRV:/ks.cfg console=" + c.arch.Console,
			} {
				if !strings.Contains(console, want) {
					t.Errorf("the console does not say %q:\n%s", want, console)
				}
			}
			if c.secure != regexp.MustCompile(`(?i)secure boot (is )?enabled`).MatchString(console) {
				t.Errorf("Secure Boot should be %t:\n%s", c.secure, console)
			}
		})
	}
}

// boot starts a machine and returns its console until the kernel has shown
// how it was called and whether Secure Boot is on.
func started(t *testing.T, a arch.Arch, secure bool, d qemu.Drive) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	pair, err := firmware.Find(ctx, firmware.Query{Arch: a.Name, SecureBoot: secure, Getenv: os.Getenv})
	if err != nil {
		t.Skip("no firmware: ", err)
	}
	code, vars, err := firmware.Prepare(pair, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	vm, err := qemu.Start(ctx, qemu.Config{
		Arch: a.Name, MemoryMiB: 1024, Drives: []qemu.Drive{d},
		Firmware: &qemu.Firmware{Code: code.Path, Vars: vars.Path, Format: string(code.Format), SecureBoot: pair.SMM},
	}, qemu.Options{})
	if errors.Is(err, qemu.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	if err := vm.Cont(ctx); err != nil {
		t.Fatal(err)
	}
	deadline, _ := ctx.Deadline()
	if err := vm.Serial.SetReadDeadline(deadline); err != nil {
		t.Fatal(err)
	}
	var console strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := vm.Serial.Read(buf)
		console.Write(buf[:n])
		// The kernel tells about Secure Boot before it mounts or runs anything.
		if text := console.String(); strings.Contains(text, "Run /init") || strings.Contains(text, "Freeing unused kernel") {
			return text
		}
		if err != nil {
			t.Errorf("the kernel did not come up: %v", err)
			return console.String()
		}
	}
}
