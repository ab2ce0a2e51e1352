package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/internal/tree"
)

// fakeInstaller writes the least that passes for an installer ISO for x86_64.
func fakeInstaller(t testing.TB, path string) {
	t.Helper()
	kernel := make([]byte, 4096) // a bzImage: Documentation/arch/x86/boot.rst
	copy(kernel[0x1fe:], []byte{0x55, 0xaa})
	copy(kernel[0x202:], "HdrS")
	kernel[0x206], kernel[0x207], kernel[0x236] = 0x0f, 0x02, 1
	efi := make([]byte, 512) // a PE image for x86_64
	copy(efi, "MZ")
	efi[0x3c] = 0x80
	copy(efi[0x80:], "PE\x00\x00\x64\x86")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	err = iso.WriteInstallerTree(f, "AlmaLinux-10-1-x86_64-dvd", []tree.File{
		tree.Bytes("images/pxeboot/vmlinuz", kernel),
		tree.Bytes("EFI/BOOT/BOOTX64.EFI", efi),
		tree.Bytes("EFI/BOOT/grubx64.efi", efi),
		tree.Bytes("images/pxeboot/initrd.img", []byte("initrd")),
		tree.Bytes("images/install.img", []byte("stage 2")),
		tree.Bytes(".discinfo", []byte("1700000000.0\nAlmaLinux 10.1\nx86_64\n1\n")),
		tree.Bytes("BaseOS/repodata/repomd.xml", []byte("<repomd/>")),
	}, time.Unix(1700000000, 0))
	if err != nil {
		t.Fatal(err)
	}
}

// fileInputs is every verb and flag that takes a file, with @ for the file. ISO
// and KS are files that can be read, so that the other one is what is refused.
var fileInputs = []string{
	"alma --iso @",
	"alma --kickstart @ --arch x86_64 --iso ISO",
	"alma --kickstart @ --arch x86_64 --iso ISO --offline",
	"alma --post @ --arch x86_64 --iso ISO",
	"alma --ca @ --arch x86_64 --iso ISO",
	"alma --copy @:/x --arch x86_64 --iso ISO",
	"alma --ssh-key @ --arch x86_64 --iso ISO",
	"alma --password-file @ --arch x86_64 --iso ISO",
	"alma --root-password-file @ --arch x86_64 --iso ISO",
	"alma --keyring @",
	"alma --locked --lock-file @ --arch x86_64 --iso ISO",
	"nixos --locked --lock-file @",
	"rehearse --iso @",
	"rehearse --offline --kickstart @",
	"rehearse --post @",
	"rehearse --copy @:/x",
	"rehearse --ca @",
	"kickstart lint @",
	"kickstart lint KS @",
	"kickstart fmt @",
	"lint @",
	"fmt @",
	"kickstart fmt --check KS @",
	"kickstart render --post @",
	"kickstart render --ssh-key @",
	"kickstart render --password-file @",
	"kickstart render --root-password-file @",
	"replay @",
	"report @",
	"build --file @",
	"config show --file @",
	"run @",
	"run DISK --ssh-key @",
	"run DISK --user-data @",
	"verify @",
	"verify DISK --check @",
	"verify DISK --user admin --identity @",
	"verify DISK --user admin --password-file @",
	"replay KS --log @",
	"replay KS --kickstart @",
	"replay KS --progress @",
	"source inspect @",
	"source verify @",
	"source verify --checksum SUM @",
	"source verify --keyring @ KS",
	"source list --available --keyring @",
	"source fetch --keyring @",
	"firmware extract @",
	"firmware extract KS --keyring @",
	"firmware show --firmware @",
	"media oemdrv @ -o OUT",
	"media boot --iso @ -o OUT",
	"media boot --iso ISO --kickstart @ -o OUT",
	"media boot --iso ISO --kickstart KS --extra @ -o OUT",
	"media usb --iso @ --kickstart KS -o OUT",
	"media usb --iso ISO --kickstart @ -o OUT",
	"media usb --iso ISO --kickstart KS --extra @ -o OUT",
	"convert @ out.raw",
	"image info @",
	"image check @",
	"image compare @ KS",
	"image compare KS @",
	"lima template @",
	"inspect @",
	"inspect @ --ls /",
	"cp @:/etc/fstab OUT",
	"diff @ KS",
}

