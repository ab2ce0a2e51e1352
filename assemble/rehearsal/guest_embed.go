//go:build guest

package rehearsal

import "embed"

// embeddedGuests holds guests/guest-GOARCH.gz, made by `make build`.
//
//go:embed guests
var embeddedGuests embed.FS
