package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// An image of Nix's is verified in a real virtual machine. What boots is a
// rehearsal's system: no NixOS can be had where the tests run.
func TestE2ENixos(t *testing.T) {
	hosttool.Machines(t)
	hosttool.Rest(t)
	a := arch.Host()
	dir := t.TempDir()
	disk := filepath.Join(dir, "disk.raw")
	if code, _, stderr := runJSON(t, "rehearse", "--arch", a.Name, "--out", disk, "--disk-size", "5G", "--no-verify"); code != exitDone {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	entry := filepath.Join(dir, "nixos.conf")
	if err := os.WriteFile(entry, []byte("title a rehearsal\noptions console="+a.Console+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	esp := fmt.Sprintf("%s@@%d", disk, espStart(t, disk))
	tool(t, "mmd", "-i", esp, "::/loader", "::/loader/entries")
	tool(t, "mcopy", "-i", esp, entry, "::/loader/entries/nixos.conf")

	flake, _ := realFlake(t)
	tool(t, "qemu-img", "convert", "-O", "qcow2", disk, filepath.Join(flake[len("path:"):], "disk.raw"))
	out := filepath.Join(dir, "nixos.qcow2")
	code, _, stderr := runJSON(t, "nixos", "--arch", a.Name, "--flake", flake+"#packages."+a.Name+"-"+runtime.GOOS+".image", "--out", out)
	if code != exitDone {
		t.Fatalf("exit code %d: %s\nconsole:\n%s", code, stderr, tail(out+".failed/serial.log", 40))
	}
	meta, err := assemble.ReadDescription(out + ".json")
	if err != nil || meta.Tested == nil || meta.Tested.Login == "" && meta.Tested.SSH == "" {
		t.Errorf("%+v, %v", meta, err)
	}
	t.Logf("%v in %.1f s", meta.Tested, meta.Tested.Seconds)
}

// espStart is where the first FAT of a disk begins, in bytes.
func espStart(t *testing.T, path string) int64 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	m, err := inspect.Open(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range m.Volumes {
		if v.Kind == "vfat" {
			return v.StartBytes
		}
	}
	t.Fatalf("%+v", m)
	return 0
}
