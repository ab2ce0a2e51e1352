package debian

import (
	_ "embed"

	"github.com/imgasm/imgasm/internal/pgp"
)

// archiveKeys are those of Debian 12 and 13 from the package
// debian-archive-keyring, less other people's signatures. Which key signs what,
// and the fingerprints: https://ftp-master.debian.org/keys.html.
//
//go:embed debian-archive-keys.asc
var archiveKeys []byte

// Fingerprints are those of Debian's keys that are trusted, of the primary keys.
var Fingerprints = []string{
	"B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8", // archive, 12
	"05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0", // security archive, 12
	"4D64FEC119C2029067D6E791F8D2585B8783D481", // stable release, 12
	"04B54C3CDCA79751B16BC6B5225629DF75B188BD", // archive, 13: signs 12's suites too
	"5E04A1E3223A19A20706E20F9904613D4CCE68C6", // security archive, 13
	"41587F7DB8C774BCCF131416762F67A0B2C39DE4", // stable release, 13
}

// Keys is the built-in keyring.
func Keys() (*pgp.Keyring, error) {
	return pgp.Pinned("Debian's archive keys", archiveKeys, Fingerprints...)
}
