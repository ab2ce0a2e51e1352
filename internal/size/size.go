// Package size reads and writes sizes as people do, in powers of 1024.
package size

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// form matches a size in capitals: "10G", "1.5GIB", "512MB", "4096", "12B".
var form = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)(?:B|([KMGTP])(?:I?B)?)?$`)

// Parse reads a size in bytes: a whole or decimal number and a binary unit (K,
// M, G, T, P, large or small, also as KiB or KB), as QEMU and the kickstart
// tools take it.
func Parse(text string) (int64, error) {
	parts := form.FindStringSubmatch(strings.ToUpper(strings.TrimSpace(text)))
	if parts == nil {
		return 0, fmt.Errorf("size %q: write a number and a unit, such as 10G or 512M", text)
	}
	number, err := strconv.ParseFloat(parts[1], 64)
	if err != nil {
		return 0, fmt.Errorf("size %q: %w", text, err)
	}
	shift := map[string]uint{"": 0, "K": 10, "M": 20, "G": 30, "T": 40, "P": 50}[parts[2]]
	bytes := number * float64(uint64(1)<<shift)
	switch {
	case bytes >= math.MaxInt64:
		return 0, fmt.Errorf("size %q: too large", text)
	case bytes != math.Trunc(bytes):
		return 0, fmt.Errorf("size %q: no whole number of bytes, but %.1f", text, bytes)
	}
	return int64(bytes), nil
}

// Format writes n bytes in the largest binary unit that loses nothing: "10G".
func Format(n int64) string {
	for _, u := range []struct {
		name  string
		shift uint
	}{{"T", 40}, {"G", 30}, {"M", 20}, {"K", 10}} {
		if n != 0 && n%(1<<u.shift) == 0 {
			return fmt.Sprintf("%d%s", n>>u.shift, u.name)
		}
	}
	return strconv.FormatInt(n, 10)
}

// Text writes n bytes for a person, in binary units and rounded: "0 B", "1.5 MiB".
func Text(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n), ""
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		value, unit = value/1024, u
		if value < 1023.95 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
