package debian

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestSystemMirrors(t *testing.T) {
	own := Public()
	for name, c := range map[string]struct {
		files map[string]string
		want  Mirrors
	}{
		"no apt":            {nil, own},
		"Debian 12, deb822": {map[string]string{"sources.list.d/debian.sources": "Types: deb\n# http://snapshot\nURIs: http://deb.debian.org/debian\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\nTypes: deb\nURIs: http://deb.debian.org/debian-security\nSuites: bookworm-security\nComponents: main\n"}, own},
		"a mirror of one's own": {map[string]string{
			"sources.list": "# deb http://old.example/debian bookworm main\ndeb [ arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg ] https://mirror.example/deb/ trixie main contrib # ours\ndeb-src https://mirror.example/src/debian trixie main\ndeb http://mirror.example/debian-security trixie-security main\n"},
			Mirrors{append([]string{"https://mirror.example/deb"}, own.Archive...), append([]string{"http://mirror.example/debian-security"}, own.Security...)}},
		"others' repositories": {map[string]string{
			"sources.list.d/docker.list":   "deb https://download.docker.example/linux/debian bookworm stable\n",
			"sources.list.d/vendor.list":   "deb https://apt.vendor.example bookworm main\ndeb cdrom:[Debian]/ bookworm main\ndeb file:/srv/debian bookworm main\ndeb https:///debian bookworm\n",
			"sources.list.d/node.sources":  "Types: deb\nURIs: https://node.example/node_20.x\nSuites: nodistro\nComponents: main\n",
			"sources.list.d/off.sources":   "Types: deb\nURIs: http://off.example/debian\nSuites: bookworm\nComponents: main\nEnabled: no\n",
			"sources.list.d/cloud.sources": "Types: deb\nURIs: mirror+file:///etc/apt/mirrors/debian.list\nSuites: bookworm\nComponents: main\n",
		}, own},
		"Ubuntu": {map[string]string{"sources.list.d/ubuntu.sources": "Types: deb\nURIs: http://archive.ubuntu.example/ubuntu/\nSuites: noble noble-updates\nComponents: main\nSigned-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg\n"}, own},
		"a stanza of many lines": {map[string]string{"sources.list.d/x.sources": "Types:\n deb\nURIs: http://one.example/debian\n http://two.example/debian/\nSuites: stable\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n x\n"},
			Mirrors{append([]string{"http://one.example/debian", "http://two.example/debian"}, own.Archive...), own.Security}},
	} {
		t.Run(name, func(t *testing.T) {
			etc := fstest.MapFS{}
			for name, text := range c.files {
				etc[name] = &fstest.MapFile{Data: []byte(text)}
			}
			if d := cmp.Diff(c.want, SystemMirrors(etc)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestMirrorAt(t *testing.T) {
	want := Mirrors{[]string{"http://m.example/debian"}, []string{"http://m.example/debian-security", publicSecurity}}
	if d := cmp.Diff(want, MirrorAt("http://m.example/debian/")); d != "" {
		t.Error(d)
	}
}
