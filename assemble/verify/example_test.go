package verify_test

import (
	"errors"
	"fmt"

	"github.com/imgasm/imgasm/assemble/verify"
)

// Checks of one's own, and what is wrong with a file of them.
func ExampleParseChecks() {
	checks, err := verify.ParseChecks("web.checks", []byte(`
the web server answers
  $ curl -fsS http://127.0.0.1/
  Welcome to .* (re)
`))
	fmt.Println(checks[0].Name, "|", checks[0].Script, "|", checks[0].Status, err)

	_, err = verify.ParseChecks("web.checks", []byte("nothing listens\n $ ss -Htln\n"))
	var at *verify.ParseError
	fmt.Println(errors.As(err, &at), at)
	// Output:
	// the web server answers | curl -fsS http://127.0.0.1/ | 0 <nil>
	// true web.checks:2:1: one space: what belongs to a check is indented by two
}
