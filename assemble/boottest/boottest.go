// Package boottest is the proof that an image boots, as its description has it.
package boottest

import (
	"fmt"
	"strings"
)

// Proof is what was seen when the image booted on its own.
type Proof struct {
	Seconds float64 `json:"seconds"` // from power-on to the evidence
	Login   string  `json:"login,omitempty"`
	SSH     string  `json:"ssh,omitempty"`  // the server's banner
	User    string  `json:"user,omitempty"` // who could log in over ssh
	Off     bool    `json:"poweredOff"`     // it powered off when asked to
}

// String tells the evidence in a few words.
func (p Proof) String() string {
	var seen []string
	if p.Login != "" {
		seen = append(seen, fmt.Sprintf("prompt %q", p.Login))
	}
	if p.User != "" {
		seen = append(seen, "ssh as "+p.User)
	} else if p.SSH != "" {
		seen = append(seen, p.SSH)
	}
	if p.Off {
		seen = append(seen, "powered off when asked to")
	}
	return strings.Join(seen, ", ")
}