// A file that cannot be read is bad input, whoever was to read it, and the
// message names it and says what to do.
func TestUnreadableFiles(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("ks.cfg", []byte("text\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fakeInstaller(t, "installer.iso")
	disk := make([]byte, 1<<20) // with a BIOS' boot loader
	disk[0], disk[510], disk[511] = 0xeb, 0x55, 0xaa
	if err := os.WriteFile("disk.raw", disk, 0o600); err != nil {
		t.Fatal(err)
	}
	bad := map[string]func(string) error{
		"missing": func(string) error { return nil },
		"folder":  func(p string) error { return os.Mkdir(p, 0o755) },
		"loop":    func(p string) error { return os.Symlink(filepath.Base(p), p) },
		"secret":  func(p string) error { return os.WriteFile(p, []byte("text\n"), 0) },
		"beneath": func(string) error { return nil },
	}
	for name, prepare := range bad {
		if err := prepare(name); err != nil {
			t.Fatal(err)
		}
		path := name
		if name == "beneath" {
			path = filepath.Join("ks.cfg", "beneath")
		}
		if f, err := os.Open(path); err == nil && name == "secret" {
			f.Close()
			t.Log("SKIPPED: files without permission: this user may read them all")
			continue
		}
		for _, line := range fileInputs {
			if name == "folder" && (strings.Contains(line, "--extra") || strings.Contains(line, "--copy")) {
				continue // a folder is taken with all that is in it
			}
			t.Run(name+"/"+line, func(t *testing.T) {
				words := strings.NewReplacer("@", path, "ISO", "installer.iso", "DISK", "disk.raw", "KS", "ks.cfg", "OUT", "out", "SUM", strings.Repeat("a", 64)).Replace(line)
				var stdout, stderr bytes.Buffer
				env := map[string]string{"IMGASM_CACHE": filepath.Join(dir, "cache")}
				code := run(context.Background(), append([]string{"imgasm"}, strings.Fields(words)...), strings.NewReader(""), &stdout, &stderr, func(k string) string { return env[k] })
				if code != exitInput {
					t.Errorf("exit code %d, want %d", code, exitInput)
				}
				if text := stderr.String(); !strings.Contains(text, path) || !strings.Contains(text, "imgasm: hint: ") || strings.Contains(text, "open "+path+": open") {
					t.Errorf("says %q", text)
				}
			})
		}
	}
}

// TestUnreadableFiles leaves no flag and no argument out that names a file.
func TestFileInputsComplete(t *testing.T) {
	left := []string{"remote-binary", // read when the other host answers
		"out", "bundle", "report", "junit", keyFlag, "inspect --sbom", // made, not read
		"inspect --ls", "inspect --cat", // of an image
		"qemu",                                                                                              // without it the host lacks something
		"alma --firmware", "nixos --firmware", "rehearse --firmware", "run --firmware", "verify --firmware", // looked at when there is a QEMU
		"rehearse --lock-file", // read when there is an installer ISO
	}
	has := func(verb, what string) bool {
		return slices.ContainsFunc(fileInputs, func(line string) bool {
			rest, ok := strings.CutPrefix(line, verb+" ")
			return ok && strings.Contains(" "+rest+" ", what)
		})
	}
	var walk func(prefix string, commands []*cli.Command)
	walk = func(prefix string, commands []*cli.Command) {
		for _, c := range commands {
			verb := prefix + c.Name
			walk(verb+" ", c.Subcommands)
			// Where there is no such file, lima start and console take it for a machine's name.
			file := namesFile(argument(c.ArgsUsage, 0)) || namesFile(argument(c.ArgsUsage, 1))
			if file && !slices.Contains([]string{"lima start", "console", "scp"}, verb) {
				if !has(verb, " @") {
					t.Errorf("no case for %s %s", verb, c.ArgsUsage)
				}
			}
			for _, f := range c.Flags {
				value, usage := flagText(f)
				name := f.Names()[0]
				if namesFile(value) && !slices.Contains(left, name) && !slices.Contains(left, verb+" --"+name) && !has(verb, "--"+name+" @") {
					t.Errorf("no case for %s --%s: %s", verb, name, usage)
				}
			}
		}
	}
	walk("", (&app{}).commands())
}
