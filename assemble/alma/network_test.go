package alma

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/source"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/kickstart/render"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// The guest reaches nothing unless something may need it, and the plan says
// which it is. The verification never reaches anything.
func TestNetworkIsRestricted(t *testing.T) {
	own := func(from, to string) func(*Spec) {
		return func(s *Spec) {
			s.Kickstart = filepath.Join(filepath.Dir(s.Kickstart), "own.ks")
			ok(t, os.WriteFile(s.Kickstart, []byte(strings.Replace(smallKickstart, from, to, 1)), 0o600))
		}
	}
	script := filepath.Join(t.TempDir(), "post.sh")
	ok(t, os.WriteFile(script, []byte("true\n"), 0o600))
	for name, c := range map[string]struct {
		change func(*Spec)
		open   bool
	}{
		"packages from the medium":  {func(*Spec) {}, false},
		"embedded, from the medium": {func(s *Spec) { s.Kickstart, s.DiskSize = "", 10<<30 }, false},
		"embedded, from a boot ISO": {func(s *Spec) { s.Kickstart, s.DiskSize, s.ISO = "", 10<<30, installerISO(t, arch.X86_64) }, true},
		"embedded, with a repository": {func(s *Spec) {
			s.Kickstart, s.DiskSize, s.Settings.Repos = "", 10<<30, []render.Repo{{Name: "epel", URL: "https://example.org/"}}
		}, true},
		"embedded, with a folder of the medium": {func(s *Spec) {
			s.Kickstart, s.DiskSize, s.Settings.Repos = "", 10<<30, []render.Repo{{Name: "own", URL: "file:///run/install/repo/own"}}
		}, false},
		"embedded, with a script":     {func(s *Spec) { s.Kickstart, s.DiskSize, s.Provision = "", 10<<30, []Provision{{Script: script}} }, true},
		"offline":                     {func(s *Spec) { s.Offline = true; own("%packages", "%post\ntrue\n%end\n%packages")(s) }, false},
		"a repository":                {own("cdrom", "url --url=https://example.org/"), true},
		"a further repository":        {own("cdrom", "cdrom\nrepo --name=x --baseurl=https://example.org/"), true},
		"an update of the installer":  {own("cdrom", "cdrom\nupdates http://example.org/u.img"), true},
		"a script":                    {own("%packages", "%post\ncurl example.org\n%end\n%packages"), true},
		"a domain":                    {own("cdrom", "cdrom\nrealm join example.org"), true},
		"an include":                  {own("cdrom", "cdrom\n%include /run/install/repo/x.ks"), true},
		"an include among packages":   {own("%packages", "%packages\n%include /run/install/repo/x.ks"), true},
		"a network device":            {own("cdrom", "cdrom\nnetwork --hostname=web"), false},
		"an argument with an address": {func(s *Spec) { s.KernelArgs = []string{"inst.updates=http://example.org/u.img"} }, true},
		"an argument without":         {func(s *Spec) { s.KernelArgs = []string{"fips=1"} }, false},
	} {
		s := testSpec(t, qemutest.Script{})
		c.change(&s)
		p, err := resolve(t.Context(), s, testHost(t))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		argv := strings.Join(p.Machine.Argv(qemu.Links{}), " ")
		if open := !strings.Contains(argv, "restrict=on"); open != c.open {
			t.Errorf("%s: open %v, want %v: %s", name, open, c.open, argv)
		}
		if says := strings.Contains(p.View().Network, "10.0.2.2"); says != c.open {
			t.Errorf("%s: the plan says %q", name, p.View().Network)
		}
		if !strings.Contains(strings.Join(p.TestMachine.Argv(qemu.Links{}), " "), "restrict=on") {
			t.Errorf("%s: the verification has a network", name)
		}
	}
}

// A minor release's folder is emptied when the next appears: packages come from the
// major's, or with the ISO from the vault.
func TestRepositories(t *testing.T) {
	for name, c := range map[string]struct {
		spec    Spec
		version string
		from    string // the ISO's address; "": a file that the user named
		want    string
	}{
		"a file":          {Spec{}, "10.1", "", "https://repo.almalinux.org/almalinux/10/BaseOS/x86_64_v2/os/"},
		"from the mirror": {Spec{}, "10.1", "https://repo.almalinux.org/almalinux/10.1/isos/x86_64_v2/x.iso", "https://repo.almalinux.org/almalinux/10/BaseOS/x86_64_v2/os/"},
		"from the vault":  {Spec{}, "10.1", "https://vault.almalinux.org/10.1/isos/x86_64_v2/x.iso", "https://vault.almalinux.org/10.1/BaseOS/x86_64_v2/os/"},
		"another vault":   {Spec{Source: Source{Vault: "https://example.org/v/"}}, "10.1", "https://example.org/v/10.1/isos/x86_64_v2/x.iso", "https://example.org/v/10.1/BaseOS/x86_64_v2/os/"},
		"Kitten":          {Spec{Source: Source{Version: "kitten"}}, "10", "", "https://kitten.repo.almalinux.org/10-kitten/BaseOS/x86_64_v2/os/"},
		"of no release":   {Spec{}, "11.1", "", ""},
	} {
		p := &Plan{Spec: c.spec, Installer: Installer{Version: c.version, Flavour: flavourV2}}
		if c.from != "" {
			p.Installer.fetched = &source.File{URL: c.from}
		}
		got, err := p.repositories()
		if got.URL != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %s, %v; want %s", name, got.URL, err, c.want)
		}
	}
}
