package kickstart

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
)

// Profile is what an image is for: wishes for its kickstart, by one name. The zero
// value wishes for nothing.
type Profile struct {
	Name       string
	CloudInit  bool // cloud-init, and growpart for it
	GuestAgent bool // qemu-guest-agent
	KeysOnly   bool // no account has a password; where no key is given, the cloud gives one
}

// Profiles are the known ones, the default first.
var Profiles = []Profile{
	{Name: "minimal"},
	{Name: "cloud", CloudInit: true, GuestAgent: true, KeysOnly: true},
}

// ErrProfile is a name that no profile has.
var ErrProfile = fault.Class(fault.Input, "there is no such profile")

// ParseProfile returns the profile of a name; "" is the default's. Another one is
// ErrProfile.
func ParseProfile(name string) (Profile, error) {
	var names []string
	for _, p := range Profiles {
		if name == p.Name || name == "" {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Profile{}, fmt.Errorf("%q is not one of %s: %w", name, strings.Join(names, ", "), ErrProfile)
}

// packages are those that the profile is nothing without.
func (p Profile) packages() (names []string) {
	if p.CloudInit {
		names = append(names, "cloud-init", "cloud-utils-growpart")
	}
	if p.GuestAgent {
		names = append(names, "qemu-guest-agent")
	}
	return names
}

var ruleProfile = newRule(Warning, "profile", "the file is not what the profile is that it was asked to be")

// checkProfilePackages asks for the packages of the profile.
func (l *linter) checkProfilePackages(at place) {
	missing := slices.DeleteFunc(l.options.Profile.packages(), func(name string) bool {
		_, listed := l.state.packages.listed[strconv.Itoa(int(EntryPackage))+name]
		return listed
	})
	if len(missing) > 0 {
		l.addAt(at, Warning, problem{rule: ruleProfile, text: "the profile " + l.options.Profile.Name + " has packages that are not listed: " + strings.Join(missing, ", "),
			hint: "add them to %packages"})
	}
}
