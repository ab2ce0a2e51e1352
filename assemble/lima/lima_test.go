package lima

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// disk makes a raw disk that is one ext4 with some files, behind boot code of a PC's.
func disk(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	root, path := filepath.Join(dir, "root"), filepath.Join(dir, "disk.raw")
	for _, name := range files {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755), os.WriteFile(filepath.Join(root, name), []byte("kernel/fs/9p/9p.ko\n"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	b := make([]byte, 8<<20)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(hosttool.Find(t, "mke2fs", "e2fsprogs"), "-q", "-t", "ext4", "-d", root, path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(append(bytes.Repeat([]byte{0x90}, 510), 0x55, 0xaa), 0)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

const cloudInit, osRelease = "usr/bin/cloud-init", "etc/os-release"

func TestOpen(t *testing.T) {
	for _, c := range []struct {
		files []string
		want  string
	}{
		{[]string{cloudInit, osRelease}, "[]"},
		{[]string{cloudInit, "usr/lib/modules/6.12/kernel/fs/xfs/xfs.ko.xz"}, "[9p virtiofs]"},
		{[]string{cloudInit, "usr/lib/modules/6.12/kernel/fs/fuse/virtiofs.ko.xz"}, "[9p]"},
		{[]string{cloudInit, "usr/lib/modules/6.12/modules.builtin"}, "[virtiofs]"},
		{[]string{"nix/store/abc-cloud-init-24.1/x", osRelease}, "[]"},
	} {
		path := disk(t, c.files...)
		i, err := Open(t.Context(), path, "")
		if err != nil {
			t.Errorf("%v: %v", c.files, err)
			continue
		}
		if got := fmt.Sprint(i.Unmountable); got != c.want || i.Arch != "x86_64" || !i.BIOS || i.Path != path {
			t.Errorf("%v: %+v, want %s", c.files, i, c.want)
		}
		if out, err := exec.Command(hosttool.Find(t, "sha256sum", "coreutils"), path).Output(); err != nil || !strings.HasPrefix(string(out), i.SHA256+" ") {
			t.Errorf("SHA-256 %s, sha256sum says %s, %v", i.SHA256, out, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for want, files := range map[string][]string{
		"no cloud-init":       {osRelease},
		"is disabled":         {cloudInit, osRelease, "etc/cloud/cloud-init.disabled"},
		"it is a rehearsal's": {cloudInit, osRelease, "usr/lib/rehearsal/pretend"},
	} {
		if _, err := Open(t.Context(), disk(t, files...), ""); !errors.Is(err, ErrImage) || !strings.Contains(err.Error(), want) || fault.Hint(err, nil) == "" {
			t.Errorf("%v: %v, want %q and a hint", files, err, want)
		}
	}
	in, err := convert.Open(disk(t, cloudInit, osRelease))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	packed := filepath.Join(t.TempDir(), "packed.qcow2")
	if err := convert.Create(t.Context(), packed, in, convert.Options{Compression: "zstd"}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), packed, ""); !errors.Is(err, ErrImage) || !strings.Contains(err.Error(), "by zstd") {
		t.Errorf("a qcow2 with zstd: %v", err)
	}
}

func TestTemplate(t *testing.T) {
	i := &Image{Path: `/images/a "b".qcow2`, Arch: "x86_64", SHA256: strings.Repeat("a", 64), BIOS: true, Unmountable: []string{"9p", "virtiofs"}}
	got, err := i.Template("")
	want := `# By imgasm, for Lima 1.0 and later. The guest's serial console is serial.log in
# the instance's folder.
vmType: "qemu"
arch: "x86_64"
images:
- location: "/images/a \"b\".qcow2"
  arch: "x86_64"
  digest: "sha256:` + strings.Repeat("a", 64) + `"
mountTypesUnsupported: ["9p", "virtiofs"]
firmware:
  legacyBIOS: true
`
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	for _, vmType := range []string{"vz", "xen"} {
		if _, err := i.Template(vmType); !errors.Is(err, ErrVMType) {
			t.Errorf("%s with a BIOS: %v", vmType, err)
		}
	}
}
