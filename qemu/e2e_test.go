package qemu

// Machines that really run: firmware, no operating system.

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// flash are firmware files of distributions: code, variables.
var flash = map[string][][2]string{
	"x86_64": {
		{"/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"},
		{"/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"},
	},
	"aarch64": {
		{"/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"},
		{"/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw", "/usr/share/edk2/aarch64/vars-template-pflash.raw"},
	},
}

func findFlash(t testing.TB, a arch.Arch, dir string) *Firmware {
	t.Helper()
	for _, pair := range flash[a.Name] {
		vars, err := os.ReadFile(pair[1])
		if _, cerr := os.Stat(pair[0]); err != nil || cerr != nil {
			continue
		}
		private := filepath.Join(dir, "vars.fd")
		if err := os.WriteFile(private, vars, 0o600); err != nil {
			t.Fatal(err)
		}
		return &Firmware{Code: pair[0], Vars: private}
	}
	t.Skipf("no UEFI firmware for %s is installed", a.Name)
	return nil
}

// readUntil reads the console until it has said one of the words.
func readUntil(ctx context.Context, r interface {
	io.Reader
	SetReadDeadline(time.Time) error
}, words ...string) (string, error) {
	stop := context.AfterFunc(ctx, func() { r.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var text strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		text.Write(buf[:n])
		for _, w := range words {
			if strings.Contains(text.String(), w) {
				return text.String(), nil
			}
		}
		if err != nil {
			return text.String(), err
		}
	}
}

// With a display device the firmware still speaks on the serial console, a
// screendump shows what it shows, and an end comes in order.
func TestE2EFirmwareConsole(t *testing.T) {
	hosttool.Machines(t)
	for _, a := range arch.All() {
		for _, display := range []bool{false, true} {
			t.Run(a.Name+map[bool]string{true: " display", false: ""}[display], func(t *testing.T) {
				t.Parallel()
				needQEMU(t, a.QEMU)
				dir := t.TempDir()
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
				defer cancel()
				// The card is there so that a boot from the network would be seen: it takes minutes.
				blank := filepath.Join(dir, "blank.raw")
				if err := os.WriteFile(blank, make([]byte, 1<<20), 0o600); err != nil {
					t.Fatal(err)
				}
				c := Config{Arch: a.Name, Drives: []Drive{{ID: "hd", Path: blank, BootIndex: 1}}, MemoryMiB: 512, Firmware: findFlash(t, a, dir), Display: display, RNG: true, PVPanic: true,
					Sandbox: runtime.GOOS == "linux", Net: &Net{Restrict: true}}
				vm, err := Start(ctx, c, Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer vm.Close()
				begin := time.Now()
				if err := vm.Cont(ctx); err != nil {
					t.Fatal(err)
				}
				said, err := readUntil(ctx, vm.Serial, "Shell>", "No bootable option", "PXE", "Start HTTP")
				t.Logf("%q after %v, %d bytes", firstText(said), time.Since(begin), len(said))
				if err != nil {
					t.Fatalf("console: %v: %q", err, said)
				}
				if strings.Contains(said, "PXE") || strings.Contains(said, "HTTP") {
					t.Errorf("the firmware boots from the network: %q", said)
				}
				shot := filepath.Join(dir, "screen.png")
				err = vm.Screendump(ctx, shot)
				if display != (err == nil) {
					t.Errorf("screendump: %v", err)
				}
				if display {
					b, _ := os.ReadFile(shot)
					img, err := png.Decode(bytes.NewReader(b))
					if err != nil {
						t.Fatal(err)
					}
					t.Logf("screen: %v, %d bytes", img.Bounds(), len(b))
				}
				if err := vm.Quit(ctx); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func firstText(s string) string {
	for _, line := range strings.Split(s, "\n") {
		if line = strings.TrimSpace(line); len(line) > 20 {
			return line
		}
	}
	return s
}

// A guest kernel that a stopped QEMU never ran ends as soon as it is told to.
func TestE2EInterrupted(t *testing.T) {
	hosttool.Machines(t)
	needQEMU(t, "qemu-system-x86_64")
	ctx, cancel := context.WithCancel(t.Context())
	vm, err := Start(ctx, Config{Arch: "x86_64"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	vm.Cont(ctx)
	cancel()
	if err := vm.Quit(ctx); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("%v, want killed: the context had ended", err)
	}
	if err := vm.Cont(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
