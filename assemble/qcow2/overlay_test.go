package qcow2_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// An overlay is what qemu-img takes it for, is written by QEMU's own code, and
// leaves what lies below alone.
func TestCreateOverlay(t *testing.T) {
	qemuImg := hosttool.Find(t, "qemu-img", "qemu-utils")
	dir := filepath.Join(t.TempDir(), "with, comma")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	disk := make([]byte, 3<<20)
	mixed(disk, 7)
	src := rawFile(t, dir, disk)
	below := filepath.Join(dir, "disk.qcow2")
	writeTo(t, below, src, qcow2.Options{})
	for _, c := range []struct {
		file, format string
		size         int64
	}{{below, "qcow2", 0}, {below, "qcow2", 40 << 30}, {filepath.Join(dir, "disk.raw"), "raw", 0}, {filepath.Join(dir, "disk.raw"), "raw", 4<<20 + 1}} {
		layer := filepath.Join(t.TempDir(), "layer.qcow2")
		if err := qcow2.CreateOverlay(layer, c.file, c.format, c.size); err != nil {
			t.Fatal(err)
		}
		qemu(t, qemuImg, "check", "-q", layer)
		text, err := exec.Command(qemuImg, "info", "--output=json", layer).Output()
		var info struct {
			Size    int64  `json:"virtual-size"`
			Backing string `json:"full-backing-filename"`
			Format  string `json:"backing-filename-format"`
		}
		want := (max(c.size, int64(len(disk))) + 511) / 512 * 512
		if err := errors.Join(err, json.Unmarshal(text, &info)); err != nil || info.Size != want || info.Backing != c.file || info.Format != c.format {
			t.Errorf("%v: %+v, want %d bytes on %s (%s)", err, info, want, c.file, c.format)
		}
		if c.size == 0 {
			qemu(t, qemuImg, "compare", "-q", "-f", "qcow2", "-F", c.format, layer, c.file)
		}
		qemu(t, "qemu-io", "-f", "qcow2", "-c", "write -P 0x5a 70000 300000", "-c", "read -P 0x5a 70000 300000", layer)
		qemu(t, qemuImg, "check", "-q", layer)
		qemu(t, qemuImg, "compare", "-q", "-f", "raw", "-F", "qcow2", filepath.Join(dir, "disk.raw"), below)
	}
}

func TestCreateOverlayRefuses(t *testing.T) {
	dir := t.TempDir()
	src := rawFile(t, dir, make([]byte, 1<<20))
	raw, below, layer := filepath.Join(dir, "disk.raw"), filepath.Join(dir, "disk.qcow2"), filepath.Join(dir, "layer.qcow2")
	writeTo(t, below, src, qcow2.Options{})
	if err := qcow2.CreateOverlay(layer, below, "qcow2", 0); err != nil {
		t.Fatal(err)
	}
	long := filepath.Join(append([]string{dir}, strings.Split(strings.Repeat("d,", 520), ",")...)...)
	if err := os.MkdirAll(long, 0o700); err != nil {
		t.Skip(err)
	}
	deep := filepath.Join(long, "x")
	if err := os.WriteFile(deep, make([]byte, 512), 0o600); err != nil {
		t.Skip(err)
	}
	for _, c := range []struct {
		path, file, format string
		size               int64
		want               error
	}{
		{"new", raw, "raw", 1<<20 - 512, qcow2.ErrOverlay},
		{"new", raw, "vmdk", 0, qcow2.ErrOverlay},
		{"new", raw, "qcow2", 0, qcow2.ErrNotQcow2},
		{"new", deep, "raw", 0, qcow2.ErrOverlay},
		{"new", layer, "qcow2", 0, qcow2.ErrBackingFile}, // whose name somebody has chosen
		{"new", filepath.Join(dir, "none"), "raw", 0, fs.ErrNotExist},
		{"layer.qcow2", raw, "raw", 0, fs.ErrExist},
	} {
		if err := qcow2.CreateOverlay(filepath.Join(dir, c.path), c.file, c.format, c.size); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("a refused overlay is there")
	}
}
