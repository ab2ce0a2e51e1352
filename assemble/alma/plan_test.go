package alma

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/arch"
)

func TestArguments(t *testing.T) {
	if got := arguments(Spec{Installation: Installation{KernelArgs: []string{"last"}}}, arch.X86_64, "L", true); !slices.Contains(got, "no_timer_check") || got[len(got)-1] != "last" {
		t.Errorf("an emulated x86's arguments: %v", got)
	}
	got := strings.Join(arguments(Spec{Installation: Installation{ConsoleMode: consoleDirect}}, arch.X86_64, "AlmaLinux-10-1-x86_64-dvd", false), " ")
	want := "inst.stage2=hd:LABEL=AlmaLinux-10-1-x86_64-dvd inst.ks=hd:LABEL=OEMDRV:/ks.cfg inst.cmdline inst.notmux " +
		"console=tty0 console=ttyS0,115200n8 rd.shell=0 rd.emergency=poweroff rd.retry=20 panic=-1"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	got = strings.Join(arguments(Spec{Installation: Installation{ConsoleMode: consoleTmux, KSStrict: true, KernelArgs: []string{"inst.nokill"}}}, arch.AArch64, "My Label/1", true), " ")
	want = `inst.stage2=hd:LABEL=My\x20Label\x2f1 inst.ks=hd:LABEL=OEMDRV:/ks.cfg inst.cmdline inst.ksstrict ` +
		"console=tty0 console=ttyAMA0,115200n8 rd.shell=0 rd.emergency=poweroff rd.retry=60 panic=-1 inst.nokill"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// seeded says of every field of a Spec and its Settings whether it has a part
// in the seed; see seed for the reasons. A new field must be added here.
var seeded = map[string]bool{
	"Arch": true, "Boot": true, "Formats": true, "DiskSize": true,
	"Settings.User": true, "Settings.SSHKeys": true, "Settings.Hostname": true, "Settings.Packages": true,
	"Settings.Timezone": true, "Settings.Lang": true, "Settings.Keyboard": true,
	"Settings.LockRoot": true, "Settings.Repos": true, "Settings.CloudInit": true, "Settings.KeysOnly": true, "Settings.GuestAgent": true,

	// Passwords, and the places of files whose text is in the kickstart.
	"Settings.RootPassword": false, "Settings.Password": false, "Kickstart": false,
	// What is read of it is hashed as the kickstart that the guest gets.
	"KickstartText": false, "Provision": false, "Proxy": false, "CA": false,
	// Which ISO to get, and from where.
	"Version": false, "ISO": false, "ISOChecksum": false, "Variant": false, "Mirror": false, "Vault": false, "Keyring": false,
	// How this host makes the image.
	"MemoryMiB": false, "CPUs": false, "Accel": false, "CPU": false, "QEMU": false, "Firmware": false, "SecureBoot": false,
	"KernelArgs": false, "Deliver": false, "ConsoleMode": false, "KSStrict": false, "Timeout": false, "StallTimeout": false, "SpaceWait": false, "Offline": false,
	// What follows.
	"Out": false, "Force": false, "Bundle": false, "Keep": false, "KeepVM": false, "NoVerify": false, "Report": false, "Key": false,
	"Lock": false, "Locked": false, "LockFile": false, "Provenance": false, "Checksums": false, "SBOM": false,
}

// Every field of a Spec is classed, and has a part in the seed as it is classed.
func TestSeedOfEveryField(t *testing.T) {
	in := Installer{Label: "L", Size: 1}
	base := seed(Spec{}, nil, in)
	classed := 0
	var check func(s *Spec, v reflect.Value, prefix string)
	check = func(s *Spec, v reflect.Value, prefix string) {
		for i := range v.NumField() {
			name := prefix + v.Type().Field(i).Name
			if v.Type().Field(i).Anonymous {
				check(s, v.Field(i), prefix)
				continue
			}
			if name == "Settings" {
				check(s, v.Field(i), name+".")
				continue
			}
			want, ok := seeded[name]
			if !ok {
				t.Errorf("Spec.%s is not classed: has it a part in the seed?", name)
				continue
			}
			classed++
			f := v.Field(i)
			if !f.CanSet() {
				continue // seed cannot be asked: but such a field is no wish of a user
			}
			switch f.Kind() {
			case reflect.String:
				f.SetString("x")
			case reflect.Bool:
				f.SetBool(true)
			case reflect.Int, reflect.Int64:
				f.SetInt(1)
			case reflect.Slice:
				f.Set(reflect.MakeSlice(f.Type(), 1, 1))
				if e := f.Index(0); e.Kind() == reflect.String {
					e.SetString("x")
				}
			case reflect.Pointer:
				f.Set(reflect.New(f.Type().Elem()))
			default:
				t.Fatalf("Spec.%s: this test knows no value of a %s", name, f.Type())
			}
			if got := seed(*s, nil, in) != base; got != want {
				t.Errorf("Spec.%s has a part in the seed: %v, want %v", name, got, want)
			}
			f.SetZero()
		}
	}
	var s Spec
	check(&s, reflect.ValueOf(&s).Elem(), "")
	if classed != len(seeded) {
		t.Errorf("%d fields are classed, a Spec has %d of them", len(seeded), classed)
	}
}

func TestSeed(t *testing.T) {
	ks, in := []byte("lang C"), Installer{Label: "L", Size: 1, Path: "/a"}
	base := Spec{Arch: "x86_64", DiskSize: 1 << 30}
	first := seed(base, ks, in)
	if in2 := (Installer{Label: "L", Size: 1, Path: "/b"}); seed(base, ks, in2) != first {
		t.Error("the ISO's place changes the seed")
	}
	for name, s := range map[string][32]byte{
		"kickstart": seed(base, []byte("lang D"), in), "label": seed(base, ks, Installer{Label: "M", Size: 1}), "ISO's size": seed(base, ks, Installer{Label: "L", Size: 2}),
	} {
		if s == first {
			t.Errorf("another %s has the same seed", name)
		}
	}
	p := &Plan{Seed: first}
	if a, b := p.id("one"), p.id("two"); a == b || len(a) != 36 || a[14] != '5' || !strings.ContainsRune("89ab", rune(a[19])) {
		t.Errorf("identifiers %q and %q are not two UUIDs of version 5", a, b)
	}
	if n := p.nonce(); len(n) != 16 || strings.Trim(n, "0123456789abcdef") != "" {
		t.Errorf("nonce %q is not 16 hexadecimal digits", n)
	}
}
