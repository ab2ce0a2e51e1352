package qemu

import (
	"errors"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/golden"
	"github.com/imgasm/imgasm/internal/proc"
)

// full is a machine with everything set, its files in dir.
func full(a arch.Arch, dir string) Config {
	file := func(name string) string { return filepath.Join(dir, name) }
	c := Config{
		Arch: a.Name, Binary: a.QEMU, Name: "alma, 10", UUID: "2f1a8c1e-1111-5222-8333-444455556666",
		Accel: "tcg,thread=multi", CPUs: 4, MemoryMiB: 3072,
		Firmware: &Firmware{Code: file("code.fd"), Vars: file("vars.fd"), SecureBoot: a.Machine == "q35"},
		Kernel:   &Kernel{Image: file("vmlinuz"), Initrd: file("initrd.img"), Append: "console=" + a.Console + " inst.text"},
		Drives: []Drive{
			{ID: "hd", Path: file("disk, root.qcow2"), Format: "qcow2", BootIndex: 2, Cache: "unsafe"},
			{ID: "scsi-hd", Path: file("data.raw"), Bus: SCSIDisk, Snapshot: true},
			{ID: "iso", Path: file("installer.iso"), Bus: SCSICD, BootIndex: 1},
			{ID: "stick", Path: file("stick.raw"), Bus: USBStorage, ReadOnly: true, BootIndex: 3},
		},
		Net: &Net{Restrict: true, Forwards: []Forward{
			{HostPort: 2222, GuestPort: 22}, {HostPort: 8080, GuestPort: 80}}},
		Ports: []Port{
			{Name: "org.fedoraproject.anaconda.log.0"}, {Name: "org.imgasm.progress.0"}},
		Display: true, RNG: true, PVPanic: true, Watchdog: true, Sandbox: true,
		Actions: Actions{Reboot: "reset", Shutdown: "poweroff", Panic: "none", Watchdog: "reset"},
		Extra:   []string{"-d", "guest_errors"},
	}
	return c
}

// lines breaks a command before each option.
func lines(argv []string) string {
	var b strings.Builder
	for i, w := range argv {
		switch {
		case i == 0:
		case strings.HasPrefix(w, "-"):
			b.WriteString("\n")
		default:
			b.WriteString(" ")
		}
		b.WriteString(proc.Quote([]string{w}))
	}
	return b.String() + "\n"
}

func TestArgs(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the golden files have paths with slashes")
	}
	for _, a := range arch.All() {
		minimal := Config{Arch: a.Name}
		golden.Check(t, a.Name+"-zero.args", []byte(lines(minimal.Argv(minimal.LinksIn("/run/vm")))))
		c := full(a, "/images")
		golden.Check(t, a.Name+"-full.args", []byte(lines(c.Argv(c.LinksIn("/run/vm")))))
		golden.Check(t, a.Name+"-standalone.args", []byte(lines(c.Argv(Links{}))))
	}
}

// What the accelerator changes: never highmem, gic-version only where it is known to be right.
func TestMachineByAccelerator(t *testing.T) {
	tests := []struct {
		arch  arch.Arch
		accel string
		want  string
	}{
		{arch.AArch64, "", "virt,gic-version=3"},
		{arch.AArch64, "tcg,tb-size=512", "virt,gic-version=3"},
		{arch.AArch64, "kvm", "virt,gic-version=host"},
		{arch.AArch64, "hvf", "virt"},
		{arch.AArch64, "whpx", "virt"},
		{arch.X86_64, "", "q35"},
		{arch.X86_64, "kvm", "q35"},
		{arch.X86_64, "hvf", "q35"},
		{arch.X86_64, "whpx,kernel-irqchip=off", "q35"},
	}
	for _, tt := range tests {
		argv := Config{Arch: tt.arch.Name, Accel: tt.accel}.Args(Links{})
		if got := after(argv, "-machine"); got != tt.want {
			t.Errorf("%s %s: -machine %s, want %s", tt.arch.Name, tt.accel, got, tt.want)
		}
		if strings.Contains(strings.Join(argv, " "), "highmem") {
			t.Errorf("%s %s: highmem is set", tt.arch.Name, tt.accel)
		}
	}
}

