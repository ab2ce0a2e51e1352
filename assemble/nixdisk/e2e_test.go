package nixdisk_test

// Disks in real virtual machines: firmware, systemd-boot, a distribution's kernel,
// which mounts the root, reads all of it and writes.

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/boot"
	"github.com/imgasm/imgasm/assemble/nixdisk"
	"github.com/imgasm/imgasm/assemble/rehearsal/debian"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/tree"
	"github.com/imgasm/imgasm/qemu"
)

// modules that a kernel of Debian's needs to mount an ext4 root on a virtio disk,
// as far as it has not built them in.
var modules = []string{"virtio", "virtio_ring", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk", "crc16", "libcrc32c", "crc32c_generic", "mbcache", "jbd2", "ext4"}

// borrowed fetches a kernel, its modules and systemd-boot, and builds an initrd.
func borrowed(t *testing.T, a arch.Arch) map[string]string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	archive, err := debian.Open(t.Context(), debian.Options{
		Dir: filepath.Join(cache, "imgasm", "nixdisk-test"), Arch: a.GOARCH, Mirrors: debian.SystemMirrors(os.DirFS("/etc/apt")),
	})
	if err != nil {
		t.Fatal(err)
	}
	kernel, err := archive.Kernel()
	if err != nil {
		t.Fatal(err)
	}
	kernel = strings.TrimSuffix(kernel, a.GOARCH) + "cloud-" + a.GOARCH // smaller
	debs, err := archive.Download(t.Context(), kernel, "systemd-boot-efi")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := map[string]string{}
	kos := make([][]byte, len(modules))
	for _, deb := range debs {
		eachOf(t, deb, func(name string, r io.Reader) {
			base := path.Base(name)
			for i, m := range modules {
				if base == m+".ko" {
					kos[i] = all(t, r)
				}
			}
			if as := map[bool]string{strings.HasPrefix(base, "vmlinuz-"): "kernel", strings.HasPrefix(base, "systemd-boot") && path.Ext(base) == ".efi": "manager.efi"}[true]; as != "" {
				files[as] = filepath.Join(dir, as)
				if err := os.WriteFile(files[as], all(t, r), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	files["init"], files["initrd"] = filepath.Join(dir, "init"), filepath.Join(dir, "initrd")
	build := exec.Command("go", "build", "-o", files["init"], "./testdata/init")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+a.GOARCH)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program, err := os.ReadFile(files["init"])
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	cpio := boot.NewArchive(&b, 0, time.Time{})
	cpio.Add(boot.Entry{Name: "init", Mode: boot.TypeFile | 0o755, Contents: tree.Bytes("init", program)})
	cpio.Add(boot.Entry{Name: "modules", Mode: boot.TypeDir | 0o755})
	for i, ko := range kos {
		if ko != nil {
			cpio.Add(boot.Entry{Name: fmt.Sprintf("modules/%02d-%s.ko", i, modules[i]), Mode: boot.TypeFile | 0o644, Contents: tree.Bytes("ko", ko)})
		}
	}
	if err := errors.Join(cpio.End(), os.WriteFile(files["initrd"], b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	return files
}

// eachOf calls visit for the files of a Debian package.
func eachOf(t *testing.T, deb string, visit func(name string, r io.Reader)) {
	t.Helper()
	out, err := exec.Command(hosttool.Find(t, "dpkg-deb", "dpkg"), "--fsys-tarfile", deb).Output()
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(bytes.NewReader(out)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		visit(h.Name, r)
	}
}

func all(t *testing.T, r io.Reader) []byte {
	t.Helper()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestE2EDisk(t *testing.T) {
	hosttool.Machines(t)
	for _, c := range []struct {
		arch arch.Arch
		set  map[string]string
		rest bool // in make test-all only
	}{
		{arch.X86_64, map[string]string{"EFI": "x64.efi", "PACKAGES": "100", "COUNT": "500", "SIZE": "600"}, false},
		{arch.AArch64, map[string]string{"EFI": "aa64.efi", "SCRIPTSAYS": "store_subdir sha256", "COUNT": "200"}, true},
	} {
		t.Run(c.arch.Name, func(t *testing.T) {
			if c.rest {
				hosttool.Rest(t)
			}
			c.set["ARCH"] = c.arch.Name
			c.set["PARAMS"] = fmt.Sprintf("%q, %q,", "console="+c.arch.Console, "panic=-1")
			if e := c.arch.EmulatedArg; e != "" {
				c.set["PARAMS"] += fmt.Sprintf("%q,", e)
			}
			n, toplevel := built(t, c.set, borrowed(t, c.arch))
			disk := assembled(t, nixdisk.Config{Nix: n, Toplevel: toplevel, Arch: c.arch.Name, FreeBytes: 200 << 20, ESPBytes: 128 << 20})
			judged(t, disk, 128<<20)
			console := booted(t, c.arch, disk)
			m := regexp.MustCompile(`STAGE-2 of (\S+): (\d+) files, (\d+) bytes`).FindStringSubmatch(console)
			if m == nil || m[1] != toplevel || !strings.Contains(console, "STAGE-1 goes to "+toplevel+"/init") {
				t.Errorf("%q\n%s", m, console)
			}
			root := fmt.Sprint(disk, "?offset=", rootStart(128<<20)) // what the kernel has written to is whole, and holds it
			run(t, "e2fsck", "e2fsprogs", "-fn", root)
			if said := run(t, "debugfs", "e2fsprogs", "-R", "cat /etc/written", root); !strings.Contains(said, "by the system") {
				t.Errorf("/etc/written: %s", said)
			}
			verified(t, n, toplevel, root)
		})
	}
}

// booted starts a machine from a disk and returns its console when it has
// powered itself off.
func booted(t *testing.T, a arch.Arch, disk string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	pair, err := firmware.Find(ctx, firmware.Query{Arch: a.Name, Getenv: os.Getenv})
	if err != nil {
		t.Skip("no firmware: ", err)
	}
	code, vars, err := firmware.Prepare(pair, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	vm, err := qemu.Start(ctx, qemu.Config{
		Arch: a.Name, MemoryMiB: 1024, Drives: []qemu.Drive{{ID: "disk", Path: disk, Bus: qemu.VirtioBlk, BootIndex: 1}},
		Firmware: &qemu.Firmware{Code: code.Path, Vars: vars.Path, Format: string(code.Format)},
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
	for buf := make([]byte, 4096); !strings.Contains(console.String(), "reboot: Power down"); {
		n, err := vm.Serial.Read(buf)
		console.Write(buf[:n])
		if err != nil {
			t.Errorf("the console: %v", err)
			break
		}
	}
	return console.String()
}
