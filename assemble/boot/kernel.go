// Linux kernel images: which there are, and what they say of themselves.

package boot

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
)

// KernelFormat is how a kernel is wrapped.
type KernelFormat string

// The formats that are known.
const (
	// BzImage is x86's: a boot sector with set-up code (Documentation/arch/x86/boot.rst).
	BzImage KernelFormat = "bzImage"
	// Image is aarch64's uncompressed kernel (Documentation/arch/arm64/booting.rst).
	Image KernelFormat = "Image"
	// ImageGz is Image compressed by gzip.
	ImageGz KernelFormat = "Image.gz"
	// ZBoot is Image in an EFI program that unpacks it
	// (drivers/firmware/efi/libstub/Makefile.zboot). Fedora and, it seems,
	// Enterprise Linux 10 ship it. QEMU starts it from version 9 on, and only
	// where it is compressed by gzip.
	ZBoot KernelFormat = "EFI zboot"
)

var (
	// ErrNotKernel says that a file is none of the formats.
	ErrNotKernel = fault.Class(fault.Input, "not a Linux kernel that imgasm knows")
	// ErrTooLarge says that a kernel unpacks to more than MaxImageBytes.
	ErrTooLarge = fault.Class(fault.Input, fmt.Sprintf("kernel unpacks to more than %d MiB", MaxImageBytes>>20))
	// ErrDamaged says that a compressed kernel cannot be unpacked.
	ErrDamaged = fault.Class(fault.Input, "damaged kernel image")
)

// MaxImageBytes bounds an unpacked kernel. Distributions' are 30 to 70 MiB.
const MaxImageBytes = 512 << 20

// Kernel is what a kernel image says about itself.
type Kernel struct {
	Format KernelFormat
	Arch   string // canonical: "x86_64" or "aarch64"
	// Compression is that of ImageGz ("gzip") or ZBoot, as it is named there:
	// "gzip", "zstd", "zstd22", "xzkern" and others.
	Compression string
	// PageSizeKiB is 4, 16 or 64; 0 if the image does not say.
	PageSizeKiB int

	payload, payloadLen int64 // of ZBoot
}

// PageSizeHint says why the kernel does not run on Apple's processors, which
// have no pages of 64 KiB; "" if nothing speaks against it.
func (k Kernel) PageSizeHint() string {
	if k.PageSizeKiB != 64 {
		return ""
	}
	return "this kernel uses pages of 64 KiB, which Apple's processors do not have"
}

// headBytes is enough of every format to tell what it is.
const headBytes = 1024

// InspectKernel finds out what kernel image r, of size bytes, is. Little of it is
// read. The error is ErrNotKernel, ErrDamaged, or one of reading.
func InspectKernel(r io.ReaderAt, size int64) (Kernel, error) {
	head := make([]byte, min(size, headBytes))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return Kernel{}, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		inner, err := gunzipHead(r, size)
		if err != nil {
			return Kernel{}, err
		}
		info, ok := inspectImage(inner)
		if !ok {
			return Kernel{}, fmt.Errorf("gzip with something else than an aarch64 kernel in it: %w", ErrNotKernel)
		}
		info.Format, info.Compression = ImageGz, "gzip"
		return info, nil
	case len(head) >= 64 && string(head[:2]) == "MZ" && string(head[4:8]) == "zimg":
		return inspectZBoot(r, head, size)
	}
	if info, ok := inspectImage(head); ok {
		return info, nil
	}
	if info, ok := inspectBzImage(head); ok {
		return info, nil
	}
	if m, ok := arch.PEMachine(head); ok {
		return Kernel{}, fmt.Errorf("an EFI program for machine %#x, but no kernel: %w", m, ErrNotKernel)
	}
	return Kernel{}, ErrNotKernel
}

// gunzipHead unpacks the beginning.
func gunzipHead(r io.ReaderAt, size int64) ([]byte, error) {
	z, err := gzip.NewReader(io.NewSectionReader(r, 0, size))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	b := make([]byte, headBytes)
	n, err := io.ReadFull(z, b)
	if n < 64 && err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return b[:n], nil
}

// inspectImage recognises an uncompressed aarch64 kernel.
func inspectImage(b []byte) (Kernel, bool) {
	if len(b) < 64 || string(b[56:60]) != "ARM\x64" {
		return Kernel{}, false
	}
	info := Kernel{Format: Image, Arch: arch.AArch64.Name}
	// Flags, bits 1 and 2: 0 unspecified, 1 4 KiB, 2 16 KiB, 3 64 KiB.
	info.PageSizeKiB = [4]int{0, 4, 16, 64}[binary.LittleEndian.Uint64(b[24:])>>1&3]
	return info, true
}

// inspectBzImage recognises x86's boot protocol 2.00 and later.
func inspectBzImage(b []byte) (Kernel, bool) {
	if len(b) < 0x238 || b[0x1fe] != 0x55 || b[0x1ff] != 0xaa || string(b[0x202:0x206]) != "HdrS" {
		return Kernel{}, false
	}
	protocol := binary.LittleEndian.Uint16(b[0x206:])
	// xloadflags, bit 0: there is a 64-bit entry point (protocol 2.12).
	if protocol < 0x20c || b[0x236]&1 == 0 {
		return Kernel{}, false
	}
	return Kernel{Format: BzImage, Arch: arch.X86_64.Name, PageSizeKiB: 4}, true
}

// printable keeps a string from a file fit for a terminal.
func printable(b []byte) string {
	return string(bytes.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, b))
}

// inspectZBoot reads the header of an EFI zboot image.
func inspectZBoot(r io.ReaderAt, b []byte, size int64) (Kernel, error) {
	name, _, _ := bytes.Cut(b[24:56], []byte{0})
	info := Kernel{
		Format: ZBoot, Compression: printable(name),
		payload: int64(binary.LittleEndian.Uint32(b[8:])), payloadLen: int64(binary.LittleEndian.Uint32(b[12:])),
	}
	if info.payload+info.payloadLen > size || info.payloadLen == 0 {
		return Kernel{}, fmt.Errorf("EFI zboot: payload at bytes %d to %d of %d: %w", info.payload, info.payload+info.payloadLen, size, ErrDamaged)
	}
	machine, ok := arch.PEMachine(b)
	if !ok {
		return Kernel{}, fmt.Errorf("EFI zboot without a PE header: %w", ErrDamaged)
	}
	if info.Arch = arch.OfPE(machine); info.Arch != arch.AArch64.Name {
		return Kernel{}, fmt.Errorf("EFI zboot for machine %#x: %w", machine, ErrNotKernel)
	}
	// The page size stands in the kernel inside, if it can be unpacked.
	if z, err := info.open(r); err == nil {
		defer z.Close()
		head := make([]byte, 64)
		if _, err := io.ReadFull(z, head); err != nil {
			return Kernel{}, fmt.Errorf("EFI zboot, %s: %w: %w", info.Compression, ErrDamaged, err)
		}
		inner, ok := inspectImage(head)
		if !ok {
			return Kernel{}, fmt.Errorf("EFI zboot with something else than an aarch64 kernel in it: %w", ErrNotKernel)
		}
		info.PageSizeKiB = inner.PageSizeKiB
	}
	return info, nil
}