// after is the word after an option.
func after(argv []string, option string) string {
	for i, w := range argv[:len(argv)-1] {
		if w == option {
			return argv[i+1]
		}
	}
	return ""
}

func TestTCPLinks(t *testing.T) {
	c := Config{Arch: "x86_64", Ports: []Port{{Name: "p"}}}
	argv := strings.Join(c.Args(Links{QMP: "127.0.0.1:5000", Serial: "127.0.0.1:5001", Ports: []string{"127.0.0.1:5002"}}), " ")
	for _, want := range []string{
		"-chardev socket,id=qmp,host=127.0.0.1,port=5000 ",
		"-chardev socket,id=serial0,host=127.0.0.1,port=5001 ",
		"-chardev socket,id=port0,host=127.0.0.1,port=5002 ",
	} {
		if !strings.Contains(argv, want) {
			t.Errorf("no %q in %s", want, argv)
		}
	}
}

func TestSplitTCP(t *testing.T) {
	for link, want := range map[string]bool{
		"127.0.0.1:5000": true, "/tmp/a:5000": false, `C:\x\a:1`: false, "qmp": false, "qmp:x": false, "127.0.0.1:70000": false,
	} {
		if _, _, ok := splitTCP(link); ok != want {
			t.Errorf("%s: TCP %v, want %v", link, ok, want)
		}
	}
}

// No configuration opens a window or a VNC port.
func TestNoDisplayEver(t *testing.T) {
	for _, a := range arch.All() {
		argv := full(a, "/images").Args(Links{})
		if after(argv, "-display") != "none" || after(argv, "-vnc") != "" {
			t.Errorf("%s: %q", a.Name, argv)
		}
	}
}

