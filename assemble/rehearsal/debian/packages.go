// A suite's Packages file: one stanza a package.

package debian

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/imgasm/imgasm/internal/digest"
)

// pkg is the newest version of a package.
type pkg struct {
	hash
	name, version string
	path          string // below the mirror's root: "pool/main/…"
	depends       string // as written: "linux-image-6.1.0-57-amd64 (= 6.1.192-3)"
	suite         *suite // whose mirror has it
}

// readPackages calls take for every package that a Packages file names and that has
// all that is needed to fetch it.
func readPackages(r io.Reader, take func(pkg)) error {
	return stanzas(r, []string{"Package", "Version", "Depends", "Filename", "SHA256", "Size"}, func(f map[string]string) error {
		size, err := strconv.ParseInt(cmp.Or(f["Size"], "0"), 10, 64)
		if err != nil {
			return fmt.Errorf("package %s: size %q", f["Package"], f["Size"])
		}
		p := pkg{hash: hash{f["SHA256"], size}, name: f["Package"], version: f["Version"], path: f["Filename"], depends: f["Depends"]}
		if p.name != "" && p.version != "" && p.path != "" && digest.Is(p.sha256) && p.size > 0 {
			take(p)
		}
		return nil
	})
}

// plainName is what names and versions consist of (Debian policy 5.6.1, 5.6.12)
// and plainPath what a pool's paths do, so that none leads out of a folder.
var (
	plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+~:-]*$`)
	plainPath = regexp.MustCompile(`^pool/([A-Za-z0-9][A-Za-z0-9.+~:%_-]*/)+[A-Za-z0-9][A-Za-z0-9.+~:%_-]*$`)
)

// file is the name under which the package is kept, and which apt would give it:
// "shim-signed_1.44~1+deb12u1+15.8-1~deb12u1_amd64.deb".
func (p pkg) file(arch string) (string, error) {
	if !plainName.MatchString(p.name) || !plainName.MatchString(p.version) || !plainPath.MatchString(p.path) {
		return "", fmt.Errorf("package %q, version %q, file %q: no such name is used in Debian", p.name, p.version, p.path)
	}
	return p.name + "_" + strings.ReplaceAll(p.version, ":", "%3a") + "_" + arch + ".deb", nil
}
