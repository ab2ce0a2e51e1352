package assemble

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/arch"
)

func TestArguments(t *testing.T) {
	if got := arguments(arch.X86_64, "L", true, []string{"last"}); !slices.Contains(got, "no_timer_check") || got[len(got)-1] != "last" {
		t.Errorf("an emulated x86's arguments: %v", got)
	}
	got := strings.Join(arguments(arch.X86_64, "AlmaLinux-10-1-x86_64-dvd", false, nil), " ")
	want := "inst.stage2=hd:LABEL=AlmaLinux-10-1-x86_64-dvd inst.ks=hd:LABEL=OEMDRV:/ks.cfg inst.cmdline inst.notmux " +
		"console=tty0 console=ttyS0,115200n8 rd.shell=0 rd.emergency=poweroff rd.retry=20 panic=-1"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	got = strings.Join(arguments(arch.AArch64, "My Label/1", true, []string{"inst.ksstrict"}), " ")
	want = `inst.stage2=hd:LABEL=My\x20Label\x2f1 inst.ks=hd:LABEL=OEMDRV:/ks.cfg inst.cmdline inst.notmux ` +
		"console=tty0 console=ttyAMA0,115200n8 rd.shell=0 rd.emergency=poweroff rd.retry=60 panic=-1 inst.ksstrict"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What changes no byte of the image changes no identifier either.
func TestSeed(t *testing.T) {
	ks, in := []byte("lang C"), Installer{Label: "L", Size: 1, Path: "/a"}
	base := Spec{Arch: "x86_64", DiskSize: 1 << 30}
	first := seed(base, ks, in)
	same := base
	same.Out, same.Keep, same.Force, same.ISO, same.Timeout, same.NoBootTest = "x", true, true, "/b/c.iso", time.Hour, true
	if in2 := (Installer{Label: "L", Size: 1, Path: "/b"}); seed(same, ks, in2) != first {
		t.Error("the output's name, the ISO's place or a time limit changes the seed")
	}
	other := base
	other.DiskSize++
	for name, s := range map[string][32]byte{
		"disk size": seed(other, ks, in), "kickstart": seed(base, []byte("lang D"), in), "label": seed(base, ks, Installer{Label: "M", Size: 1}),
	} {
		if s == first {
			t.Errorf("another %s has the same seed", name)
		}
	}
	p := &Plan{Seed: first}
	if a, b := p.id("one"), p.id("two"); a == b || len(a) != 36 || a[14] != '8' || !strings.ContainsRune("89ab", rune(a[19])) {
		t.Errorf("identifiers %q and %q are not two UUIDs of version 8", a, b)
	}
	if n := p.nonce(); len(n) != 16 || strings.Trim(n, "0123456789abcdef") != "" {
		t.Errorf("nonce %q is not 16 hexadecimal digits", n)
	}
	if d := date(first); d.Year() != 2025 {
		t.Errorf("date %v is not in 2025", d)
	}
}
