package alma

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/tree"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// provisioned is a Spec that copies a folder and a file and runs a script, in the
// order script, folder, file, beside a kickstart of the user's own.
func provisioned(t *testing.T) Spec {
	t.Helper()
	dir := t.TempDir()
	put := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		ok(t, errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, mode)))
		return path
	}
	s := testSpec(t, qemutest.Script{})
	put("tree/bin/Long name.sh", "#!/bin/sh\n", 0o750)
	ok(t, os.Symlink("Long name.sh", filepath.Join(dir, "tree/bin/short")))
	s.Provision = []Provision{
		{Script: put("setup.sh", "echo set up\n", 0o600)},
		{Copy: filepath.Join(dir, "tree"), To: "/opt/tool"},
		{Copy: put("motd", "hello\n", 0o644), To: "/etc/motd"},
	}
	return s
}

func TestProvision(t *testing.T) {
	s := provisioned(t)
	p, files := makeMedia(t, func(to *Spec) { *to = s })
	own, err := os.ReadFile(s.Kickstart)
	ok(t, err)
	guest, found := strings.CutPrefix(string(p.Kickstart.Guest), string(own))
	at := 0
	for _, want := range []string{"# From setup.sh.\n", "# From copy of tree to /opt/tool.\n", "link 'bin/short' 'Long name.sh'\n", "# From copy of motd to /etc/motd.\n", "# What follows was added by imgasm"} {
		n := strings.Index(guest[at:], want)
		if at += n; n < 0 || !found {
			t.Fatalf("no %q in its place in\n%s", want, guest)
		}
	}
	path := filepath.Join(t.TempDir(), "oemdrv.iso")
	ok(t, os.WriteFile(path, files[oemdrvFile], 0o600))
	image, err := iso.Open(t.Context(), path)
	ok(t, err)
	defer image.Close()
	for name, mode := range map[string]os.FileMode{"copy/1/bin/Long name.sh": 0o750, "copy/2": 0o644} {
		info, err := image.Stat(name)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v; want the mode %o", name, info, err, mode)
		}
	}
	inputs, err := p.inputs(hashed{})
	ok(t, err)
	roles := map[string]assemble.Input{}
	for _, in := range inputs {
		roles[in.Role] = in
	}
	for role, name := range map[string]string{"post-1": "setup.sh", "copy-1": "tree", "copy-2": "motd"} {
		if in := roles[role]; in.Name != name || len(in.SHA256) != 64 || in.Size == 0 {
			t.Errorf("input %s: %+v", role, in)
		}
	}
	if got, want := p.lock(inputs).Settings["provision"], "post-1, copy-1 to /opt/tool, copy-2 to /etc/motd"; got != want {
		t.Errorf("the lock has the order %q, want %q", got, want)
	}
	ok(t, os.Chmod(filepath.Join(s.Provision[1].Copy, "bin/Long name.sh"), 0o700))
	other, err := resolve(t.Context(), s, testHost(t))
	ok(t, err)
	if other.Seed == p.Seed || other.provisions.inputs[1].SHA256 == p.provisions.inputs[1].SHA256 {
		t.Error("another mode gives the same identity")
	}
}

