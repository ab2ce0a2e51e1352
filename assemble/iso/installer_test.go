package iso

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/tree"
)

// peFile is the least that is recognised as an EFI executable for a machine.
func peFile(machine uint16) []byte {
	b := make([]byte, 512)
	copy(b, "MZ")
	b[0x3c] = 0x80
	copy(b[0x80:], "PE\x00\x00")
	binary.LittleEndian.PutUint16(b[0x84:], machine)
	return b
}

func image(t testing.TB, label string, files ...tree.File) *Image {
	t.Helper()
	var b bytes.Buffer
	if err := WriteInstallerTree(&b, label, files, testTime); err != nil {
		t.Fatal(err)
	}
	m, err := NewImage(bytes.NewReader(b.Bytes()), int64(b.Len()), "test.iso")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestInstaller(t *testing.T) {
	kernel, initrd := tree.Bytes("images/pxeboot/vmlinuz", nil), tree.Bytes("images/pxeboot/initrd.img", nil)
	baseOS, appStream := tree.Bytes("BaseOS/repodata/repomd.xml", nil), tree.Bytes("AppStream/repodata/repomd.xml", nil)
	x64, aa64 := tree.Bytes("EFI/BOOT/BOOTX64.EFI", peFile(0x8664)), tree.Bytes("EFI/BOOT/BOOTAA64.EFI", peFile(0xaa64))
	for _, c := range []struct {
		name, label string
		files       []tree.File
		want        Installer
	}{
		{"boot ISO without .treeinfo", "AlmaLinux-10-2-aarch64-dvd", []tree.File{kernel, initrd, aa64,
			tree.Bytes(".discinfo", []byte("1763550000.1\n10.2\naarch64\nALL\n"))},
			Installer{Arch: "aarch64", Flavour: "aarch64", Product: "AlmaLinux", Version: "10.2", Variant: "boot"}},
		{"dvd", "AlmaLinux-10-1-x86_64-dvd", []tree.File{kernel, initrd, x64, baseOS, appStream,
			tree.Bytes(".treeinfo", []byte("[general]\narch = x86_64\nfamily = AlmaLinux\nversion = 10.1\n"))},
			Installer{Arch: "x86_64", Flavour: "x86_64", Product: "AlmaLinux", Version: "10.1", Variant: "dvd", HasRepos: true}},
		{"minimal for x86-64-v2", "AlmaLinux-10-1-x86_64_v2-dvd", []tree.File{kernel, initrd, x64, baseOS},
			Installer{Arch: "x86_64", Flavour: "x86_64_v2", Product: "AlmaLinux", Version: "10.1", Variant: "minimal", HasRepos: true}},
		{"Kitten, nothing but the label", "AlmaLinux-Kitten-10-x86_64-dvd", []tree.File{kernel, initrd},
			Installer{Arch: "x86_64", Flavour: "x86_64", Product: "AlmaLinux-Kitten", Version: "10", Variant: "boot"}},
		{"the boot file tells the truth", "X", []tree.File{kernel, initrd, aa64,
			tree.Bytes(".discinfo", []byte("1\nOther Linux 10.1\nx86_64\n"))},
			Installer{Arch: "aarch64", Flavour: "x86_64", Product: "Other Linux", Version: "10.1", Variant: "boot"}},
	} {
		in, err := image(t, c.label, c.files...).Installer()
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := *in
		if got.Label != c.label {
			t.Errorf("%s: label %q", c.name, got.Label)
		}
		got.Boot, got.Label = BootFiles{}, ""
		if got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", c.name, got, c.want)
		}
	}
}

func TestInstallerErrors(t *testing.T) {
	kernel, initrd := tree.Bytes("images/pxeboot/vmlinuz", nil), tree.Bytes("images/pxeboot/initrd.img", nil)
	for _, c := range []struct {
		files []tree.File
		want  string
	}{
		{nil, "no images/pxeboot/vmlinuz"},
		{[]tree.File{kernel}, "no images/pxeboot/initrd.img"},
		{[]tree.File{kernel, initrd}, "does not say for which architecture"},
		{[]tree.File{kernel, initrd, tree.Bytes("LiveOS/squashfs.img", nil)}, "is a live image"},
		{[]tree.File{kernel, initrd, tree.Bytes(".discinfo", []byte("1\nX 1\nppc64le\n"))}, "is for ppc64le"},
	} {
		_, err := image(t, "X", c.files...).Installer()
		if !errors.Is(err, ErrNoBootFiles) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
	in := &Installer{Arch: "aarch64"}
	if err := in.CheckArch("x.iso", arch.X86_64.Name); !errors.Is(err, ErrWrongArch) || !strings.Contains(err.Error(), "for aarch64, not for x86_64") {
		t.Errorf("%v", err)
	}
	if err := in.CheckArch("x.iso", arch.AArch64.Name); err != nil {
		t.Error(err)
	}
}

// udev names devices so, and GRUB hands it on: what a build and `imgasm media
// boot` say must not differ for a label with more than letters in it.
func TestStage2Escapes(t *testing.T) {
	in := Installer{Label: "Alma 10 (x86/64)~1"}
	if got, want := in.Stage2(), `hd:LABEL=Alma\x2010\x20\x28x86\x2f64\x29\x7e1`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
