package rehearsal

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/arch"
)

// Output of apt-cache as Debian 12 and Ubuntu 24.04 print it.
const (
	debianDepends = "linux-image-amd64\n  Depends: linux-image-6.1.0-56-amd64\n"
	ubuntuDepends = "linux-image-generic\n  Depends: linux-image-6.8.0-31-generic\n |Depends: linux-modules-extra-6.8.0-31-generic\n  Depends: linux-firmware\n  Recommends: thermald\n"
	policy        = "linux-image-6.1.0-56-amd64:\n  Installed: (none)\n  Candidate: 6.1.192-2\n  Version table:\n     6.1.192-2 500\n        500 mirror\nshim-signed:amd64:\n  Installed: (none)\n  Candidate: 1:1.51~1+deb12u1\n  Version table:\n     1:1.51 500\n"
)

func TestKernelDepends(t *testing.T) {
	for text, want := range map[string]string{
		debianDepends: "linux-image-6.1.0-56-amd64",
		ubuntuDepends: "linux-image-6.8.0-31-generic",
		"linux-image-virtual\n  Depends: linux-modules-6.8.0-31-generic\n": "linux-modules-6.8.0-31-generic",
	} {
		m := kernelDepends.FindStringSubmatch(text)
		if m == nil || m[1] != want {
			t.Errorf("%v, want %s", m, want)
		}
	}
}

func TestCandidate(t *testing.T) {
	got := map[string]string{}
	for _, m := range candidate.FindAllStringSubmatch(policy, -1) {
		got[m[1]] = m[2]
	}
	if len(got) != 2 || got["linux-image-6.1.0-56-amd64"] != "6.1.192-2" || got["shim-signed"] != "1:1.51~1+deb12u1" {
		t.Errorf("%v", got)
	}
}

// fakeApt puts an apt-get and an apt-cache in front of PATH, which write
// packages that the test made.
func fakeApt(t *testing.T, get, cache string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the stand-ins for apt are shell scripts")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"apt-get": get, "apt-cache": cache} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func TestAptSupply(t *testing.T) {
	debs := t.TempDir()
	kernel := append(fakeModules(), file{"boot/vmlinuz-6.1.0-1-test", "kernel"})
	for name, data := range map[string][]byte{
		"linux-image-6.1.0-1-test_6.1.1-1_amd64.deb": fakeDeb(t, "data.tar.gz", kernel...),
		"shim-signed_1%3a1.5_amd64.deb":              fakeDeb(t, "data.tar.gz", file{"usr/lib/shim/shimx64.efi.signed", "shim"}),
		"grub-efi-amd64-signed_1_amd64.deb":          fakeDeb(t, "data.tar.gz", file{"usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", string(fakeGRUB)}),
	} {
		os.WriteFile(filepath.Join(debs, name), data, 0o644)
	}
	fakeApt(t, `case "$*" in *" download "*) cp `+debs+`/*.deb .;; *update*) ;; *) exit 1;; esac`,
		`case "$*" in
*" depends linux-image-amd64") printf 'linux-image-amd64\n  Depends: linux-image-6.1.0-1-test\n';;
*" depends "*) echo;;
*" policy "*) printf 'linux-image-6.1.0-1-test:\n  Candidate: 6.1.1-1\nshim-signed:\n  Installed: (none)\n  Candidate: 1:1.5\ngrub-efi-amd64-signed:\n  Candidate: 1\n';;
esac`)
	s, err := aptSupply(context.Background(), t.TempDir(), arch.X86_64, silent)
	if err != nil {
		t.Fatal(err)
	}
	if s.Release != "6.1.0-1-test" || string(s.Shim) != "shim" || len(s.Origin) != 3 || s.Origin[0] != "linux-image-6.1.0-1-test_6.1.1-1_amd64" {
		t.Errorf("%s %v", s.Release, s.Origin)
	}
}

func TestAptFails(t *testing.T) {
	fakeApt(t, "echo 'E: Could not resolve the mirror' >&2; exit 100", "exit 1")
	_, err := aptSupply(context.Background(), t.TempDir(), arch.X86_64, silent)
	if err == nil || isNoApt(err) || !strings.Contains(err.Error(), "Could not resolve the mirror") {
		t.Errorf("%v", err)
	}
	t.Setenv("PATH", t.TempDir())
	_, err = aptSupply(context.Background(), t.TempDir(), arch.X86_64, silent)
	if !isNoApt(err) || !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("without apt: %v", err)
	}
}