// What is copied is what was hashed.
func TestCopyChangesMeanwhile(t *testing.T) {
	s := provisioned(t)
	p, err := resolve(t.Context(), s, testHost(t))
	ok(t, err)
	ok(t, os.WriteFile(s.Provision[2].Copy, []byte("HELLO\n"), 0o600))
	err = inJob(t, p, nil, func(ctx context.Context, j *assemble.Job) error {
		_, err := makeOEMDRV(ctx, j, p)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "motd was changed after the build had begun") {
		t.Errorf("got %v", err)
	}
}

func TestProvisionRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Spec)
		want   string
	}{
		"nothing there":  {func(s *Spec) { s.Provision[2].Copy += ".none" }, "no such file"},
		"a device":       {func(s *Spec) { s.Provision[2].Copy = os.DevNull }, "neither a file nor a folder"},
		"no place":       {func(s *Spec) { s.Provision[2].To = "etc" }, "absolute path"},
		"no volume":      {func(s *Spec) { s.Deliver = "initrd" }, "there is none"},
		"a script's end": {func(s *Spec) { ok(t, os.WriteFile(s.Provision[0].Script, []byte("%end\n"), 0o600)) }, "setup.sh"},
	} {
		s := provisioned(t)
		c.change(&s)
		if _, err := resolve(t.Context(), s, testHost(t)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	s := provisioned(t)
	big := s.Provision[2].Copy
	ok(t, os.Truncate(big, 2<<20))
	p := &Plan{Spec: s, Host: testHost(t)}
	p.Spec.DiskSize = 1 << 20
	if err := p.readProvisions(t.Context()); !errors.Is(err, ErrInput) {
		t.Errorf("more than the disk holds: %v", err)
	}
}

// Every byte that a volume's writer reads is held against the hash.
func TestUnchanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	ok(t, os.WriteFile(path, []byte("hello"), 0o600))
	sum, n, err := digest.File(t.Context(), path)
	ok(t, err)
	ok(t, tree.Copy(io.Discard, tree.File{Path: "f", SizeBytes: n, Open: unchanged(path, n, sum)}))
}

// A proxy's password is in the guest and nowhere else; a kickstart of the user's own
// cannot be given the proxy but by a kernel argument.
func TestReach(t *testing.T) {
	for _, own := range []bool{true, false} {
		s := testSpec(t, qemutest.Script{})
		s.Proxy, s.CA = "http://anna:s3cret-word@proxy.example:3128", filepath.Join(t.TempDir(), "corp.pem")
		if !own {
			s.Kickstart, s.DiskSize = "", 10<<30
		}
		ok(t, os.WriteFile(s.CA, []byte(testCA), 0o600))
		p, err := resolve(t.Context(), s, testHost(t))
		ok(t, err)
		guest, shown := string(p.Kickstart.Guest), fmt.Sprint(p.View())
		for what, wrong := range map[string]bool{
			"no proxy for dnf":                     !strings.Contains(guest, "a proxy="+s.Proxy+"'"),
			"no certificate":                       strings.Count(guest, testCA) != 2,
			"inst.proxy":                           slices.Contains(p.Arguments, "inst.proxy="+s.Proxy) != own,
			"no word of the argument":              strings.Contains(shown, "QEMU has it in its arguments") != own,
			"no word of the password in the image": !strings.Contains(shown, "/etc/dnf/dnf.conf, which every user"),
			"the password is shown":                strings.Contains(shown, "s3cret"),
			"the certificates are no input":        p.provisions.inputs[0].Role != "ca",
		} {
			if wrong {
				t.Errorf("own kickstart %t: %s\n%s", own, what, shown)
			}
		}
		s.CA = s.ISO
		if _, err := resolve(t.Context(), s, testHost(t)); !errors.Is(err, ErrInput) {
			t.Errorf("certificates that are none: %v", err)
		}
	}
}

const testCA = `-----BEGIN CERTIFICATE-----
MIIBNDCB56ADAgECAhQRj6C/pQcI2tWFylwg84F3VpUSQjAFBgMrZXAwDzENMAsG
A1UEAwwEdGVzdDAgFw0yNjExMjkyMDA1MzBaGA8yMTI2MTEwNTIwMDUzMFowDzEN
MAsGA1UEAwwEdGVzdDAqMAUGAytlcAMhAI4J9y0LVMvc59LFE8/by/lhKYTmnp7a
j4cYDbH1Vf0do1MwUTAdBgNVHQ4EFgQUA4e/zeNfErod8gTZSPo7kFAfEbowHwYD
VR0jBBgwFoAUA4e/zeNfErod8gTZSPo7kFAfEbowDwYDVR0TAQH/BAUwAwEB/zAF
BgMrZXADQQDPsK5hGjlAvgd9Ru7STuz1sTFAvg4Z6i+NT7hheHdZ6Sb6F+VwOQAi
sPsVeoIYAAzbmlxOMyHrPcjwFIww2RMH
-----END CERTIFICATE-----
`
