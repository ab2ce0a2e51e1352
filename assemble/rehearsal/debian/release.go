// A suite's InRelease file: what Debian signs. It names the suite and the hash
// of each of its indexes.

package debian

import (
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
	names := []string{"Origin", "Codename", "Date", "Valid-Until", "Acquire-By-Hash", "SHA256"}
	err := stanzas(bytes.NewReader(text), names, func(f map[string]string) (err error) {
		r.origin, r.codename, r.byHash = f["Origin"], f["Codename"], f["Acquire-By-Hash"] == "yes"
		for name, to := range map[string]*time.Time{"Date": &r.date, "Valid-Until": &r.validUntil} {
			if f[name] != "" {
				if *to, err = time.Parse(time.RFC1123, f[name]); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
		}
		for line := range strings.Lines(f["SHA256"]) {
			h := strings.Fields(line)
			if len(h) != 3 {
				continue
			}
			size, err := strconv.ParseInt(h[1], 10, 64)
			if err != nil || size < 0 || !digest.Is(h[0]) {
				return fmt.Errorf("%q is no hash, size and path", line)
			}
			r.files[h[2]] = hash{h[0], size}
		}
		return nil
	})
	if err == nil && r.date.IsZero() {
		err = errors.New("it has no date")
	}
	if err != nil {
		return nil, fmt.Errorf("release file: %w", err)
	}
	return r, nil
}
