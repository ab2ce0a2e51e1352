package source

import (
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/digest"
)

const (
	hexA = "a1549729bfb66a28e3546c953033c9928eae7280917bb1c490983dba3bb9941c"
	hexB = "049efd183a5a841dd432b3427eb6faa7deb3bf6c6bf2c63cbffa024b9c651725"
)

func TestParseChecksum(t *testing.T) {
	got, err := ParseChecksum([]byte("# AlmaLinux-10.0-x86_64-boot.iso: 814028800 bytes\r\nSHA256 (AlmaLinux-10.0-x86_64-boot.iso) = " + strings.ToUpper(hexA) +
		"\r\n\n# a remark\nSHA512 (x.iso) = 00ff\n" + hexB + " *b.iso\n" + hexB + "  b.iso\n"))
	want := []Sum{{"AlmaLinux-10.0-x86_64-boot.iso", hexA, 814028800}, {"b.iso", hexB, 0}}
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestParseChecksumRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"line 1: neither":             "hello\n",
		"line 2: a second, different": hexA + "  x\n" + hexB + "  x\n",
		"not a plain file name":       "SHA256 (../etc/passwd) = " + hexA,
		"not a plain":                 "SHA256 (.x) = " + hexA,
		"is not a plain":              "SHA256 (a\\b) = " + hexA,
		"is not a SHA-256":            "SHA256 (x) = 00",
		"are too many":                strings.Repeat("#\n", maxChecksumBytes),
	} {
		if got, err := ParseChecksum([]byte(text)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func FuzzParseChecksum(f *testing.F) {
	f.Add([]byte("# a.iso: 12 bytes\nSHA256 (a.iso) = " + hexA + "\n"))
	f.Add([]byte(hexA + " *a.iso\r\n"))
	f.Add([]byte("SHA512 (x) = 00\n\n#\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		sums, err := ParseChecksum(text)
		if err != nil && sums != nil {
			t.Fatal("both sums and an error")
		}
		seen := map[string]bool{}
		for _, s := range sums {
			if !plainName(s.Name) || !digest.Is(s.SHA256) || s.SizeBytes < 0 || seen[s.Name] {
				t.Fatalf("%+v", s)
			}
			seen[s.Name] = true
		}
	})
}
