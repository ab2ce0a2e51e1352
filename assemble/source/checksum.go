// Reads CHECKSUM files, after their signature was checked. Pure.

package source

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/imgasm/imgasm/internal/digest"
)

// A CHECKSUM names a dozen files; ones larger than these are something else.
const (
	maxChecksumBytes = 1 << 20
	maxSums          = 10_000
)

// Sum is one file of a CHECKSUM.
type Sum struct {
	Name      string `json:"name"`
	SHA256    string `json:"sha256"` // 64 lower-case hexadecimal digits
	SizeBytes int64  `json:"size,omitempty"`
}

var (
	// # AlmaLinux-10.1-x86_64-boot.iso: 1025507328 bytes
	sizeLine = regexp.MustCompile(`^#\s*(\S+):\s*(\d{1,18}) bytes$`)
	// SHA256 (AlmaLinux-10.1-x86_64-boot.iso) = 64 digits
	bsdLine = regexp.MustCompile(`^([A-Z0-9-]+) ?\((.+)\) = ([0-9a-fA-F]+)$`)
	// 64 digits, space, space or asterisk, name: what sha256sum prints
	gnuLine = regexp.MustCompile(`^([0-9a-fA-F]{64}) [ *](.+)$`)
)

// ParseChecksum reads the text of a CHECKSUM file, in BSD's form or in that of
// sha256sum. Digests of other kinds are passed over; a line of no known form,
// a name with a folder in it, and two hashes for one name are errors.
func ParseChecksum(text []byte) ([]Sum, error) {
	if len(text) > maxChecksumBytes {
		return nil, fmt.Errorf("checksums: %d bytes are too many", len(text))
	}
	sizes := map[string]int64{}
	index := map[string]int{}
	var sums []Sum
	line := 0
	for raw := range bytes.Lines(text) {
		line++
		s := strings.TrimRight(string(raw), " \t\r\n")
		if m := sizeLine.FindStringSubmatch(s); m != nil {
			n, err := strconv.ParseInt(m[2], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("checksums, line %d: size %s: %w", line, m[2], err)
			}
			sizes[m[1]] = n
			continue
		}
		if s == "" || s[0] == '#' {
			continue
		}
		var name, sum string
		if m := bsdLine.FindStringSubmatch(s); m != nil {
			if m[1] != "SHA256" && m[1] != "SHA2-256" {
				continue
			}
			name, sum = m[2], m[3]
		} else if m := gnuLine.FindStringSubmatch(s); m != nil {
			name, sum = m[2], m[1]
		} else {
			return nil, fmt.Errorf("checksums, line %d: neither \"SHA256 (FILE) = HASH\" nor \"HASH  FILE\": %.80q", line, s)
		}
		sum = strings.ToLower(sum)
		if !digest.Is(sum) {
			return nil, fmt.Errorf("checksums, line %d: %.80q is not a SHA-256", line, sum)
		}
		if !plainName(name) {
			return nil, fmt.Errorf("checksums, line %d: %.80q is not a plain file name", line, name)
		}
		if i, ok := index[name]; ok {
			if sums[i].SHA256 != sum {
				return nil, fmt.Errorf("checksums, line %d: a second, different hash for %s", line, name)
			}
			continue
		}
		if len(sums) == maxSums {
			return nil, fmt.Errorf("checksums, line %d: more than %d files", line, maxSums)
		}
		index[name] = len(sums)
		sums = append(sums, Sum{Name: name, SHA256: sum})
	}
	for i := range sums {
		sums[i].SizeBytes = sizes[sums[i].Name]
	}
	return sums, nil
}

// plainName says that name is one that may be used for a file in the cache:
// visible ASCII, no separators of any system, no leading dot.
func plainName(name string) bool {
	return name != "" && len(name) <= 200 && name[0] != '.' && !strings.ContainsFunc(name, func(c rune) bool {
		return c <= ' ' || c > '~' || strings.ContainsRune(`/\:*?"<>|`, c)
	})
}
