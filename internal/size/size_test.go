package size

import "testing"

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64
	}{
		{"10G", 10 << 30}, {"10g", 10 << 30}, {"10GiB", 10 << 30}, {"10GB", 10 << 30}, {"1.5G", 3 << 29},
		{"512M", 512 << 20}, {" 2T ", 2 << 40}, {"4096", 4096}, {"0", 0}, {"1K", 1024}, {"12B", 12}, {"2p", 2 << 50},
	} {
		got, err := Parse(c.text)
		if err != nil || got != c.want {
			t.Errorf("Parse(%q) = %d, %v; want %d", c.text, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "G", "10X", "-1G", "+1G", "1e3G", "10GG", "NaN", "Inf", "0x10", "10 000", "9999999T", "1_0G", "10iB", "1.2.3G", "1.0001K", "0.5"} {
		if got, err := Parse(bad); err == nil {
			t.Errorf("Parse(%q) = %d, want an error", bad, got)
		}
	}
}

func TestFormatIsParsedBack(t *testing.T) {
	for _, n := range []int64{0, 1, 1023, 1024, 10 << 30, 10<<30 + 512, 3 << 40, 1<<20 + 1<<10} {
		if got, err := Parse(Format(n)); err != nil || got != n {
			t.Errorf("%d → %q → %d, %v", n, Format(n), got, err)
		}
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		n    int64
		want string
	}{{0, "0 B"}, {1023, "1023 B"}, {1024, "1.0 KiB"}, {1<<20 - 1, "1.0 MiB"}, {1 << 40, "1.0 TiB"}, {1 << 62, "4096.0 PiB"}} {
		if got := Text(c.n); got != c.want {
			t.Errorf("Text(%d) = %q, want %q", c.n, got, c.want)
		}
	}
}
