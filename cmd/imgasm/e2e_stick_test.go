// A stick of `imgasm media usb` installs a machine: no kernel, no kickstart and
// no ISO comes from anywhere else.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/qemu"
)

// stickKickstart installs to the first virtio disk and leaves the stick alone.
const stickKickstart = `cmdline
lang en_US.UTF-8
keyboard us
timezone UTC --utc
rootpw --plaintext a-test-only
cdrom
ignoredisk --only-use=vda
zerombr
clearpart --all --initlabel
reqpart --add-boot
part / --fstype=xfs --size=500 --grow
bootloader --append="console=tty0 console=%s,115200n8 %s"
%%packages
%%end
%%post
echo "imgasm: installed from a stick"
%%end
poweroff
`

func TestE2EInstallFromStick(t *testing.T) {
	hosttool.Machines(t)
	for _, c := range []struct {
		name    string
		arch    arch.Arch
		bus     qemu.Bus
		deliver string
		ks      string // the kernel's argument
		rest    bool   // in make test-all only
	}{
		{"x86_64-usb", arch.X86_64, qemu.USBStorage, "oemdrv", "inst.ks=hd:LABEL=OEMDRV:/ks.cfg", false},
		{"x86_64-virtio-initrd", arch.X86_64, qemu.VirtioBlk, "initrd", "inst.ks=file:/ks.cfg", true},
		{"aarch64-usb", arch.AArch64, qemu.USBStorage, "oemdrv", "inst.ks=hd:LABEL=OEMDRV:/ks.cfg", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.rest {
				hosttool.Rest(t)
			}
			t.Parallel()
			dir := t.TempDir()
			path := func(name string) string { return filepath.Join(dir, name) }
			s := session{t, map[string]string{"PATH": os.Getenv("PATH"), "HOME": os.Getenv("HOME")}}
			code, out, errs := s.run("rehearse", "--iso-only", "--arch", c.arch.Name)
			if code != 0 {
				t.Fatalf("no installer ISO: %d\n%s", code, errs)
			}
			ks := fmt.Sprintf(stickKickstart, c.arch.Console, c.arch.EmulatedArg)
			if err := os.WriteFile(path("ks.cfg"), []byte(ks), 0o600); err != nil {
				t.Fatal(err)
			}
			args := []string{"media", "usb", "--iso", strings.TrimSpace(out), "--kickstart", path("ks.cfg"), "--deliver", c.deliver, "-o", path("stick.img"),
				"--kernel-arg", "inst.cmdline", "--kernel-arg", "inst.notmux", "--kernel-arg", "console=" + c.arch.Console + ",115200n8"}
			if a := c.arch.EmulatedArg; a != "" {
				args = append(args, "--kernel-arg", a)
			}
			if code, _, errs := s.run(args...); code != 0 {
				t.Fatalf("no stick: %d\n%s", code, errs)
			}
			before, _, err := digest.File(t.Context(), path("stick.img"))
			if err != nil {
				t.Fatal(err)
			}
			f, err := os.Create(path("disk.raw"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := disk.Blank(f, 4<<30); err != nil {
				t.Fatal(err)
			}
			target := qemu.Drive{ID: "target", Path: path("disk.raw"), Bus: qemu.VirtioBlk, Cache: "unsafe", BootIndex: 2}
			// Writable, as a stick is: the installer must leave it alone by itself.
			stick := qemu.Drive{ID: "stick", Path: path("stick.img"), Bus: c.bus, BootIndex: 1}
			failed := regexp.MustCompile(`The installer will now terminate\.`)
			console := untilEnd(t, c.arch, failed, target, stick)
			for _, want := range []string{"IMGASM-GRUB boot", c.ks, "Creating disklabel on /dev/vda", "Complete!", "Powering off."} {
				if !strings.Contains(console, want) {
					t.Fatalf("the console of the installation does not say %q:\n%s", want, console)
				}
			}
			if after, _, err := digest.File(t.Context(), path("stick.img")); err != nil || after != before {
				t.Errorf("the installer has written to the stick: %v", err)
			}
			target.BootIndex = 1
			login := regexp.MustCompile(`\S+ login: `)
			console = untilEnd(t, c.arch, login, target)
			if !login.MatchString(console) || strings.Contains(console, "inst.ks=") {
				t.Errorf("the installed disk does not come up by itself:\n%s", console)
			}
		})
	}
}

// untilEnd runs a machine until its console matches stop, or it powers off,
// and returns the console.
func untilEnd(t *testing.T, a arch.Arch, stop *regexp.Regexp, drives ...qemu.Drive) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	pair, err := firmware.Find(ctx, firmware.Query{Arch: a.Name, Getenv: os.Getenv})
	if err != nil {
		t.Skip("no firmware: ", err)
	}
	codeFile, vars, err := firmware.Prepare(pair, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	vm, err := qemu.Start(ctx, qemu.Config{
		Arch: a.Name, MemoryMiB: 1024, Drives: drives, CPUs: 1, Accel: "tcg,thread=single",
		Firmware: &qemu.Firmware{Code: codeFile.Path, Vars: vars.Path, Format: string(codeFile.Format), SecureBoot: pair.SMM},
	}, qemu.Options{})
	if errors.Is(err, qemu.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	ends := vm.Events("SHUTDOWN", "GUEST_PANICKED")
	defer ends.Close()
	if err := vm.Cont(ctx); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var text strings.Builder
	matched, drained := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(drained)
		buf := make([]byte, 4096)
		var once sync.Once
		for {
			n, err := vm.Serial.Read(buf)
			mu.Lock()
			text.Write(buf[:n])
			if stop.MatchString(text.String()) {
				once.Do(func() { close(matched) })
			}
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	select {
	case <-matched:
	case e := <-ends.C():
		if e.Event != "SHUTDOWN" || e.Data["reason"] != "guest-shutdown" {
			t.Errorf("the guest ended with %s %v", e.Event, e.Data)
		}
	case <-vm.Done():
		t.Error("QEMU ended: ", vm.Stderr())
	case <-ctx.Done():
		t.Error("the guest did not end in time")
	}
	vm.Close() // ends the console
	<-drained
	return text.String()
}
