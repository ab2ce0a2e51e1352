//go:build !guest

package rehearsal

import "embed"

// embeddedGuests is empty in a program built without the tag "guest", so that
// `go build`, `go vet` and `go test` need no generated files.
var embeddedGuests embed.FS
