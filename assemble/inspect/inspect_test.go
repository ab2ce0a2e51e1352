package inspect_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/inspect"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// run runs a tool of the host.
func run(t testing.TB, name, debianPackage, stdin string, args ...string) {
	t.Helper()
	cmd := exec.Command(hosttool.Find(t, name, debianPackage), args...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "MTOOLS_SKIP_CHECK=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

// blank makes a file of a size.
func blank(t testing.TB, size int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk.raw")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	return path
}

// installed makes a disk as Anaconda does, by the tools that blivet has behind
// it: a table, and what plain mkfs.vfat makes of an ESP of this size.
func installed(t testing.TB, label string, espMiB int, loader string) string {
	t.Helper()
	path := blank(t, int64(espMiB+16)<<20)
	kind := map[string]string{"gpt": "uefi", "dos": "ef"}[label]
	run(t, "sfdisk", "fdisk", "label: "+label+"\nstart=1MiB, size="+strconv.Itoa(espMiB)+"MiB, type="+kind+"\nsize=8MiB, type=linux\n", path)
	run(t, "mkfs.vfat", "dosfstools", "", "--offset", "2048", path, strconv.Itoa(espMiB<<10))
	if loader != "" {
		file := filepath.Join(t.TempDir(), "loader")
		if err := os.WriteFile(file, []byte("MZ"), 0o600); err != nil {
			t.Fatal(err)
		}
		esp := path + "@@1M"
		run(t, "mmd", "mtools", "", "-i", esp, "::/EFI", "::/EFI/BOOT", "::/EFI/almalinux")
		run(t, "mcopy", "mtools", "", "-i", esp, file, "::/EFI/BOOT/"+loader)
	}
	return path
}

// boot says what Boot says.
func boot(t testing.TB, r io.ReaderAt, size int64, a arch.Arch, uefi bool) string {
	t.Helper()
	found, err := inspect.Boot(r, size, a.Name, uefi)
	switch {
	case err != nil && !errors.Is(err, inspect.ErrCannotBoot):
		t.Fatalf("%v is not ErrCannotBoot", err)
	case err != nil:
		return "seen: " + err.Error()
	case found.Unread != nil:
		return "unread: " + found.Unread.Error()
	}
	return found.Found
}

// The ESP of the default kickstart is 200 MiB, of which mkfs.vfat makes a FAT16.
func TestInstalledByTools(t *testing.T) {
	for _, c := range []struct {
		label  string
		espMiB int
		loader string
		want   string
	}{
		{"gpt", 8, "BOOTX64.EFI", `GPT with 2 partitions, \EFI\BOOT\BOOTX64.EFI (FAT12)`},
		{"gpt", 200, "BOOTX64.EFI", `GPT with 2 partitions, \EFI\BOOT\BOOTX64.EFI (FAT16)`},
		{"gpt", 512, "bootx64.efi", `GPT with 2 partitions, \EFI\BOOT\bootx64.efi (FAT32)`},
		{"dos", 200, "BOOTX64.EFI", `MBR with 2 partitions, \EFI\BOOT\BOOTX64.EFI (FAT16)`},
		{"gpt", 200, "BOOTAA64.EFI", `seen: its EFI system partition (partition 1, FAT16) has no \EFI\BOOT\BOOTX64.EFI`},
		{"dos", 200, "", `seen: its EFI system partition (partition 1, FAT16) has no \EFI\BOOT\BOOTX64.EFI`},
	} {
		f, err := os.Open(installed(t, c.label, c.espMiB, c.loader))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if got := boot(t, f, int64(c.espMiB+16)<<20, arch.X86_64, true); got != c.want {
			t.Errorf("%s, %d MiB, %q: %s; want %s", c.label, c.espMiB, c.loader, got, c.want)
		}
	}
}

// What is damaged is not what is wrong: a disk is refused for what was seen, and
// whatever else a guest has written is a note.
func TestDamaged(t *testing.T) {
	good, err := os.ReadFile(installed(t, "gpt", 8, "BOOTX64.EFI"))
	if err != nil {
		t.Fatal(err)
	}
	const esp = 1 << 20
	le := binary.LittleEndian
	fatStart := esp + int(le.Uint16(good[esp+14:]))*512
	rootStart := fatStart + int(good[esp+16])*int(le.Uint16(good[esp+22:]))*512
	fill := func(from, n int, b byte) func([]byte) {
		return func(d []byte) { copy(d[from:from+n], bytes.Repeat([]byte{b}, n)) }
	}
	for _, c := range []struct {
		name   string
		change func(d []byte)
		want   string // a beginning
	}{
		{"whole", func([]byte) {}, "GPT with 2 partitions"},
		{"nothing on it", func(d []byte) { clear(d) }, "seen: it has no partition table"},
		{"first GPT damaged", fill(512, 512, 0), "GPT, of which only the backup is whole, with 2"},
		{"entries damaged", fill(1024, 1, 1), "GPT, of which only the backup is whole, with 2"},
		{"both GPTs damaged", func(d []byte) { clear(d[512:1024]); clear(d[len(d)-512:]) }, "unread: its partition table could not be read: GPT: no header"},
		{"protective MBR gone", fill(0, 512, 0), "unread: its partition table could not be read: a GPT without the protective MBR"},
		{"boot sector zero", fill(esp, 512, 0), "unread: EFI system partition 1 could not be read"},
		{"no bytes in a sector", fill(esp+11, 2, 0), "unread: EFI system partition 1 could not be read"},
		{"no sectors in a cluster", fill(esp+13, 1, 0), "unread: EFI system partition 1 could not be read"},
		{"three sectors in a cluster", fill(esp+13, 1, 3), "unread: EFI system partition 1 could not be read"},
		{"no reserved sectors", fill(esp+14, 2, 0), "unread: EFI system partition 1 could not be read"},
		{"no tables", fill(esp+16, 1, 0), "unread: EFI system partition 1 could not be read"},
		{"more sectors than the partition", fill(esp+19, 2, 0xff), "unread: EFI system partition 1 could not be read"},
		{"no sectors in a table", fill(esp+22, 2, 0), "unread: EFI system partition 1 could not be read"},
		{"table over all the rest", fill(esp+22, 2, 0xff), "unread: EFI system partition 1 could not be read"},
		// Its directories begin elsewhere then, and do not name their parents.
		{"root directory of 2 MiB", fill(esp+17, 2, 0xff), "unread: partition 1 (FAT12) could not be read"},
		{"BPB all ones", fill(esp+11, 79, 0xff), "unread: EFI system partition 1 could not be read"},
		{"table zero: chains end nowhere", fill(fatStart, 4096, 0), "GPT with 2"}, // the loader is in the first cluster's entries
		{"directories in unknown clusters", func(d []byte) { fill(rootStart+26, 2, 0xff)(d); fill(rootStart+32+26, 2, 0xff)(d) }, "unread: partition 1 (FAT12) could not be read"},
	} {
		d := bytes.Clone(good)
		c.change(d)
		if got := boot(t, bytes.NewReader(d), int64(len(d)), arch.X86_64, true); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s; want %s", c.name, got, c.want)
		}
	}
}

func TestBootBIOS(t *testing.T) {
	code, signed := make([]byte, 4096), make([]byte, 4096)
	copy(signed[510:], "\x55\xaa")
	copy(code, signed)
	code[0] = 0xeb
	for _, c := range []struct {
		name  string
		image []byte
		want  string
	}{
		{"code", code, "boot sector with code"},
		{"protective MBR alone", signed, "seen: its boot sector has no code: the boot loader was not installed"},
		{"blank", make([]byte, 4096), "seen: its first sector is no boot sector"},
		{"too short to be read", code[:100], "unread: its first sector could not be read"},
	} {
		if got := boot(t, bytes.NewReader(c.image), int64(len(c.image)), arch.X86_64, false); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s; want %s", c.name, got, c.want)
		}
	}
}

