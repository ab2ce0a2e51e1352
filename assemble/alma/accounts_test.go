package alma

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/verify"
	"github.com/imgasm/imgasm/kickstart"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

const (
	testKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGBqbXBe6E5tx1gHxMyHwmk0O1vYhp6ylDZPX/5oQZ3k somebody@example.org"
	// testHash is the sha512crypt hash of "secret".
	testHash = "$6$saltsalt$BO1OYgaIkFtgGvV9Kq6iLnzQoTPQ.5AvRhaaVGwBsTQUpKu/FRiV4Rg9NcHeSQkhIkiPGnXhNKvfFfsaNaJXf."
)

// Nobody has a password that anybody knows once a key or a password was given,
// and the verification logs in with what it knows.
func TestAccounts(t *testing.T) {
	base := testSpec(t, qemutest.Script{})
	base.Kickstart, base.DiskSize = "", 10<<30
	key := []string{testKey}
	for name, c := range map[string]struct {
		wish             Settings
		rootLock, locked bool
		login            verify.Login
		note             string // of published passwords; "": none
	}{
		"nothing":                 {Settings{}, false, false, verify.Login{Name: "admin", Password: "admin"}, "root and admin"},
		"key":                     {Settings{SSHKeys: key}, true, true, verify.Login{}, ""},
		"user and key":            {Settings{User: "anna", SSHKeys: key}, true, true, verify.Login{}, ""},
		"key and passwords":       {Settings{RootPassword: "r00t", Password: "secret", SSHKeys: key}, false, false, verify.Login{Name: "admin", Password: "secret"}, ""},
		"key and root's password": {Settings{RootPassword: "r00t", SSHKeys: key}, false, true, verify.Login{Name: "root", Password: "r00t"}, ""},
		"hashes":                  {Settings{RootPassword: testHash, Password: testHash}, false, false, verify.Login{}, ""},
		"user's password":         {Settings{User: "anna", Password: "secret"}, true, false, verify.Login{Name: "anna", Password: "secret"}, ""},
		"admin's password":        {Settings{Password: "secret"}, true, false, verify.Login{Name: "admin", Password: "secret"}, ""},
		"root's password":         {Settings{RootPassword: "r00t"}, false, true, verify.Login{Name: "root", Password: "r00t"}, ""},
		"a published one":         {Settings{RootPassword: "packer"}, false, true, verify.Login{Name: "root", Password: "packer"}, "root"},
	} {
		t.Run(name, func(t *testing.T) {
			s := base
			s.Settings = c.wish
			p, err := resolve(t.Context(), s, testHost(t))
			if err != nil {
				t.Fatal(err)
			}
			text := string(p.Kickstart.User)
			user := cmp.Or(c.wish.User, "admin")
			if got := strings.Contains(text, "\nrootpw --lock\n"); got != c.rootLock {
				t.Errorf("root's password is locked: %v, want %v", got, c.rootLock)
			}
			if got := strings.Contains(text, "\nuser --name="+user+" --groups=wheel --lock\n"); got != c.locked {
				t.Errorf("%s's password is locked: %v, want %v", user, got, c.locked)
			}
			if p.Kickstart.Login != c.login {
				t.Errorf("the verification would log in as %+v, want %+v", p.Kickstart.Login, c.login)
			}
			var caution string
			if i := slices.IndexFunc(p.Cautions, func(n assemble.Caution) bool { return n.Lasting }); i >= 0 {
				caution = p.Cautions[i].Text
			}
			if (caution != "") != (c.note != "") || !strings.Contains(caution, "the password of "+c.note+" is published") && c.note != "" {
				t.Errorf("caution %q, want one about %q", caution, c.note)
			}
			alone := slices.ContainsFunc(p.Notes, func(n string) bool {
				return strings.HasPrefix(n, "admin has no password, so that only root can log in")
			})
			if want := c.locked && len(c.wish.SSHKeys) == 0; alone != want {
				t.Errorf("told that only root can log in: %v, want %v", alone, want)
			}
		})
	}
	s := base
	s.Settings = Settings{CloudInit: true, KeysOnly: true}
	p, err := resolve(t.Context(), s, testHost(t))
	if text := string(p.Kickstart.User); err != nil || !strings.Contains(text, "\nrootpw --lock\n") || strings.Contains(text, "\nuser ") || p.Kickstart.Login != (verify.Login{}) {
		t.Errorf("keys only, and no key: %v\n%s", err, text)
	}
	s.Settings.CloudInit = false
	if _, err := resolve(t.Context(), s, testHost(t)); err == nil || !strings.Contains(err.Error(), "nobody could log in") {
		t.Errorf("keys only, no key and nobody who brings one: %v", err)
	}
	s.Settings = Settings{User: "anna"}
	if _, err := resolve(t.Context(), s, testHost(t)); err == nil || assemble.Hint(err) == "" || !strings.Contains(err.Error(), "anna could not log in") {
		t.Errorf("a user without password and key: %v; want an error with a hint", err)
	}
	if !kickstart.IsHashed(testHash) {
		t.Error("the test's hash is none")
	}
}
