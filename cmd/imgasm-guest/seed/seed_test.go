package seed

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

const userData = `#cloud-config
hostname: from-user-data
ssh_authorized_keys:
  - ssh-ed25519 AAAA one
packages: [vim]
users:
  - default
  - name: eve
    groups: wheel, adm
    sudo: ALL=(ALL) NOPASSWD:ALL
    hashed_passwd: $6$abc$def
    ssh_authorized_keys: [ssh-ed25519 BBBB two]
`

func TestParse(t *testing.T) {
	s, err := Parse([]byte("instance-id: i-1\nlocal-hostname: from-meta-data\n"), []byte(userData))
	if err != nil {
		t.Fatal(err)
	}
	want := &Seed{InstanceID: "i-1", Hostname: "from-user-data", Keys: []string{"ssh-ed25519 AAAA one"}, Ignored: []string{"packages"},
		Users: []User{{Name: "eve", Keys: []string{"ssh-ed25519 BBBB two"}, Groups: []string{"wheel", "adm"}, Password: "$6$abc$def", Sudo: true}}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

func TestParseOddFiles(t *testing.T) {
	if s, err := Parse(nil, nil); err != nil || s.Hostname != "" {
		t.Errorf("nothing: %+v, %v", s, err)
	}
	if s, err := Parse([]byte("instance-id: 7\n"), []byte("#!/bin/sh\necho\n")); err != nil || s.InstanceID != "7" || len(s.Ignored) != 1 {
		t.Errorf("a script: %+v, %v", s, err)
	}
	if _, err := Parse(nil, []byte("#cloud-config\na: &a [x]\nb: *a\n")); !errors.Is(err, errAlias) {
		t.Errorf("an alias: %v", err)
	}
	for name, bad := range map[string]string{"not a mapping": "#cloud-config\n- 1\n", "broken": "#cloud-config\na: [\n", "huge": "#cloud-config\n" + strings.Repeat("#", MaxBytes)} {
		if _, err := Parse(nil, []byte(bad)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("instance-id: x"), []byte(userData))
	f.Add([]byte("{"), []byte("#cloud-config\nusers: {a: b}\n"))
	f.Fuzz(func(t *testing.T, meta, user []byte) {
		s, err := Parse(meta, user)
		if err == nil && s == nil {
			t.Error("neither seed nor error")
		}
	})
}
