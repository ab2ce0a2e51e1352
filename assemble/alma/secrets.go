// The secrets that a build knows, and taking them out of all that it says and
// keeps: events, errors, plans, descriptions, failure bundles.

package alma

import (
	"cmp"
	"net/url"
	"os"
	"slices"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/redact"
	"github.com/imgasm/imgasm/kickstart"
	"github.com/imgasm/imgasm/kickstart/render"
)

// published are the passwords of the embedded kickstart. They stand in the
// manual, and "admin" is in every log as a user's name: they are no secrets.
var published = []string{render.DefaultRootPassword, render.DefaultUsers()[0].Password}

// secrets are the values that a Spec alone tells: passwords, what its files
// have in secret places, and credentials in URLs. A file that cannot be read is
// reported by whoever needs it.
func (s Spec) secrets() []string {
	all := []string{s.Settings.RootPassword, s.Settings.Password}
	addresses := append([]string{s.ISO, s.Mirror, s.Vault, s.Proxy}, s.KernelArgs...)
	for _, r := range s.Settings.Repos {
		addresses = append(addresses, r.URL)
	}
	for _, text := range addresses {
		all = append(all, credentials(text)...)
	}
	all = append(all, inFile(s.KickstartText)...)
	if s.Kickstart != "" && s.KickstartText == nil {
		all = append(all, inFile(readSmall(s.Kickstart))...)
	}
	for _, v := range s.Provision {
		if v.Script != "" {
			all = append(all, inFile(slices.Concat([]byte("%post\n"), readSmall(v.Script), []byte("\n%end\n")))...)
		}
	}
	return all
}

// secrets are the Spec's, and those of the kickstart that the guest will read:
// the hashes of passwords, for instance.
func (p *Plan) secrets() []string {
	all := slices.Concat(p.Spec.secrets(), inFile(p.Kickstart.User), inFile(p.Kickstart.Guest), credentials(p.Installer.URL))
	if f := p.Installer.fetched; f != nil {
		all = append(all, credentials(f.URL)...)
	}
	return all
}

// inFile are the secrets of a kickstart.
func inFile(text []byte) []string {
	return append(kickstart.Secrets(text), redact.Credentials(string(text))...)
}

// hiding makes what hides values.
func hiding(values []string) *assemble.Secrets {
	return redact.New(slices.DeleteFunc(values, func(v string) bool { return slices.Contains(published, v) })...)
}

// readSmall reads a file that may be a kickstart or a script, else nothing.
func readSmall(path string) []byte {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() > kickstart.MaxSize {
		return nil
	}
	text, _ := os.ReadFile(path)
	return text
}

// credentials are the secrets in a URL or in an argument: "user:password@", where
// a user name without a password is a token, and what is called a token or the like.
func credentials(text string) []string {
	all := inFile([]byte("# " + text + "\n"))
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		return all
	}
	password, _ := u.User.Password()
	return append(all, u.User.String(), cmp.Or(password, u.User.Username()))
}

// shown is a URL as it may be shown.
func (s Spec) shown(text string) string {
	return hiding(append(s.secrets(), credentials(text)...)).String(withoutCredentials(text))
}

// withoutCredentials is a URL without "user:password@".
func withoutCredentials(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		return text
	}
	u.User = nil
	return u.String()
}

// hide takes the Spec's secrets out of an error.
func (s Spec) hide(err *error) {
	if *err != nil {
		*err = assemble.Hide(*err, hiding(s.secrets()))
	}
}

// hidden is a sink that passes events on without the Spec's secrets.
func (s Spec) hidden(sink event.Sink) event.Sink {
	if sink == nil {
		return nil
	}
	values := hiding(s.secrets())
	return func(e event.Event) {
		e.Text, e.Hint = values.String(e.Text), values.String(e.Hint)
		sink(e)
	}
}
