// imgasm verify in real virtual machines: of the rehearsal's image, whose guest
// reads our seed with our own hands, and of a Debian that others made.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/verify"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// verifyImage verifies an image and returns the exit code and the report.
func verifyImage(t *testing.T, image string, args ...string) (int, verify.Report) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), append([]string{"imgasm", "verify", image, "--json"}, args...), strings.NewReader(""), &stdout, &stderr, os.Getenv)
	var r verify.Report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatalf("exit code %d, no report: %v\n%s\nconsole:\n%s", code, err, &stderr, tail(image+".failed/boot-serial.log", 40))
	}
	fits(t, "checks", stdout.Bytes())
	for _, res := range r.Results {
		t.Logf("%-8s %-12s %5.1fs  %s", res.Status, res.Name, res.Seconds, res)
	}
	return code, r
}

// checkVerified verifies a rehearsal's image, with a check that passes and one that
// does not: two clones at once, and an image that stays as it is.
func checkVerified(t *testing.T, image string) {
	t.Helper()
	before, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	checks, report := filepath.Join(dir, "own.checks"), filepath.Join(dir, "report.xml")
	text := "it is a rehearsal\n  $ . /etc/os-release\n  > echo $ID; id -un\n  imgasm-.* (re)\n  root\n\nit is forty-two\n  $ echo forty\n  > echo no >&2\n  > exit 3\n  [4]\n"
	if err := os.WriteFile(checks, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, r := verifyImage(t, image, "--check", checks, "--junit", report, "--skip", "leftovers", "--report", filepath.Join(dir, "page.html"))
	if code != exitInstall || !slices.Equal(r.Names(verify.Failed), []string{"it is forty-two"}) {
		t.Errorf("exit code %d, failed: %v", code, r.Names(verify.Failed))
	}
	want := []string{"boot", "ssh", "console", "cloud-init", "units", "time", "host-keys", "machine-id", "it is a rehearsal"}
	if got := r.Names(verify.Passed); !slices.Equal(got, want) {
		t.Errorf("passed: %v, want %v", got, want)
	}
	if got := r.Names(verify.Skipped); !slices.Equal(got, []string{"leftovers", "grow", "selinux"}) {
		t.Errorf("skipped: %v", got)
	}
	if said := r.Results[len(r.Results)-1].Said; !slices.Equal(said, []string{"forty", "no"}) {
		t.Errorf("the guest's words: %q", said)
	}
	for _, name := range []string{"SUMMARY.md", verify.ReportFile, verify.LogFile(1), verify.LogFile(2), "screen.png", "qemu.txt"} {
		if info, err := os.Stat(filepath.Join(image+".failed", name)); err != nil || info.Size() == 0 {
			t.Errorf("the bundle has no %s", name)
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "page.html"))
	for _, want := range []string{"1 check of 13 failed", "it is forty-two", `<td class="passed">passed</td>`, "the clock is right", "boot-serial-2.log", "login:", "data:image/png;base64,"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page has no %q: %v", want, err)
		}
	}
	if xml, err := os.ReadFile(report); err != nil || !strings.Contains(string(xml), `tests="13" failures="1" errors="0" skipped="3"`) {
		t.Errorf("JUnit: %v\n%s", err, xml)
	}
	if after, err := os.ReadFile(image); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the image has changed: %v", err)
	}
	if err := os.RemoveAll(image + ".failed"); err != nil {
		t.Fatal(err)
	}
	if n := qemuProcesses(t, filepath.Dir(image)); n > 0 {
		t.Errorf("%d QEMUs are left", n)
	}
}

// A judge that we did not write: Debian with the real cloud-init, growpart, sshd
// and guest agent.
func TestE2EDebian(t *testing.T) {
	hosttool.Machines(t)
	hosttool.Rest(t)
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("mmdebstrap makes a Debian on Linux only")
	}
	for tool, pkg := range map[string]string{"mmdebstrap": "mmdebstrap", "mcopy": "mtools", "sgdisk": "gdisk", "mkfs.vfat": "dosfstools", "mke2fs": "e2fsprogs"} {
		hosttool.Find(t, tool, pkg)
	}
	disk := filepath.Join(t.TempDir(), "debian.raw")
	if out, err := exec.Command("testdata/debian-disk.sh", disk).CombinedOutput(); err != nil {
		t.Fatalf("no disk of Debian: %v\n%s", err, out)
	}
	checks := filepath.Join(t.TempDir(), "debian.checks")
	text := "the seed is what cloud-init takes\n  $ cloud-init schema --system\n  Valid cloud-config: system userdata\n\n" +
		"its name is the seed's\n  $ hostname\n  imgasm-verify-1\n\nroot may do all\n  $ id -u\n  0\n"
	if err := os.WriteFile(checks, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, r := verifyImage(t, disk, "--check", checks)
	if code != exitDone || len(r.Names(verify.Failed)) > 0 || !slices.Equal(r.Names(verify.Skipped), []string{"selinux"}) {
		t.Errorf("exit code %d, failed: %v, skipped: %v", code, r.Names(verify.Failed), r.Names(verify.Skipped))
	}
	t.Run("run", func(t *testing.T) { checkDebianRuns(t, disk) })
}

// checkDebianRuns has one machine run: somebody logs in, its disk has not been
// made larger, and it stops when it is asked to.
func checkDebianRuns(t *testing.T, disk string) {
	hosttool.Find(t, "ssh", "openssh-client")
	s := &scene{t: t, dir: shortDir(t), image: disk, binary: arch.X86_64.QEMU}
	s.env = map[string]string{"XDG_STATE_HOME": filepath.Join(s.dir, "s"), "TMPDIR": s.dir, "HOME": os.Getenv("HOME"), "PATH": os.Getenv("PATH")}
	t.Cleanup(func() { _, _, _ = s.call("", "kill", "debian") })
	s.must("run", disk, "--detach", "--name", "debian")
	code, out := s.ssh("ssh", "debian", "--wait", "20m", "--", "id -un; sudo -n id -u; hostname; cloud-init status --wait | tail -n 1; exit 7")
	if want := "admin\n0\ndebian\nstatus: done\n"; code != 7 || out != want {
		log, _ := s.must("logs", "debian")
		t.Fatalf("exit code %d, %q, want 7, %q\n%s", code, out, want, log)
	}
	if _, said := s.must("stop", "debian", "--wait", "5m"); !strings.Contains(said, "debian has powered off") {
		t.Errorf("stop: %s", said)
	}
}
