package alma

import (
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// The last lines of a build say who may log in, and never a password that somebody chose.
func TestNext(t *testing.T) {
	const seeded = "whom the machine's seed names, by its ssh key (cloud-init; imgasm run seeds admin, with a key of its own)"
	base := testSpec(t, qemutest.Script{})
	base.Kickstart, base.DiskSize = "", 10<<30
	for name, c := range map[string]struct {
		wish   Settings
		logins string
		ssh    string
	}{
		"nothing":          {Settings{}, "root (password packer), admin (password admin)", "admin@127.0.0.1"},
		"key":              {Settings{User: "anna", SSHKeys: []string{testKey}}, "root (your ssh key), anna (your ssh key)", "anna@127.0.0.1"},
		"user's password":  {Settings{Password: "s3cret-word"}, "admin (the password that you gave)", "admin@127.0.0.1"},
		"root's password":  {Settings{RootPassword: "s3cret-word"}, "root (the password that you gave)", "root@127.0.0.1"},
		"cloud, and a key": {Settings{CloudInit: true, KeysOnly: true, SSHKeys: []string{testKey}}, "root (your ssh key), admin (your ssh key), " + seeded, "admin@127.0.0.1"},
		"cloud":            {Settings{CloudInit: true, KeysOnly: true}, seeded, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := base
			s.Settings = c.wish
			p, err := resolve(t.Context(), s, testHost(t))
			if err != nil {
				t.Fatal(err)
			}
			n := p.next()
			if got := strings.Join(n.Logins, ", "); got != c.logins {
				t.Errorf("logins %q, want %q", got, c.logins)
			}
			if c.ssh == "" && len(n.SSH) > 0 || c.ssh != "" && (len(n.SSH) == 0 || n.SSH[len(n.SSH)-1] != c.ssh) {
				t.Errorf("ssh command %q, want one that ends with %s", n.SSH, c.ssh)
			}
			all := strings.Join(slices.Concat(n.Boot, n.SSH, n.Logins), " ")
			if strings.Contains(all, "s3cret") {
				t.Errorf("a password is shown: %s", all)
			}
			for _, want := range []string{"file.filename=" + p.Outputs.Path + ",", "hostfwd=tcp:127.0.0.1:2222-:22", "chardev:serial0"} {
				if !strings.Contains(all, want) {
					t.Errorf("no %q in %s", want, all)
				}
			}
			if strings.Contains(all, assemble.WorkFolder(p.Outputs.Path)) {
				t.Errorf("names the working folder, which is gone then: %s", all)
			}
			if got, drives := strings.Count(all, "snapshot=on"), 1; p.Firmware == nil && got != drives || p.Firmware != nil && got != drives+1 {
				t.Errorf("%d drives forget what is written: %s", got, all)
			}
		})
	}
}

// Who uses a kickstart of his own knows who may log in; the image can be booted all the same.
func TestNextOfOwnKickstart(t *testing.T) {
	p, err := resolve(t.Context(), testSpec(t, qemutest.Script{}), testHost(t))
	if err != nil {
		t.Fatal(err)
	}
	if n := p.next(); len(n.Logins) != 0 || len(n.SSH) != 0 || len(n.Boot) == 0 {
		t.Errorf("got %+v, want a boot command only", n)
	}
}
