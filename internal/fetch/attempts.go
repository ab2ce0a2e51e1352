package fetch

import (
	"fmt"
	"strings"
)

// Attempts are the addresses that did not give a file, as one error.
type Attempts struct {
	What  string // the file
	tried []error
}

// Add notes what came of an address.
func (a *Attempts) Add(address string, err error) {
	if !strings.HasPrefix(err.Error(), address+": ") {
		err = fmt.Errorf("%s: %w", address, err)
	}
	a.tried = append(a.tried, err)
}

func (a *Attempts) Error() string {
	if len(a.tried) == 1 {
		return "download " + a.What + ": " + a.tried[0].Error()
	}
	text := "download " + a.What + ": no address has it:"
	for _, err := range a.tried {
		text += "\n  " + err.Error()
	}
	return text
}

// Unwrap gives every address's error.
func (a *Attempts) Unwrap() []error { return a.tried }