// patched is a disk of which somebody has changed some bytes.
type patched struct {
	image []byte
	bytes map[int64]byte
	read  int64
}

func (p *patched) ReadAt(b []byte, off int64) (int, error) {
	n, err := bytes.NewReader(p.image).ReadAt(b, off)
	for i := range b[:n] {
		if c, ok := p.bytes[off+int64(i)]; ok {
			b[i] = c
		}
	}
	p.read += int64(n)
	return n, err
}

// Whatever bytes a guest has changed on a disk that booted: no panic, no hang,
// and an error only for what was seen.
func FuzzBoot(f *testing.F) {
	image, err := os.ReadFile(installed(f, "gpt", 1, "BOOTX64.EFI"))
	if err != nil {
		f.Fatal(err)
	}
	const esp = 1 << 20
	// Where a change matters: tables, boot sector, file allocation table, folders.
	places := []int64{0, 512, 1024, esp, esp + 512, esp + 1024, esp + 4096, esp + 8192, esp + 16384, esp + 20480, int64(len(image)) - 512}
	f.Add([]byte{3, 11, 0, 0})
	f.Add([]byte{1, 80, 0, 255, 10, 80, 0, 255})
	f.Fuzz(func(t *testing.T, changes []byte) {
		d := &patched{image: image, bytes: map[int64]byte{}}
		for c := changes; len(c) >= 4; c = c[4:] { // place, offset, value
			d.bytes[places[int(c[0])%len(places)]+int64(c[1])+int64(c[2])<<8] = c[3]
		}
		if got := boot(t, d, int64(len(image)), arch.X86_64, true); got == "" {
			t.Error("neither an answer nor an error")
		}
		if d.read > 64<<20 {
			t.Errorf("read %d bytes", d.read)
		}
	})
}
