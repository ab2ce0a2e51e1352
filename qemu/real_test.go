package qemu

// Against a real QEMU, where one is installed. Nothing boots: the guests are
// never let go.

import (
	"bytes"
	"errors"
	"image/png"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/proc"
)

func needQEMU(t testing.TB, binary string) string {
	t.Helper()
	path, err := exec.LookPath(binary)
	if err != nil {
		t.Skipf("%s is not installed", binary)
	}
	return path
}

func TestRealInspect(t *testing.T) {
	for _, a := range arch.All() {
		t.Run(a.Name, func(t *testing.T) {
			info, err := Inspect(t.Context(), needQEMU(t, a.QEMU))
			if err != nil {
				t.Fatal(err)
			}
			if m := info.Missing(full(a, "/images")); m != nil {
				t.Errorf("devices that this build lacks: %q", m)
			}
			if info.HasDevice("no-such-device") {
				t.Error("has no-such-device")
			}
			for what, list := range map[string][]string{"accelerators": info.Accels, "processors": info.CPUs} {
				if len(list) == 0 {
					t.Errorf("no %s", what)
				}
			}
			t.Logf("%v, %q, sandbox %v, %d processors, %d devices", info.Version, info.Accels, info.Sandbox, len(info.CPUs), len(info.Devices))
		})
	}
}

// images makes the files that full names.
func images(t *testing.T, a arch.Arch, dir string) Config {
	t.Helper()
	c := full(a, dir)
	c.Kernel = nil // x86_64's must be a real one
	port := freePort(t)
	c.Net.Forwards = []Forward{{HostPort: port, GuestPort: 22}}
	flash := int64(2 << 20)
	if a.PflashSize > 0 {
		flash = a.PflashSize
	}
	for name, size := range map[string]int64{
		c.Firmware.Code: flash, c.Firmware.Vars: flash,
		c.Drives[1].Path: 1 << 20, c.Drives[2].Path: 1 << 20, c.Drives[3].Path: 1 << 20,
	} {
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Truncate(size); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	makeQcow2(t, c.Drives[0].Path)
	return c
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func makeQcow2(t *testing.T, path string) {
	t.Helper()
	hosttool.Find(t, "qemu-img", "qemu-utils")
	if out, err := exec.Command("qemu-img", "create", "-q", "-f", "qcow2", path, "64M").CombinedOutput(); err != nil {
		t.Fatalf("qemu-img: %v: %s", err, out)
	}
}

// QEMU itself takes every word of the fullest command, and answers our questions.
func TestRealEverything(t *testing.T) {
	for _, a := range arch.All() {
		t.Run(a.Name, func(t *testing.T) {
			needQEMU(t, a.QEMU)
			before := openFiles(t)
			dir := t.TempDir()
			c := images(t, a, dir)
			c.Sandbox = runtime.GOOS == "linux"
			vm, err := Start(t.Context(), c, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer vm.Close()
			if vm.Port("org.imgasm.progress.0") == nil || vm.Port("org.fedoraproject.anaconda.log.0") == nil || vm.Port("no") != nil {
				t.Error("ports")
			}
			if s, err := vm.Status(t.Context()); err != nil || s.Running || s.Status != "prelaunch" {
				t.Errorf("status %+v, %v", s, err)
			}
			stats, err := vm.BlockStats(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range c.Drives {
				if _, ok := stats[d.ID]; !ok {
					t.Errorf("no counters of drive %s in %v", d.ID, stats)
				}
			}
			shot := filepath.Join(dir, "screen.png")
			if err := vm.Screendump(t.Context(), shot); err != nil {
				t.Error(err)
			} else if b, err := os.ReadFile(shot); err != nil {
				t.Error(err)
			} else if _, err := png.Decode(bytes.NewReader(b)); err != nil {
				t.Error(err)
			}
			events := vm.Events("SHUTDOWN")
			if err := vm.Quit(t.Context()); err != nil {
				t.Error(err)
			}
			e, ok := <-events.C()
			if !ok || e.Data["reason"] != "host-qmp-quit" {
				t.Errorf("event %+v %v, want SHUTDOWN by host-qmp-quit", e, ok)
			}
			if _, ok := <-events.C(); ok {
				t.Error("events after the end")
			}
			run := filepath.Dir(vm.links[0].addr)
			vm.Close()
			if _, err := os.Stat(run); !os.IsNotExist(err) {
				t.Errorf("run directory %s is still there: %v", run, err)
			}
			if after := openFiles(t); after > before {
				t.Errorf("%d open files, %d before", after, before)
			}
		})
	}
}

// openFiles counts this process' file descriptors; 0 where they cannot be counted.
func openFiles(t *testing.T) int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Log("open files are not counted here: ", err)
	}
	return len(list)
}

func TestRealRefusal(t *testing.T) {
	needQEMU(t, "qemu-system-x86_64")
	c := Config{Arch: "x86_64", Drives: []Drive{{ID: "hd", Path: filepath.Join(t.TempDir(), "missing.raw")}}}
	_, err := Start(t.Context(), c, Options{})
	var pe *proc.Error
	if !errors.As(err, &pe) || pe.Code != 1 || !strings.Contains(err.Error(), "missing.raw") {
		t.Fatalf("error %v, want QEMU's own about missing.raw", err)
	}
}

func TestRealTakenPort(t *testing.T) {
	needQEMU(t, "qemu-system-x86_64")
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := Config{Arch: "x86_64", Net: &Net{Forwards: []Forward{{HostPort: l.Addr().(*net.TCPAddr).Port, GuestPort: 22}}}}
	_, err = Start(t.Context(), c, Options{})
	if !errors.Is(err, ErrStart) || !strings.Contains(fault.Hint(err, nil), "port is taken") {
		t.Fatalf("error %v, want one with a hint about the port", err)
	}
}

func BenchmarkStartToQMP(b *testing.B) {
	needQEMU(b, "qemu-system-x86_64")
	for b.Loop() {
		vm, err := Start(b.Context(), Config{Arch: "x86_64"}, Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		vm.Close()
		b.StartTimer()
	}
}
