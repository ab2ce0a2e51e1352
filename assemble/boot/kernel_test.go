package boot

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"math/rand"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// arm64Image has a valid header and n bytes that do not compress.
func arm64Image(n int, pageFlag uint64) []byte {
	b := make([]byte, n)
	rand.New(rand.NewSource(1)).Read(b)
	clear(b[:64])
	binary.LittleEndian.PutUint64(b[16:], uint64(n))
	binary.LittleEndian.PutUint64(b[24:], pageFlag<<1)
	copy(b[56:], "ARM\x64")
	return b
}

func gz(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

func zst(t testing.TB, b []byte) []byte {
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	z.Write(b) // as a stream: the frame does not say how long it is
	z.Close()
	return out.Bytes()
}

// zboot wraps a payload as Makefile.zboot does. appended is the unpacked size
// behind the payload, counted in or not; 0 for none.
func zboot(compression string, payload []byte, appended int, counted bool) []byte {
	b := make([]byte, 0x1000)
	copy(b, "MZ\x00\x00zimg")
	le := binary.LittleEndian
	le.PutUint32(b[8:], uint32(len(b)))
	copy(b[24:], compression)
	le.PutUint32(b[60:], 0x80)
	copy(b[0x80:], "PE\x00\x00\x64\xaa")
	n := len(payload)
	if appended > 0 {
		payload = le.AppendUint32(payload, uint32(appended))
		if counted {
			n += 4
		}
	}
	le.PutUint32(b[12:], uint32(n))
	return append(append(b, payload...), "signature follows"...)
}

func bzImage(version string) []byte {
	b := make([]byte, 0x1000)
	b[0x1fe], b[0x1ff] = 0x55, 0xaa
	copy(b[0x202:], "HdrS\x0f\x02")
	b[0x236] = 0x7f
	binary.LittleEndian.PutUint16(b[0x20e:], 0x300)
	copy(b[0x500:], version)
	return b
}

func TestInspectAndUnpack(t *testing.T) {
	raw := arm64Image(300_000, 1)
	for _, c := range []struct {
		name   string
		image  []byte
		want   Kernel
		unpack []byte
	}{
		{"raw", raw, Kernel{Format: Image, Arch: "aarch64", PageSizeKiB: 4}, raw},
		{"64 KiB pages", arm64Image(4096, 3), Kernel{Format: Image, Arch: "aarch64", PageSizeKiB: 64}, arm64Image(4096, 3)},
		{"no page size", arm64Image(64, 0), Kernel{Format: Image, Arch: "aarch64"}, arm64Image(64, 0)},
		{"gzip", gz(raw), Kernel{Format: ImageGz, Arch: "aarch64", Compression: "gzip", PageSizeKiB: 4}, raw},
		{"gzip and more", append(gz(raw), "padding"...), Kernel{Format: ImageGz, Arch: "aarch64", Compression: "gzip", PageSizeKiB: 4}, raw},
		{"zboot gzip", zboot("gzip", gz(raw), 0, false), Kernel{Format: ZBoot, Arch: "aarch64", Compression: "gzip", PageSizeKiB: 4}, raw},
		{"zboot zstd", zboot("zstd22", zst(t, raw), len(raw), false), Kernel{Format: ZBoot, Arch: "aarch64", Compression: "zstd22", PageSizeKiB: 4}, raw},
		{"zboot zstd, size counted in", zboot("zstd22", zst(t, raw), len(raw), true), Kernel{Format: ZBoot, Arch: "aarch64", Compression: "zstd22", PageSizeKiB: 4}, raw},
		{"bzImage", bzImage("6.12.0-55 #1\x00"), Kernel{Format: BzImage, Arch: "x86_64", PageSizeKiB: 4}, bzImage("6.12.0-55 #1\x00")},
	} {
		r := bytes.NewReader(c.image)
		got, err := InspectKernel(r, r.Size())
		got.payload, got.payloadLen = 0, 0
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v", c.name, got, err)
			continue
		}
		var out bytes.Buffer
		if _, err := UnpackKernel(&out, r, r.Size()); err != nil || !bytes.Equal(out.Bytes(), c.unpack) {
			t.Errorf("%s: unpacked to %d bytes, %v", c.name, out.Len(), err)
		}
	}
}

func TestPageSizeHint(t *testing.T) {
	if h := (Kernel{PageSizeKiB: 64}).PageSizeHint(); !strings.Contains(h, "Apple's processors do not have") {
		t.Errorf("64 KiB: %q", h)
	}
	if h := (Kernel{PageSizeKiB: 4}).PageSizeHint(); h != "" {
		t.Errorf("4 KiB: %q", h)
	}
}

func TestRefuses(t *testing.T) {
	raw := arm64Image(100_000, 1)
	lying := zboot("gzip", gz(raw), 0, false)
	binary.LittleEndian.PutUint32(lying[12:], 0xffffffff)
	x86 := zboot("gzip", gz(raw), 0, false)
	copy(x86[0x84:], "\x64\x86")
	flipped := gz(raw)
	flipped[len(flipped)/2] ^= 0xff
	cut := zboot("zstd22", zst(t, raw)[:50_000], 0, false)
	for _, c := range []struct {
		name  string
		image []byte
		want  error
	}{
		{"empty", nil, ErrNotKernel},
		{"text", []byte("#!/bin/sh\n"), ErrNotKernel},
		{"another gzip", gz(bytes.Repeat([]byte("text "), 100)), ErrNotKernel},
		{"short gzip", gz([]byte("text")), ErrDamaged},
		{"payload past the end", lying, ErrDamaged},
		{"zboot for x86", x86, ErrNotKernel},
		{"zboot with something else", zboot("gzip", gz(make([]byte, 5000)), 0, false), ErrNotKernel},
		{"zboot that is not gzip", zboot("gzip", []byte("no gzip at all"), 0, false), ErrDamaged},
		{"zboot lzo", zboot("lzo", []byte("x"), 1, false), ErrCompression},
		{"damaged gzip", flipped, ErrDamaged},
		{"cut gzip", gz(raw)[:50_000], ErrDamaged},
		{"cut zstd", cut, ErrDamaged},
		{"32-bit bzImage", append(bzImage("x")[:0x236], make([]byte, 0x1000)...), ErrNotKernel},
	} {
		r := bytes.NewReader(c.image)
		if _, err := UnpackKernel(io.Discard, r, r.Size()); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

// A few kilobytes that unpack to more than a kernel can be are refused.
func TestBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks half a gigabyte")
	}
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	z.Write(arm64Image(4096, 1))
	zeroes := make([]byte, 1<<20)
	for range MaxImageBytes >> 20 {
		z.Write(zeroes)
	}
	z.Close()
	r := bytes.NewReader(zboot("zstd22", b.Bytes(), 0, false))
	if _, err := UnpackKernel(io.Discard, r, r.Size()); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%d bytes that unpack to %d: %v", r.Size(), MaxImageBytes+4096, err)
	}
}

func FuzzInspect(f *testing.F) {
	raw := arm64Image(2000, 1)
	for _, seed := range [][]byte{raw, gz(raw), zboot("gzip", gz(raw), 0, false), zboot("zstd22", zst(f, raw), len(raw), true),
		bzImage("6.1\x00"), zboot("lzo", nil, 0, false), {}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		info, err := InspectKernel(r, r.Size())
		if err == nil && info.Arch == "" {
			t.Error("no error and no architecture")
		}
		if len(b) < 1<<16 {
			UnpackKernel(io.Discard, r, r.Size())
		}
	})
}
