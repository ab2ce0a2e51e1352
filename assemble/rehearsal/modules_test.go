package rehearsal

import (
	"bytes"
	"context"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/unpack"
)

func TestModuleName(t *testing.T) {
	for file, want := range map[string]string{
		"lib/modules/1/kernel/drivers/char/hw_random/virtio-rng.ko": "virtio_rng", "ext4.ko.xz": "ext4", "sr_mod.ko.zst": "sr_mod",
		"x.ko.gz": "x", "x.ko.sig": "", "x.kotlin": "", "modules.dep": "", "": "",
	} {
		if got := moduleName(file); got != want {
			t.Errorf("%q: %q, want %q", file, got, want)
		}
	}
}

func TestReadModule(t *testing.T) {
	elf := fakeModule("ext4", "jbd2,crc-16")
	for _, name := range []string{"ext4.ko", "ext4.ko.xz", "ext4.ko.zst", "ext4.ko.gz"} {
		m, err := readModule("fs/ext4/"+name, bytes.NewReader(packed(t, name, elf)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if m.Name != "ext4" || !slices.Equal(m.Depends, []string{"jbd2", "crc_16"}) || !bytes.Equal(m.Data, elf) {
			t.Errorf("%s: %s needs %v, %d bytes", name, m.Name, m.Depends, len(m.Data))
		}
	}
	for name, data := range map[string][]byte{"a.ko": []byte("text"), "b.ko": elf[:80], "d.ko": nil} {
		if _, err := readModule(name, bytes.NewReader(data)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLoadOrder(t *testing.T) {
	s := fakeSupply(t)
	order, err := loadOrder(wanted, s.have, s.builtin)
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for k, m := range order {
		if _, twice := at[m.Name]; twice {
			t.Errorf("%s comes twice", m.Name)
		}
		at[m.Name] = k
		for _, d := range m.Depends {
			if before, ok := at[d]; !s.builtin[d] && (!ok || before >= k) {
				t.Errorf("%s comes before %s, which it needs", m.Name, d)
			}
		}
	}
	for _, absent := range []string{"virtio_rng", "crc16", "gpio_keys", "uas", "soundcore"} {
		if _, ok := at[absent]; ok {
			t.Errorf("%s is loaded", absent)
		}
	}
	if m := order[at["usb_storage"]]; m.Class != "0x0c03" {
		t.Errorf("usb_storage is for class %q", m.Class)
	}
}

func TestLoadOrderRefuses(t *testing.T) {
	loop := map[string]*module{"a": {Name: "a", Depends: []string{"b"}}, "b": {Name: "b", Depends: []string{"a"}}}
	if _, err := loadOrder([]want{need("a")}, loop, nil); err == nil || !strings.Contains(err.Error(), "itself") {
		t.Errorf("a circle: %v", err)
	}
	if _, err := loadOrder([]want{need("c")}, nil, nil); err == nil || !strings.Contains(err.Error(), "c is missing") {
		t.Errorf("a missing module: %v", err)
	}
	if order, err := loadOrder([]want{like("a"), like("c")}, loop, nil); err != nil || len(order) != 0 {
		t.Errorf("optional ones: %v, %v", order, err)
	}
	if order, err := loadOrder([]want{need("c")}, nil, map[string]bool{"c": true}); err != nil || len(order) != 0 {
		t.Errorf("a built-in one: %v, %v", order, err)
	}
}

func TestBuiltin(t *testing.T) {
	got := builtinModules([]byte("kernel/fs/ext4/ext4.ko\n\nkernel/drivers/virtio/virtio-pci.ko\n"))
	if len(got) != 2 || !got["ext4"] || !got["virtio_pci"] {
		t.Errorf("%v", got)
	}
}

func TestGRUBPrefix(t *testing.T) {
	if got, err := grubPrefix(fakeGRUB); err != nil || got != "/EFI/debian" {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"", "/EFI/debian", "MZ grub \x00/EFI/debian\x00"} {
		if got, err := grubPrefix([]byte(bad)); err == nil {
			t.Errorf("%q: %q", bad, got)
		}
	}
}

func TestSupplyComplete(t *testing.T) {
	s := newSupply(arch.AArch64)
	s.Origin = []string{"here"}
	for _, want := range []string{"no kernel", "no signed shim", "no signed GRUB", "modules.builtin"} {
		err := s.complete()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
		switch want {
		case "no kernel":
			s.Kernel = []byte("k")
		case "no signed shim":
			s.Shim = []byte("s")
		case "no signed GRUB":
			s.GRUB = []byte("g")
		}
	}
}

func TestStoreAndLoad(t *testing.T) {
	s := fakeSupply(t)
	path := filepath.Join(t.TempDir(), "packages.tar")
	before := wanted
	defer func() { wanted = before }()
	if err := s.store(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	back := newSupply(arch.X86_64)
	if err := back.load(path); err != nil {
		t.Fatal(err)
	}
	a, err := keyOf(s)
	if err != nil {
		t.Fatal(err)
	}
	back.tools = maps.Clone(s.tools)
	b, err := keyOf(back)
	if err != nil || a != b {
		t.Errorf("what was stored makes another ISO: %s, %s, %v", a, b, err)
	}
	back.tools["usr/bin/bash"] = tool{name: "usr/bin/bash", pkg: "bash", data: []byte("another")}
	if c, _ := keyOf(back); c == a {
		t.Error("with another bash it is the same ISO")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(path, data[:len(data)/2+100], 0o644) // not between two members
	if err := newSupply(arch.X86_64).load(path); err == nil {
		t.Error("half a file was loaded")
	}
	delete(s.have, "xfs")
	wanted = slices.DeleteFunc(slices.Clone(wanted), func(w want) bool { return w.Name == "xfs" })
	if err := s.store(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	wanted = before
	if err := newSupply(arch.X86_64).load(path); err == nil {
		t.Error("a cache of an older imgasm, without a module that is needed now, was loaded")
	}
}

func TestWalkInitramfs(t *testing.T) {
	early := fakeCpio(t, file{"kernel/x86/microcode/GenuineIntel.bin", "microcode"})
	files := fakeModules()
	main := fakeCpio(t, files...)
	for _, suffix := range []string{"", ".gz", ".xz", ".zst"} {
		data := append(append(bytes.Clone(early), make([]byte, 512)...), packed(t, suffix, main)...)
		s := newSupply(arch.X86_64)
		seen := 0
		err := walkInitramfs(bytes.NewReader(data), func(name, link string, content io.Reader) error {
			seen++
			return s.take(name, link, content)
		})
		if err != nil || seen != len(files)+1 || s.have["ext4"] == nil {
			t.Errorf("%q: %d files, %v", suffix, seen, err)
		}
	}
	for name, bad := range map[string][]byte{"nothing": nil, "zeroes": make([]byte, 100), "unknown": []byte("BZh91AY"), "cut": main[:bytes.LastIndex(main, []byte("070701"))+20], "junk inside": packed(t, ".gz", []byte("junk"))} {
		if err := walkInitramfs(bytes.NewReader(bad), func(string, string, io.Reader) error { return nil }); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestInitrdIsReadByCpio(t *testing.T) {
	tool, err := exec.LookPath("cpio")
	if err != nil {
		t.Skip("cpio is missing: nothing else says whether the archive is sound")
	}
	files, err := initrdFiles(fakeSupply(t))
	if err != nil {
		t.Fatal(err)
	}
	data, err := initrd(files)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := unpack.Reader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	cmd := exec.CommandContext(context.Background(), tool, "-tv", "--quiet")
	cmd.Stdin = plain
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"crw-------   1 root     root       5,   1", " init\n", " modules/ext4.ko\n", " modules/order\n", " guest/dialect.sh\n", " usr/bin/mount -> busybox\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func FuzzWalkInitramfs(f *testing.F) {
	f.Add(fakeCpio(f, file{"a", "b"}))
	f.Add(packed(f, ".gz", fakeCpio(f, file{"init", "x"})))
	f.Add([]byte("\x28\xb5\x2f\xfd\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		n := 0
		walkInitramfs(bytes.NewReader(data), func(name, _ string, content io.Reader) error {
			if n++; n > 1000 {
				return io.ErrShortBuffer
			}
			return nil
		})
	})
}

func FuzzReadModule(f *testing.F) {
	f.Add(fakeModule("ext4", "jbd2"))
	f.Add([]byte("\x7fELF"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := readModule("x.ko", bytes.NewReader(data)); err == nil && m.Name != "x" {
			t.Errorf("name %q", m.Name)
		}
	})
}

func BenchmarkInitrd(b *testing.B) {
	s := fakeSupply(b)
	for b.Loop() {
		files, err := initrdFiles(s)
		if err == nil {
			_, err = initrd(files)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func keyOf(s *supply) (string, error) {
	c, err := contentsOf(s)
	return contentKey(s, c), err
}
