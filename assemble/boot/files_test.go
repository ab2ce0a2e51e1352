package boot_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/boot"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/tree"
)

func bootMedia(a arch.Arch) boot.Parts {
	return boot.Parts{
		Arch: a.Name, Shim: tree.Bytes("", []byte("shim")), GRUB: tree.Bytes("", []byte("grub")),
		MokManager: tree.Bytes("", []byte("mok")), Kernel: tree.Bytes("", []byte("kernel")), Initrd: tree.Bytes("", []byte("initrd")),
		GRUBFolder: "EFI/almalinux", KernelArgs: []string{"console=ttyS0,115200n8", "inst.stage2=hd:LABEL=AlmaLinux-10-1-x86_64-dvd"},
	}
}

func TestBootFiles(t *testing.T) {
	for _, c := range []struct {
		a      arch.Arch
		change func(*boot.Parts)
		want   string
	}{
		{arch.X86_64, func(*boot.Parts) {}, "EFI/BOOT/BOOTX64.EFI=shim EFI/BOOT/grubx64.efi=grub EFI/BOOT/mmx64.efi=mok EFI/BOOT/grub.cfg EFI/almalinux/grub.cfg imgasm/vmlinuz=kernel imgasm/initrd.img=initrd"},
		{arch.AArch64, func(*boot.Parts) {}, "EFI/BOOT/BOOTAA64.EFI=shim EFI/BOOT/grubaa64.efi=grub EFI/BOOT/mmaa64.efi=mok EFI/BOOT/grub.cfg EFI/almalinux/grub.cfg imgasm/vmlinuz=kernel imgasm/initrd.img=initrd"},
		{arch.X86_64, func(m *boot.Parts) { m.Shim, m.MokManager, m.GRUBFolder = tree.File{}, tree.File{}, "" }, "EFI/BOOT/BOOTX64.EFI=grub EFI/BOOT/grub.cfg imgasm/vmlinuz=kernel imgasm/initrd.img=initrd"},
		{arch.X86_64, func(m *boot.Parts) { m.MokManager, m.GRUBFolder = tree.File{}, "EFI/boot/" }, "EFI/BOOT/BOOTX64.EFI=shim EFI/BOOT/grubx64.efi=grub EFI/BOOT/grub.cfg imgasm/vmlinuz=kernel imgasm/initrd.img=initrd"},
	} {
		m := bootMedia(c.a)
		c.change(&m)
		files, err := boot.Files(m)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range files {
			var b bytes.Buffer
			if err := tree.Copy(&b, f); err != nil {
				t.Fatal(err)
			}
			s := f.Path
			if !strings.HasSuffix(s, "grub.cfg") {
				s += "=" + b.String()
			}
			got = append(got, s)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.a.Name, s, c.want)
		}
	}
	for _, missing := range []func(*boot.Parts){
		func(m *boot.Parts) { m.GRUB = tree.File{} }, func(m *boot.Parts) { m.Kernel = tree.File{} }, func(m *boot.Parts) { m.Initrd = tree.File{} },
	} {
		m := bootMedia(arch.X86_64)
		missing(&m)
		if _, err := boot.Files(m); !errors.Is(err, boot.ErrMedium) {
			t.Errorf("incomplete medium: %v", err)
		}
	}
}

func TestGRUBConfig(t *testing.T) {
	got, err := boot.GRUBConfig([]string{"console=tty0", `inst.stage2=hd:LABEL=Alma\x20Linux`, `dyndbg="file a.c +p"`, "a=$b;c"})
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "grub.cfg")
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("differs from %s:\n%s", golden, got)
	}
	for _, bad := range []string{"", "a\nb", "a'b", `a"b`, `a\b`, `a\xg`} {
		if _, err := boot.GRUBConfig([]string{bad}); !errors.Is(err, boot.ErrMedium) {
			t.Errorf("argument %q: %v", bad, err)
		}
	}
}

// grubImage is a PE file with one section "mods".
func grubImage(mods []byte) []byte {
	b := make([]byte, 512)
	copy(b, "MZ")
	b[0x3c] = 0x80
	copy(b[0x80:], "PE\x00\x00")
	le := binary.LittleEndian
	le.PutUint16(b[0x84:], 0x8664)
	le.PutUint16(b[0x86:], 1) // sections
	s := b[0x98:]             // no optional header
	copy(s, "mods")
	le.PutUint32(s[8:], uint32(len(mods)))
	le.PutUint32(s[16:], uint32(len(mods)))
	le.PutUint32(s[20:], 512)
	return append(b, mods...)
}

func object(kind uint32, data string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, kind)
	b = binary.LittleEndian.AppendUint32(b, uint32(8+len(data)))
	return append(b, data...)
}

func modules(objects ...[]byte) []byte {
	body := bytes.Join(objects, nil)
	b := append([]byte("mimg\x00\x00\x00\x00"), 24, 0, 0, 0, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(24+len(body)))
	return append(b, body...)
}

func TestGRUBPrefix(t *testing.T) {
	for _, c := range []struct {
		mods []byte
		want string
	}{
		{modules(object(0, "ELF of a module"), object(3, "/EFI/debian\x00\x00\x00"), object(0, "x")), "EFI/debian"},
		{modules(object(3, "(cd0)/EFI/BOOT\x00")), "EFI/BOOT"},
		{modules(object(3, "(,gpt2)/boot/grub\x00")), "boot/grub"},
		{modules(object(3, "/../../x\x00")), "x"},
		{modules(object(0, "no prefix")), ""},
		{modules(object(3, "")), ""},
		{[]byte("not a module area, but long enough"), ""},
		{modules([]byte("\x00\x00\x00\x00\x00\x00\x00\x00")), ""},                      // an object of no size
		{modules([]byte("\x03\x00\x00\x00\xff\xff\xff\xff")), ""},                      // one of 4 GiB
		{append([]byte("mimg\x00\x00\x00\x00"), bytes.Repeat([]byte{255}, 16)...), ""}, // an area past the end of memory
	} {
		b := grubImage(c.mods)
		got, err := boot.GRUBPrefix(bytes.NewReader(b), int64(len(b)))
		if got != c.want || (c.want == "") != errors.Is(err, boot.ErrNoPrefix) {
			t.Errorf("%q: got %q, %v; want %q", c.mods, got, err, c.want)
		}
	}
}

func FuzzGRUBPrefix(f *testing.F) {
	f.Add(grubImage(modules(object(0, "ELF"), object(3, "/EFI/debian\x00"))))
	f.Add(grubImage(modules()))
	f.Add([]byte("MZ"))
	f.Fuzz(func(t *testing.T, b []byte) {
		prefix, err := boot.GRUBPrefix(bytes.NewReader(b), int64(len(b)))
		if err == nil && (prefix == "" || prefix[0] == '/' || strings.HasPrefix(prefix+"/", "../")) {
			t.Errorf("prefix %q", prefix)
		}
	})
}
