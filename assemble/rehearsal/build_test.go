package rehearsal

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/hosttool"
)

func silent(event.Event) {}

// cached makes a cache with a supply in it, so that Build needs no apt.
func cached(t *testing.T, age time.Duration) Options {
	t.Helper()
	o := Options{Arch: arch.X86_64, CacheDir: t.TempDir(), Offline: true}
	dir := filepath.Join(o.CacheDir, "rehearsal")
	os.MkdirAll(dir, 0o755)
	stored := filepath.Join(dir, "packages-amd64.tar")
	if err := fakeSupply(t).store(context.Background(), stored); err != nil {
		t.Fatal(err)
	}
	then := time.Now().Add(-age)
	os.Chtimes(stored, then, then)
	stored = filepath.Join(dir, "tools-amd64.tar")
	if err := fakeTools(t, arch.X86_64).store(context.Background(), stored); err != nil {
		t.Fatal(err)
	}
	os.Chtimes(stored, then, then)
	return o
}

func TestBuild(t *testing.T) {
	o := cached(t, 365*24*time.Hour)
	now := time.Now()
	o.Now = func() time.Time { return now }
	told := 0
	in, err := Build(context.Background(), o, func(e event.Event) {
		if told++; e.Time != now || e.Step != Step {
			t.Errorf("an event without time or step: %+v", e)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if told == 0 {
		t.Error("nothing was told")
	}
	if in.Cached || in.Kernel != "6.1.0-1-test" || in.Label != "AlmaLinux-10-0-x86_64-rehearsal" {
		t.Errorf("%+v", in)
	}
	first, err := os.ReadFile(in.ISO)
	if err != nil {
		t.Fatal(err)
	}
	var said []event.Event
	again, err := Build(context.Background(), o, func(e event.Event) { said = append(said, e) })
	if err != nil || !again.Cached || again.ISO != in.ISO {
		t.Errorf("the second time: %+v, %v", again, err)
	}
	if len(said) != 2 || said[0].Kind != event.StepStart || said[1].Kind != event.StepDone || said[1].Text != "installer ISO with the kernel 6.1.0-1-test, from the cache" {
		t.Errorf("says %+v", said)
	}
	if err := os.Remove(in.ISO); err != nil {
		t.Fatal(err)
	}
	if _, err := Build(context.Background(), o, nil); err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(in.ISO)
	if err != nil || sha256.Sum256(first) != sha256.Sum256(second) {
		t.Errorf("built twice, the ISO differs (%v)", err)
	}
	left, _ := filepath.Glob(filepath.Join(o.CacheDir, "rehearsal", ".*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	image, err := iso.Open(t.Context(), in.ISO)
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	found, err := image.Installer()
	if err != nil {
		t.Fatal(err)
	}
	if found.Arch != "x86_64" || found.Product != "AlmaLinux" || found.Version != Release || found.Label != in.Label || found.Boot.Shim == "" || found.Boot.GRUB == "" || found.Boot.TreeInfo == "" || found.Boot.DiscInfo == "" {
		t.Errorf("the ISO is taken for %+v", found)
	}
}

// An independent reader finds every file under AlmaLinux's names.
func TestBuildForXorriso(t *testing.T) {
	tool := hosttool.Find(t, "xorriso", "xorriso")
	in, err := Build(context.Background(), cached(t, 0), silent)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool, "-indev", in.ISO, "-find", "/").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"'/images/pxeboot/vmlinuz'", "'/images/pxeboot/initrd.img'", "'/images/install.img'", "'/EFI/BOOT/BOOTX64.EFI'", "'/EFI/BOOT/grubx64.efi'", "'/.treeinfo'", "'/.discinfo'", "Volume id    : 'AlmaLinux-10-0-x86_64-rehearsal'"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
}

// What was built is itself an ISO to take a kernel from.
func TestBuildFromISO(t *testing.T) {
	o := cached(t, 0)
	in, err := Build(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.KernelFrom = in.ISO
	_, err = Build(context.Background(), o, nil)
	// Its initial RAM file system has modules in /modules and no modules.builtin.
	if !errors.Is(err, ErrNoKernel) || !strings.Contains(err.Error(), "modules.builtin") {
		t.Errorf("%v", err)
	}
	o.Arch = arch.AArch64
	if _, err = Build(context.Background(), o, nil); !errors.Is(err, iso.ErrWrongArch) {
		t.Errorf("an ISO of another architecture: %v", err)
	}
	o.KernelFrom = filepath.Join(t.TempDir(), "none.iso")
	if _, err = Build(context.Background(), o, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing ISO: %v", err)
	}
}

func TestBuildRefuses(t *testing.T) {
	if _, err := Build(context.Background(), Options{}, nil); err == nil {
		t.Error("no cache folder: accepted")
	}
	o := cached(t, 0)
	o.Arch = arch.AArch64 // the cache has no packages for it
	if _, err := Build(context.Background(), o, nil); !errors.Is(err, ErrNoKernel) || !strings.Contains(err.Error(), "Offline: ") {
		t.Errorf("offline with an empty cache: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Build(ctx, cached(t, 0), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestStage2(t *testing.T) {
	s := fakeSupply(t)
	all, err := packages(s, "/EFI/debian")
	if err != nil {
		t.Fatal(err)
	}
	data, err := stage2(all, "/EFI/debian", mediumTime)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(text)
	}
	if files["grub-prefix"] != "/EFI/debian\n" || !strings.Contains(files["packages/rehearsal-base-10.0-1.x86_64/etc/os-release"], "not AlmaLinux") {
		t.Errorf("%v", files)
	}
	list := strings.Split(files["packages.list"], "\n")
	if len(list) != len(all)+1 || list[2] != "rehearsal-kernel-6.1.0-1.test.x86_64 images/pxeboot/vmlinuz:boot/vmlinuz-6.1.0-1-test" ||
		!strings.Contains(list[4], " EFI/BOOT/grubx64.efi:boot/efi/EFI/debian/grubx64.efi") {
		t.Errorf("packages.list: %q", list)
	}
	for _, p := range all {
		if strings.Count(p.nevra, "-") < 2 || !strings.HasSuffix(p.nevra, ".x86_64") && !strings.HasSuffix(p.nevra, ".noarch") {
			t.Errorf("%s is no NAME-VERSION-RELEASE.ARCH", p.nevra)
		}
	}
}
