// Package boottest has a finished image prove that it boots: it starts on its
// own, from its own boot loader, and somebody can log in. Who starts the virtual
// machine and watches it is the caller's: a build, or whoever verifies an image.
package boottest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/qemu/console"
)

// ErrUnproven says that an image did not show that it boots.
var ErrUnproven = fault.Class(fault.Guest, "the image failed its boot test")

// Unproven is ErrUnproven, because of why.
func Unproven(why error) error {
	return &fault.Error{Class: ErrUnproven, Err: fmt.Errorf("the installed image failed its boot test: %w", why),
		Do: "boot-serial.log shows how far it came; {NoBootTest} publishes without having seen it boot"}
}

// Guest is a running virtual machine that somebody watches.
type Guest interface {
	// Follow watches the guest until it ends or ctx does, and gives record every
	// line of its console. The failure is what the guest itself said was wrong.
	Follow(ctx context.Context, record func(console.Record)) (*anaconda.Failure, error)
	// PowerOff asks the guest to power off, and says whether it did, in time.
	PowerOff(ctx context.Context) bool
}

// Login is an account of the image. The zero value: none is known.
type Login struct{ Name, Password string }

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

// loginPrompt is getty's prompt on the serial console: "localhost login: ".
var loginPrompt = regexp.MustCompile(`^\S+ login:\s*$`)

// sighting is a sign of life of the booted image.
type sighting struct {
	login  string // the prompt
	banner string // ssh's version line
	user   string // who has logged in
	err    error  // why the login failed, for good
}

// Run watches a guest that was powered on at begun until it has proven that the
// image boots: by ssh where port, of this host's loopback, is not 0 and a user is
// known, else by whatever comes first of an ssh banner and a login prompt. It
// writes nothing to the image.
//
// Without proof it returns the guest's failure, ErrUnproven, or Follow's error.
func Run(ctx context.Context, guest Guest, begun time.Time, port int, user Login) (*Proof, *anaconda.Failure, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	seen := make(chan sighting, 16)
	see := func(s sighting) {
		select {
		case seen <- s:
		case <-ctx.Done():
		}
	}
	prompted := false
	record := func(r console.Record) {
		if !prompted && loginPrompt.MatchString(r.Text) {
			prompted = true
			see(sighting{login: strings.TrimSpace(r.Text)})
		}
	}
	type end struct {
		failure *anaconda.Failure
		err     error
	}
	ended := make(chan end, 1)
	go guard.Func(func() {
		failure, err := guest.Follow(ctx, record)
		ended <- end{failure, err}
	}, func(err error) { ended <- end{err: err} })()
	if port != 0 {
		go guard.Func(func() { trySSH(ctx, port, user, see) }, func(err error) { see(sighting{err: err}) })()
	}
	test := &Proof{}
	for {
		select {
		case s := <-seen:
			if s.err != nil {
				return nil, nil, Unproven(s.err)
			}
			if s.login != "" {
				test.Login = s.login
			}
			if s.banner != "" {
				test.SSH = s.banner
			}
			if s.user != "" {
				test.User = s.user
			}
			enough := test.User != "" || user.Name == "" && (test.SSH != "" || test.Login != "")
			if enough {
				test.Seconds = time.Since(begun).Seconds()
				test.Off = guest.PowerOff(ctx)
				return test, nil, nil
			}
		case e := <-ended:
			if e.err == nil && e.failure == nil {
				e.err = Unproven(errors.New("the image powered off before anybody could log in"))
			}
			return nil, e.failure, e.err
		}
	}
}
