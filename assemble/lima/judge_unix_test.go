//go:build unix

package lima

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/imgasm/imgasm/internal/hosttool"
)

// limactl 1.0.0 reads the templates: the oldest that they are for. It is built from
// its module (72 s on two cores), and works for no root.
func TestLimactlValidates(t *testing.T) {
	hosttool.Rest(t)
	dir := t.TempDir()
	home := filepath.Join(dir, "home")
	limactl := filepath.Join(dir, "limactl")
	build := exec.Command("go", "build", "-o", limactl, "github.com/lima-vm/lima/cmd/limactl")
	build.Dir, build.Env = "testdata/limactl", append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const nobody = 65534
	if err := errors.Join(os.Mkdir(home, 0o755), os.Chmod(filepath.Dir(dir), 0o755)); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(home, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	validate := func(name string, text []byte) error {
		path := filepath.Join(dir, name+".yaml")
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(limactl, "validate", path)
		cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "USER=nobody"}
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		}
		out, err := cmd.CombinedOutput()
		t.Logf("%s: %s", name, out)
		return err
	}
	for name, i := range map[string]*Image{
		"uefi": {Path: "/images/größe \"1\" 'é'.qcow2", Arch: "aarch64", SHA256: strings.Repeat("a", 64), Unmountable: []string{"9p", "virtiofs"}},
		"bios": {Path: "/images/a.raw", Arch: "x86_64", SHA256: strings.Repeat("0", 64), BIOS: true},
	} {
		text, err := i.Template("")
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(name, text); err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
		if err := validate(name+"-damaged", []byte(strings.Replace(string(text), "sha256:", "sha257:", 1))); err == nil {
			t.Errorf("%s: limactl takes a digest that there is not", name)
		}
	}
}
