package derive

import (
	"fmt"
	"testing"
)

// UUIDv5 of "python.org" in the DNS namespace, as RFC 9562's readers know it.
func TestUUID5(t *testing.T) {
	dns := [16]byte{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}
	if got := fmt.Sprintf("%x", uuid5(dns, "python.org")); got != "886313e13b8a53729b900c9aee199e5d" {
		t.Error(got)
	}
	if UUID("a", "b") == UUID("a\x00b", "") {
		t.Error("UUID does not tell its arguments apart")
	}
}

func TestDate(t *testing.T) {
	a, b := Date("a"), Date("b")
	if a.Equal(b) || !a.Equal(Date("a")) || a.Year() < 2000 || a.Year() > 2020 {
		t.Errorf("%v, %v", a, b)
	}
}
