package qemu

import (
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgasm/imgasm/qemu/qemutest"
)

// Old and new QEMUs give a PNG, and nothing is left beside it.
func TestScreendump(t *testing.T) {
	for _, version := range [][3]int{{7, 0, 0}, {7, 1, 0}, {10, 0, 2}} {
		vm, err := Start(t.Context(), Config{Arch: "x86_64", Display: true, Binary: qemutest.Executable(t, qemutest.Script{Version: version})}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer vm.Close()
		shot := filepath.Join(t.TempDir(), "screen.png")
		if err := vm.Screendump(t.Context(), shot); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(shot)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		picture, err := png.Decode(f)
		if err != nil {
			t.Fatal(err)
		}
		if r, g, b, a := picture.At(0, 0).RGBA(); r != 0 || g != 0 || b != 0 || a != 0xffff {
			t.Errorf("QEMU %v: a pixel of %x %x %x %x", version, r, g, b, a)
		}
		if left, err := filepath.Glob(filepath.Join(filepath.Dir(shot), "*")); err != nil || len(left) != 1 {
			t.Errorf("left: %v, %v", left, err)
		}
	}
}

func TestReadPPM(t *testing.T) {
	picture, err := readPPM([]byte("P6\n2 1\n255\n\x01\x02\x03\xff\x00\x10"))
	if err != nil {
		t.Fatal(err)
	}
	if r, g, b, _ := picture.At(1, 0).RGBA(); r>>8 != 0xff || g != 0 || b>>8 != 0x10 {
		t.Errorf("%x %x %x", r, g, b)
	}
	for _, bad := range []string{"", "P5\n1 1\n255\nx", "P6\n1 1\n65535\nxxxxxx", "P6\n1 1\n255\nxx", "P6\n-1 -1\n255\nxxx", "P6\n99999999 99999999\n255\n"} {
		if _, err := readPPM([]byte(bad)); err == nil {
			t.Errorf("%q is a picture", bad)
		}
	}
}
