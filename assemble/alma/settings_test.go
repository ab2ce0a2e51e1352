package alma

import (
	"strings"
	"testing"

	"github.com/imgasm/imgasm/kickstart/render"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// What render has of the embedded kickstart, alma has too.
func TestSettings(t *testing.T) {
	base := testSpec(t, qemutest.Script{})
	base.Kickstart, base.DiskSize = "", 10<<30
	yes := true
	for name, c := range map[string]struct {
		wish      Settings
		has, lack string
	}{
		"nothing":         {Settings{}, "\nopenssh-server\n", "qemu-guest-agent"}, // a minimal ISO has none
		"the guest agent": {Settings{GuestAgent: &yes}, "\nqemu-guest-agent\n", "cloud-init"},
		"cloud-init":      {Settings{CloudInit: true}, "\ncloud-init\n", "\nrootpw --lock\n"},
		"a repository":    {Settings{Repos: []render.Repo{{Name: "Mine", URL: "https://mirror.example/mine/"}}}, "\nrepo --name=Mine --baseurl=https://mirror.example/mine/", "cloud-init"},
		"a locked root":   {Settings{LockRoot: true, Password: "s3cret-word"}, "\nrootpw --lock\n", "cloud-init"},
	} {
		t.Run(name, func(t *testing.T) {
			s := base
			s.Settings = c.wish
			p, err := resolve(t.Context(), s, testHost(t))
			if err != nil {
				t.Fatal(err)
			}
			if text := string(p.Kickstart.User); !strings.Contains(text, c.has) || strings.Contains(text, c.lack) {
				t.Errorf("want %q and not %q:\n%s", c.has, c.lack, text)
			}
			if c.wish.IsZero() != (name == "nothing") {
				t.Errorf("IsZero is %v", c.wish.IsZero())
			}
		})
	}
}
