package seed_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/assemble/seed"
	"github.com/imgasm/imgasm/internal/hosttool"
)

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGIyjv5xGmXeLOoTOZiwZCuxx1XQxHIRFcdbbdCkbCsK a \"quoted\" & odd: name"

var seeds = map[string]seed.Seed{
	"nothing":        {},
	"default-user":   {Hostname: "web1.example.org", SSHKeys: []string{key}},
	"root":           {User: "root", SSHKeys: []string{key}},
	"user":           {InstanceID: "i-1: a", Hostname: "web1", User: "admin", SSHKeys: []string{key, key}},
	"user-data":      {UserData: []byte("#cloud-config\npackages: [vim]\n"), SSHKeys: []string{key}},
	"network-config": {NetworkConfig: []byte("version: 2\n")},
}

// text is a file of a seed.
func text(t *testing.T, s seed.Seed, name string) string {
	t.Helper()
	var b bytes.Buffer
	if err := seed.Write(&b, s); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "seed.iso")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	image, err := iso.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	if image.Label != "cidata" {
		t.Errorf("the label is %q", image.Label)
	}
	data, err := fs.ReadFile(image, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestWrite(t *testing.T) {
	for name, want := range map[string][2]string{ // of user-data, of meta-data
		"nothing":        {"#cloud-config\n", "instance-id: "},
		"default-user":   {"\nssh_authorized_keys:\n  - \"ssh-ed25519 ", "\nlocal-hostname: \"web1.example.org\"\n"},
		"root":           {"\n  - name: root\n", ""},
		"user":           {"\n  - name: \"admin\"\n", "instance-id: \"i-1: a\"\n"},
		"user-data":      {"#cloud-config\npackages: [vim]\n", "\npublic-keys:\n  - \"ssh-ed25519 "},
		"network-config": {"", ""},
	} {
		user, meta := text(t, seeds[name], "user-data"), text(t, seeds[name], "meta-data")
		if !strings.Contains(user, want[0]) || !strings.Contains(meta, want[1]) {
			t.Errorf("%s:\n%s\n%s", name, user, meta)
		}
	}
	if got := text(t, seeds["network-config"], "network-config"); got != "version: 2\n" {
		t.Errorf("network-config: %q", got)
	}
}

// Equal seeds are equal volumes, others are other instances.
func TestDeterministic(t *testing.T) {
	ids := map[string]string{}
	for name, s := range seeds {
		var sums [2][32]byte
		for i := range sums {
			h := sha256.New()
			if err := seed.Write(h, s); err != nil {
				t.Fatal(err)
			}
			sums[i] = [32]byte(h.Sum(nil))
		}
		if sums[0] != sums[1] {
			t.Errorf("%s: two volumes differ", name)
		}
		id, _, _ := strings.Cut(text(t, s, "meta-data"), "\n")
		if other, ok := ids[id]; ok {
			t.Errorf("%s and %s are the same instance: %s", name, other, id)
		}
		ids[id] = name
	}
}

func TestRefused(t *testing.T) {
	for name, s := range map[string]seed.Seed{
		"Hostname": {Hostname: "web_1"}, "User": {User: "Admin"}, "SSHKeys": {SSHKeys: []string{key + "\n" + key}},
		"UserData": {UserData: []byte("packages: [vim]\n")},
	} {
		if err := seed.Write(io.Discard, s); !errors.Is(err, seed.ErrSeed) || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := seed.Write(io.Discard, seed.Seed{UserData: []byte("#!/bin/sh\n"), User: "admin"}); !errors.Is(err, seed.ErrSeed) {
		t.Errorf("user-data and a user: %v", err)
	}
}

// Readers that we did not write: of the volume, and of what is in it.
func TestJudges(t *testing.T) {
	run := func(t *testing.T, name string, args ...string) string {
		t.Helper()
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			t.Errorf("%s %s: %v", name, strings.Join(args, " "), err)
		}
		return string(out)
	}
	write := func(t *testing.T, name string, data []byte) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Run("isoinfo", func(t *testing.T) {
		tool := hosttool.Find(t, "isoinfo", "genisoimage")
		var b bytes.Buffer
		if err := seed.Write(&b, seeds["network-config"]); err != nil {
			t.Fatal(err)
		}
		path := write(t, "seed.iso", b.Bytes())
		if got := run(t, tool, "-d", "-i", path); !strings.Contains(got, "Volume id: cidata\n") {
			t.Errorf("%s", got)
		}
		for _, name := range []string{"/meta-data", "/network-config", "/user-data"} {
			if got := run(t, tool, "-R", "-f", "-i", path); !strings.Contains(got, name+"\n") {
				t.Errorf("no %s among\n%s", name, got)
			}
		}
	})
	t.Run("blkid", func(t *testing.T) {
		tool := hosttool.Find(t, "blkid", "util-linux")
		var b bytes.Buffer
		if err := seed.Write(&b, seeds["user"]); err != nil {
			t.Fatal(err)
		}
		if got := run(t, tool, "-p", "-o", "export", write(t, "seed.iso", b.Bytes())); !strings.Contains(got, "LABEL=cidata\n") {
			t.Errorf("%s", got)
		}
	})
	t.Run("cloud-init", func(t *testing.T) {
		tool := hosttool.Find(t, "cloud-init", "cloud-init")
		for _, name := range []string{"default-user", "root", "user"} {
			path := write(t, "user-data", []byte(text(t, seeds[name], "user-data")))
			if got := run(t, tool, "schema", "-c", path); !strings.Contains(strings.ToLower(got), "valid") {
				t.Errorf("%s: %s", name, got)
			}
		}
	})
	t.Run("YAML", func(t *testing.T) {
		tool := hosttool.Find(t, "python3", "python3-yaml")
		if exec.Command(tool, "-c", "import yaml").Run() != nil {
			t.Skip("python3 has no yaml (Debian: python3-yaml): this check by an independent tool is left out")
		}
		for _, name := range []string{"user-data", "meta-data"} {
			path := write(t, name, []byte(text(t, seeds["user"], name)))
			got := run(t, tool, "-c", "import sys, yaml; print(yaml.safe_load(open(sys.argv[1])))", path)
			want := map[string]string{"user-data": `a "quoted" & odd: name'`, "meta-data": "'instance-id': 'i-1: a'"}[name]
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s lacks %s", name, got, want)
			}
		}
	})
}
