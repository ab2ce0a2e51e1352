package disk_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/disk"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"512": 512, "1k": 1024, "10g": 10 << 30, "8gib": 8 << 30, "10G": 10 << 30, "8GiB": 8 << 30, "8GB": 8 << 30, "1.5T": 3 << 39, "0.5M": 1 << 19, "4K": 4096,
	} {
		if got, err := disk.ParseSize(text); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "G", "10X", "0", "0G", "-1G", "+1G", "1", "1.0001K", "10 G", "10iG", "10BG", "1e3G", "0x10G", "inf", "NaN", "9000000P", "1_0G", "10GG"} {
		if got, err := disk.ParseSize(text); !errors.Is(err, disk.ErrSize) {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
}

func TestParseLayout(t *testing.T) {
	l, err := disk.ParseLayout("esp:200M,biosboot:512K,linux:1G:boot: x,lvm:rest", 10<<30, "s")
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		name, kind  string
		start, size int64
	}
	want := []row{
		{"EFI System Partition", disk.TypeESP, 1 << 20, 200 << 20},
		{"BIOS boot", disk.TypeBIOSBoot, 201 << 20, 1 << 19},
		{"boot: x", disk.TypeLinux, 202 << 20, 1 << 30},
		{"LVM", disk.TypeLVM, 1226 << 20, 10<<30 - 1<<20 - 1226<<20},
	}
	for i, p := range l.Partitions {
		if got := (row{p.Name, p.Type, p.StartBytes, p.SizeBytes}); got != want[i] {
			t.Errorf("partition %d: got %+v, want %+v", i+1, got, want[i])
		}
	}
	for text, want := range map[string]string{
		"esp":                         "TYPE:SIZE",
		"efi:1G":                      "none of esp",
		"esp:1Q":                      "write a number and a unit",
		"esp:rest,linux:1G":           "only the last",
		"esp:20G":                     "past the last usable byte",
		"esp:9G,linux:9G":             "past the last usable byte",
		"esp:7P,linux:7P,linux:7P":    "past the last usable byte",
		"esp:10G,linux:rest":          "past the last usable byte",
		"esp:9G,lvm:1022M,linux:rest": "positive multiple",
		"":                            "TYPE:SIZE",
	} {
		if _, err := disk.ParseLayout(text, 10<<30, "s"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}