func TestValidate(t *testing.T) {
	k := &Kernel{Image: "k"}
	d := func(d Drive) Config { return Config{Arch: "x86_64", Drives: []Drive{d}} }
	tests := []struct {
		name string
		c    Config
		want string // "": valid
	}{
		{"zero", Config{Arch: "x86_64"}, ""},
		{"no architecture", Config{}, "no architecture"},
		{"an architecture that nobody knows", Config{Arch: "pdp11"}, `architecture "pdp11"`},
		{"Go's name of an architecture", Config{Arch: "amd64"}, ""},
		{"aarch64 without anything to boot", Config{Arch: "aarch64"}, "has no BIOS"},
		{"aarch64 kernel", Config{Arch: "aarch64", Kernel: k}, ""},
		{"processors", Config{Arch: "x86_64", CPUs: -1}, "-1 processors"},
		{"256 processors", Config{Arch: "x86_64", CPUs: 256}, "256 processors"},
		{"9 processors with hvf", Config{Arch: "aarch64", Kernel: k, Accel: "hvf", CPUs: 9}, "hvf has 8 at most"},
		{"9 processors with hvf on x86_64", Config{Arch: "x86_64", Accel: "hvf", CPUs: 9}, ""},
		{"little memory", Config{Arch: "x86_64", MemoryMiB: 8}, "8 MiB of memory"},
		{"UUID", Config{Arch: "x86_64", UUID: "x"}, `UUID "x"`},
		{"no code", Config{Arch: "x86_64", Firmware: &Firmware{Vars: "v"}}, "no code image"},
		{"firmware's format", Config{Arch: "x86_64", Firmware: &Firmware{Code: "c", Format: "vmdk"}}, `format "vmdk"`},
		{"Secure Boot without variables", Config{Arch: "x86_64", Firmware: &Firmware{Code: "c", SecureBoot: true}}, "needs a variable store"},
		{"no kernel image", Config{Arch: "x86_64", Kernel: &Kernel{Initrd: "i"}}, "kernel: no image"},
		{"drive without name", d(Drive{Path: "p"}), `drive "" (p)`},
		{"drive named for an injection", d(Drive{ID: "a,readonly=on", Path: "p"}), "identifier"},
		{"drive without path", d(Drive{ID: "hd"}), "no image file"},
		{"drive's format", d(Drive{ID: "hd", Path: "p", Format: "vdi"}), `format "vdi"`},
		{"drive's bus", d(Drive{ID: "hd", Path: "p", Bus: "ide"}), `bus "ide"`},
		{"drive's cache", d(Drive{ID: "hd", Path: "p", Cache: "fast"}), `cache "fast"`},
		{"drive's index", d(Drive{ID: "hd", Path: "p", BootIndex: -1}), "boot index -1"},
		{"two drives of a name", Config{Arch: "x86_64", Drives: []Drive{{ID: "a", Path: "p"}, {ID: "a", Path: "q"}}}, "two drives"},
		{"two first", Config{Arch: "x86_64", Drives: []Drive{{ID: "a", Path: "p", BootIndex: 1}, {ID: "b", Path: "q", BootIndex: 1}}}, "boot index 1 is a's too"},
		{"two without index", Config{Arch: "x86_64", Drives: []Drive{{ID: "a", Path: "p"}, {ID: "b", Path: "q"}}}, ""},
		{"port's name", Config{Arch: "x86_64", Ports: []Port{{Name: "a,b"}}}, `port "a,b"`},
		{"two ports of a name", Config{Arch: "x86_64", Ports: []Port{{Name: "a"}, {Name: "a"}}}, "two ports"},
		{"forward", Config{Arch: "x86_64", Net: &Net{Forwards: []Forward{{HostPort: 0, GuestPort: 22}}}}, ""},
		{"forward to nowhere", Config{Arch: "x86_64", Net: &Net{Forwards: []Forward{{HostPort: 22}}}}, "forwarded port 0 of the guest"},
		{"forward from nowhere", Config{Arch: "x86_64", Net: &Net{Forwards: []Forward{{HostPort: 65536, GuestPort: 22}}}}, "forwarded port 65536 of the host"},
		{"accelerator", Config{Arch: "x86_64", Accel: "warp"}, `accelerator "warp"`},
		{"action", Config{Arch: "x86_64", Actions: Actions{Panic: "scream"}}, `panic=scream`},
		{"everything", full(arch.X86_64, "/images"), ""},
		{"everything", full(arch.AArch64, "/images"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.c.Validate()
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("error: %v", err)
			case tt.want != "" && err == nil:
				t.Errorf("no error, want %q", tt.want)
			case err != nil && (!strings.Contains(err.Error(), tt.want) || !errors.Is(err, ErrConfig)):
				t.Errorf("error %q, want %q", err, tt.want)
			}
		})
	}
}

// Without an order the list is the order; with one it is left alone.
func TestBootOrder(t *testing.T) {
	indexes := func(in ...int) string {
		var c Config
		for _, i := range in {
			c.Drives = append(c.Drives, Drive{ID: "a", Path: "p", BootIndex: i})
		}
		var got []string
		for _, d := range c.withDefaults().Drives {
			got = append(got, strconv.Itoa(d.BootIndex))
		}
		for i, d := range c.Drives {
			if d.BootIndex != in[i] {
				t.Error("the caller's drives were changed")
			}
		}
		return strings.Join(got, " ")
	}
	for want, got := range map[string]string{"1 2 3": indexes(0, 0, 0), "0 1 0": indexes(0, 1, 0), "2 1": indexes(2, 1), "": indexes()} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A window has a display, and somebody to press its keys.
func TestWindow(t *testing.T) {
	for _, a := range arch.All() {
		argv := strings.Join(Config{Arch: a.Name, Window: true}.Argv(Links{}), " ")
		for _, want := range []string{display[a.Machine], "usb-kbd", "usb-tablet"} {
			if !strings.Contains(argv, want) {
				t.Errorf("%s: no %s in %s", a.Name, want, argv)
			}
		}
		if strings.Contains(argv, "-display none") {
			t.Errorf("%s: no window: %s", a.Name, argv)
		}
	}
}
