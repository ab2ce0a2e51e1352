// A suite's InRelease file: what Debian signs. It names the suite and the hash
// of each of its indexes.

package debian

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/pgp"
)

// maxRelease is more than any InRelease file has; bookworm's has 151 kB.
const maxRelease = 4 << 20

// release is a suite's Release file (Debian repository format,
// https://wiki.debian.org/DebianRepository/Format).
type release struct {
	origin, codename string
	date, validUntil time.Time       // validUntil: zero where the suite sets no end
	byHash           bool            // indexes are to be had under their hash too
	files            map[string]hash // by path below the suite's folder
}

// hash says what a file must be.
type hash struct {
	sha256 string // 64 lower-case hexadecimal digits
	size   int64
}

// Reasons why a suite is not accepted.
var (
	errExpired = errors.New("what the mirror says of itself has expired")
	errNotIt   = errors.New("the mirror serves something else there")
)

// readRelease checks an InRelease file's signature and that it is the suite's.
// Whether it has expired is another question: see current.
func readRelease(data []byte, suite string, keys *pgp.Keyring, now time.Time) (*release, error) {
	text, _, err := keys.ClearSigned(data, now)
	if err != nil {
		return nil, err
	}
	r, err := parseRelease(text)
	if err != nil {
		return nil, err
	}
	if r.origin != "Debian" || r.codename != suite {
		return nil, fmt.Errorf("%w: %s of %s, not %s of Debian", errNotIt, r.codename, r.origin, suite)
	}
	return r, nil
}

// current tells whether the suite still holds at the time now.
func (r *release) current(now time.Time) error {
	if !r.validUntil.IsZero() && now.After(r.validUntil) {
		return fmt.Errorf("%w: %s is of %s and was valid until %s, and it is %s by this system's clock", errExpired,
			r.codename, r.date.Format(time.DateOnly), r.validUntil.Format(time.DateTime), now.UTC().Format(time.DateTime))
	}
	return nil
}

func parseRelease(text []byte) (*release, error) {
	r := &release{files: map[string]hash{}}
	field := ""
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxRelease)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, " ") {
			if f := strings.Fields(line); field == "SHA256" && len(f) == 3 {
				size, err := strconv.ParseInt(f[1], 10, 64)
				if err != nil || size < 0 || !digest.Is(f[0]) {
					return nil, fmt.Errorf("release file: %q is no hash, size and path", line)
				}
				r.files[f[2]] = hash{f[0], size}
			}
			continue
		}
		value := ""
		field, value, _ = strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		var err error
		switch field {
		case "Origin":
			r.origin = value
		case "Codename":
			r.codename = value
		case "Date":
			r.date, err = time.Parse(time.RFC1123, value)
		case "Valid-Until":
			r.validUntil, err = time.Parse(time.RFC1123, value)
		case "Acquire-By-Hash":
			r.byHash = value == "yes"
		}
		if err != nil {
			return nil, fmt.Errorf("release file: %s: %w", field, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("release file: %w", err)
	}
	if r.date.IsZero() {
		return nil, errors.New("release file: it has no date")
	}
	return r, nil
}
