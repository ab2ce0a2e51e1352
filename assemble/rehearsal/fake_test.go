// Small stand-ins for what distributions ship: kernel modules, packages,
// initial RAM file systems.

package rehearsal

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"github.com/cavaliergopher/cpio"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/grubtest"
)

// fakeModule is an ELF64 file with nothing but a section .modinfo.
func fakeModule(name string, depends string) []byte {
	info := []byte("license=GPL\x00depends=" + depends + "\x00name=" + name + "\x00vermagic=6.1.0 SMP\x00")
	names := []byte("\x00.modinfo\x00.shstrtab\x00")
	le := binary.LittleEndian
	head := make([]byte, 64)
	copy(head, "\x7fELF\x02\x01\x01")
	le.PutUint16(head[16:], 1) // relocatable
	le.PutUint16(head[18:], 62)
	le.PutUint32(head[20:], 1)
	le.PutUint64(head[40:], uint64(64+len(info)+len(names)))
	le.PutUint16(head[52:], 64)
	le.PutUint16(head[58:], 64)
	le.PutUint16(head[60:], 3)
	le.PutUint16(head[62:], 2)
	out := append(append(head, info...), names...)
	section := func(name, kind uint32, offset, size int) {
		s := make([]byte, 64)
		le.PutUint32(s[0:], name)
		le.PutUint32(s[4:], kind)
		le.PutUint64(s[24:], uint64(offset))
		le.PutUint64(s[32:], uint64(size))
		out = append(out, s...)
	}
	section(0, 0, 0, 0)
	section(1, 1, 64, len(info))
	section(10, 3, 64+len(info), len(names))
	return out
}

// packed compresses by a file name's suffix.
func packed(t testing.TB, name string, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch {
	case bytes.HasSuffix([]byte(name), []byte(".xz")):
		w, err = xz.NewWriter(&b)
	case bytes.HasSuffix([]byte(name), []byte(".zst")):
		w, err = zstd.NewWriter(&b)
	case bytes.HasSuffix([]byte(name), []byte(".gz")):
		w = gzip.NewWriter(&b)
	default:
		return data
	}
	if err != nil {
		t.Fatal(err)
	}
	w.Write(data)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type file struct{ name, data string }

// fakeDeb is a package with data.tar compressed as the member's name says.
func fakeDeb(t testing.TB, member string, files ...file) []byte {
	t.Helper()
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	w.WriteHeader(&tar.Header{Name: "./boot/", Typeflag: tar.TypeDir, Mode: 0o755})
	for _, f := range files {
		h := &tar.Header{Name: "./" + f.name, Mode: 0o644, Size: int64(len(f.data))}
		if len(f.data) > 2 && f.data[:2] == "->" {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, f.data[2:], 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeSymlink {
			w.Write([]byte(f.data))
		}
	}
	w.Close()
	b := bytes.NewBufferString("!<arch>\n")
	for _, m := range []struct {
		name string
		data []byte
	}{{"debian-binary", []byte("2.0\n")}, {"control.tar.xz", []byte("odd")}, {member, packed(t, member, data.Bytes())}} {
		fmt.Fprintf(b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", m.name, 0, 0, 0, "100644", len(m.data))
		b.Write(m.data)
		if len(m.data)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

// fakeCpio is one newc archive.
func fakeCpio(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := cpio.NewWriter(&b)
	for _, f := range files {
		if err := w.WriteHeader(&cpio.Header{Name: f.name, Mode: cpio.TypeReg | 0o644, Size: int64(len(f.data))}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(f.data))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// fakeGRUB holds a prefix as a signed GRUB does.
var fakeGRUB = grubtest.Image(arch.X86_64.PEMachine, "/EFI/debian\x00")

// fakeModules are all that the guest loads, as files of a package; a few have
// a dependency, and the list of built-in ones has one that is wanted.
func fakeModules() []file {
	dir := "lib/modules/6.1.0-1-test/"
	files := []file{{dir + "modules.builtin", "kernel/drivers/virtio/virtio_rng.ko\nkernel/lib/crc16.ko\n"}}
	for _, w := range wanted {
		if w.Name == "virtio_rng" || w.Name == "gpio_keys" {
			continue
		}
		depends := ""
		switch w.Name {
		case "virtio_blk", "virtio_scsi", "virtio_net":
			depends = "virtio,virtio-ring"
		case "ext4":
			depends = "jbd2,crc16"
		case "uas":
			depends = "not_there"
		}
		files = append(files, file{dir + "kernel/drivers/x/" + w.Name + ".ko", string(fakeModule(w.Name, depends))})
	}
	for name, depends := range map[string]string{"virtio": "virtio_ring", "virtio_ring": "", "jbd2": ""} {
		files = append(files, file{dir + "kernel/drivers/y/" + name + ".ko", string(fakeModule(name, depends))})
	}
	return append(files, file{dir + "kernel/sound/soundcore.ko", "not even a module"})
}

// fakeSupply is complete.
func fakeSupply(t testing.TB) *supply {
	t.Helper()
	s := newSupply(arch.X86_64)
	s.Origin = []string{"linux-image-test_1_amd64"}
	s.tools = fakeTools(t, arch.X86_64)
	for _, f := range append(fakeModules(), file{"boot/vmlinuz-6.1.0-1-test", "kernel"},
		file{"usr/lib/shim/shimx64.efi.signed", "shim"}, file{"usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", string(fakeGRUB)}) {
		if err := s.take(f.name, "", bytes.NewReader([]byte(f.data))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.complete(); err != nil {
		t.Fatal(err)
	}
	return s
}
