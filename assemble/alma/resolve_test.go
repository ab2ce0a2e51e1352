package alma

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/tree"
	"github.com/imgasm/imgasm/qemu"
)

// A boot ISO has no packages: the embedded kickstart names the repositories of
// the release and the architecture that the ISO is of. A minor release's are there
// only until the next one appears.
func TestRepositoriesOfABootISO(t *testing.T) {
	const alma, kitten = "https://repo.almalinux.org/almalinux/", "https://kitten.repo.almalinux.org/10-kitten/"
	for _, c := range []struct {
		name, arch, version, label, release, want string
	}{
		{"what the ISO says", "x86_64", "", "AlmaLinux-10-1-x86_64-dvd", "AlmaLinux 10.1", alma + "10/BaseOS/x86_64/os/"},
		{"the ISO before the wish", "x86_64", "10.2", "AlmaLinux-10-1-x86_64-dvd", "AlmaLinux 10.1", alma + "10/BaseOS/x86_64/os/"},
		{"the wish where the ISO says nothing", "x86_64", "10.2", "SOMETHING", "", alma + "10/BaseOS/x86_64/os/"},
		{"an ISO for x86-64-v2", "x86_64", "", "AlmaLinux-10-1-x86_64_v2-dvd", "AlmaLinux 10.1", alma + "10/BaseOS/x86_64_v2/os/"},
		{"a wish for x86-64-v2", "x86_64_v2", "", "AlmaLinux-10-1-x86_64-dvd", "AlmaLinux 10.1", alma + "10/BaseOS/x86_64_v2/os/"},
		{"Kitten's label", "aarch64", "", "AlmaLinux-Kitten-10-aarch64-dvd", "", kitten + "BaseOS/aarch64/os/"},
		{"Kitten's name", "x86_64", "", "ALMA-10-X86_64", "AlmaLinux Kitten 10", kitten + "BaseOS/x86_64/os/"},
		{"a wish for Kitten", "x86_64", "kitten", "AlmaLinux-10-x86_64-dvd", "AlmaLinux 10", kitten + "BaseOS/x86_64/os/"},
		{"a wish for Kitten and v2", "x86_64_v2", "10-kitten", "AlmaLinux-10-x86_64_v2-dvd", "AlmaLinux 10", kitten + "BaseOS/x86_64_v2/os/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := parseArch(c.arch)
			ok(t, err)
			s := Spec{Arch: c.arch, Output: assemble.Output{Out: t.TempDir() + "/a.qcow2"}}
			s.Version, s.ISO = c.version, labelledISO(t, a, c.label, c.release)
			iso, err := s.Locate(t.Context(), testHost(t), nil)
			ok(t, err)
			p := &Plan{Host: testHost(t), Installer: *iso}
			p.Spec, p.arch, err = s.complete()
			ok(t, err)
			ok(t, p.checkInstaller(s.Arch == flavourV2))
			ok(t, p.resolveKickstart(t.Context()))
			text := string(p.Kickstart.User)
			if !strings.Contains(text, "\nurl --url="+c.want+"\n") {
				t.Errorf("no url --url=%s in\n%s", c.want, text)
			}
			if want := "--baseurl=" + strings.Replace(c.want, "BaseOS", "AppStream", 1) + "\n"; !strings.Contains(text, want) {
				t.Errorf("no repo %s in\n%s", want, text)
			}
		})
	}
}

// A minimal ISO may have a part of AppStream: its name tells it from a DVD, which has
// the guest agent.
func TestMinimalISOWithAppStream(t *testing.T) {
	for name, want := range map[string]string{"AlmaLinux-10.1-x86_64-minimal.iso": "minimal", "AlmaLinux-10.1-x86_64-dvd.iso": "dvd"} {
		path := labelledISO(t, arch.X86_64, "AlmaLinux-10-1-x86_64-dvd", "AlmaLinux 10.1",
			tree.Bytes("BaseOS/repodata/repomd.xml", nil), tree.Bytes("AppStream/repodata/repomd.xml", nil))
		named := filepath.Join(filepath.Dir(path), name)
		ok(t, os.Rename(path, named))
		iso, err := Spec{Source: Source{ISO: named}}.Locate(t.Context(), testHost(t), nil)
		ok(t, err)
		if iso.Variant != want || !iso.Packages {
			t.Errorf("%s is %+v", name, iso)
		}
	}
}

// A host without QEMU is told so before its ISO is downloaded, and after what
// is wrong with the user's own. A file whose name looks like a URL is a file.
func TestCheckLooksForQEMUBeforeADownload(t *testing.T) {
	for iso, missing := range map[string]bool{
		"": true, "https://example.org/AlmaLinux-10.1-x86_64-boot.iso": true, "HTTP://example.org/a.iso": true,
		"AlmaLinux-10.1-x86_64-boot.iso": false, "mirror://a.iso": false,
	} {
		s := Spec{Arch: "x86_64", Source: Source{ISO: iso}, Output: assemble.Output{Out: filepath.Join(t.TempDir(), "a.qcow2")}, Machine: Machine{QEMU: filepath.Join(t.TempDir(), "qemu")}}
		if err := s.Check(t.Context(), testHost(t)); errors.Is(err, qemu.ErrMissing) != missing || !missing && err != nil {
			t.Errorf("ISO %q: %v; missing QEMU told: want %v", iso, err, missing)
		}
	}
}
