// Whole builds in real virtual machines. They take minutes, so they run only
// with IMGASM_E2E=1, and say so when they do not: make e2e.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/assemble/rehearsal/failures"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/qemu"
)

// runJSON runs imgasm with --json and returns its exit code and events.
func runJSON(t *testing.T, args ...string) (int, []event.Event, string) {
	t.Helper()
	return runJSONWith(t, os.Getenv, nil, args...)
}

// runJSONWith is runJSON in an environment; also, if it is not nil, gets what is said too.
func runJSONWith(t *testing.T, getenv func(string) string, also io.Writer, args ...string) (int, []event.Event, string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	args = append([]string{"imgasm"}, args...)
	args = append(args, "--json")
	var out io.Writer = &stdout
	if also != nil {
		out = io.MultiWriter(&stdout, also)
	}
	code := run(context.Background(), args, strings.NewReader(""), out, &stderr, getenv)
	var events []event.Event
	linesFit(t, "event", stdout.String())
	for line := range strings.Lines(stdout.String()) {
		var e event.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("stdout has a line that is no event: %v: %s", err, line)
		}
		events = append(events, e)
	}
	return code, events, stderr.String()
}

// tail is the end of a file, for a test's log.
func tail(path string, lines int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// onAnotherHost is runJSON with --on a host of the test's own, to which the connection
// is cut in the middle; nil: this system has none.
var onAnotherHost func(t *testing.T, args ...string) (int, []event.Event, string)

func TestE2ERehearse(t *testing.T) {
	hosttool.Machines(t)
	for _, c := range []struct {
		name, flags string
		rest        bool // in make test-all only: its parts are in others
	}{
		{"x86_64-kernel", "--arch x86_64 --format qcow2 --format vmdk --format vhd --disk-size 5G --sbom cyclonedx", false},
		{"x86_64-tmux", "--arch x86_64 --console-mode tmux --ks-strict --no-verify", true},
		{"x86_64-media", "--arch x86_64 --boot media", true},
		{"x86_64-secure-boot", "--arch x86_64 --secure-boot", false},
		{"aarch64-kernel", "--arch aarch64", false},
		{"aarch64-media", "--arch aarch64 --boot media", true},
		{"aarch64-secure-boot", "--arch aarch64 --secure-boot", true},
		{"x86_64-media-initrd", "--arch x86_64 --boot media --deliver initrd --no-verify", true},
		{"aarch64-media-both", "--arch aarch64 --boot media --deliver both --no-verify", false},
		{"x86_64-raw", "--arch x86_64 --format raw --disk-size 5G --no-verify", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.rest {
				hosttool.Rest(t)
			}
			t.Parallel()
			out := filepath.Join(t.TempDir(), "image.qcow2")
			args := append([]string{"rehearse", "--out", out}, strings.Fields(c.flags)...)
			provisions := !c.rest && !strings.Contains(c.flags, "--boot")
			if provisions {
				args = append(args, provisioning(t)...)
			}
			runs := runJSON
			if c.name == "aarch64-kernel" && onAnotherHost != nil {
				runs = onAnotherHost
			}
			code, events, stderr := runs(t, args...)
			if code != 0 {
				t.Fatalf("exit code %d\n%s\nconsole:\n%s", code, stderr, tail(out+".failed/serial.log", 40))
			}
			for _, e := range events {
				if e.Kind == event.StepDone {
					t.Logf("%-11s %5.1fs  %s", e.Step, e.Elapsed, e.Text)
				}
			}
			checkImage(t, out, strings.Contains(c.flags, "raw"))
			checkMetadata(t, out, !strings.Contains(c.flags, "--no-verify"))
			if provisions {
				checkProvisioned(t, out)
			}
			if strings.Contains(c.flags, "vmdk") {
				bootsAs(t, arch.X86_64, out, map[string]string{".vmdk": "vmdk", ".vhd": "vpc"})
			}
			if a, _ := arch.Parse(strings.Fields(c.flags)[1]); strings.HasSuffix(c.name, "-kernel") {
				t.Run("run", func(t *testing.T) { checkRuns(t, a, out) })
			}
			if strings.Contains(c.flags, "--sbom") {
				checkBill(t, out)
			}
			if strings.HasSuffix(c.name, "-kernel") {
				checkVerified(t, out)
			}
			left, err := filepath.Glob(filepath.Join(filepath.Dir(out), ".*"))
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// bootsAs boots an image in its other formats, by their endings, as QEMU reads
// them. What the guest writes goes to a layer that is thrown away.
func bootsAs(t *testing.T, a arch.Arch, image string, formats map[string]string) {
	t.Helper()
	login := regexp.MustCompile(`\S+ login: `)
	for ending, format := range formats {
		layer := filepath.Join(t.TempDir(), "layer.qcow2")
		tool(t, "qemu-img", "create", "-q", "-f", "qcow2", "-b", strings.TrimSuffix(image, ".qcow2")+ending, "-F", format, layer)
		console := untilEnd(t, a, login, qemu.Drive{ID: "disk", Path: layer, Format: "qcow2", Bus: qemu.VirtioBlk, BootIndex: 1})
		if !login.MatchString(console) {
			t.Errorf("the image does not come up as %s:\n%s", format, console)
		}
	}
}

// provisioning are flags that put things into the new system in an order that
// matters: a script sees what was copied before it, and is seen by what is copied
// after it.
func provisioning(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"tree/etc/motd": "copied\n", "tree/usr/bin/my tool": "#!/bin/sh\n", "late": "late\n",
		"setup.sh": "set -e\necho scripted >>/etc/motd\nstat -c '%a %U %n' '/usr/bin/my tool' /etc >/root/seen\nreadlink /etc/short >>/root/seen\n",
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o750)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("motd", filepath.Join(dir, "tree/etc/short")); err != nil {
		t.Fatal(err)
	}
	return []string{"--ca", "testdata/ca.pem", "--proxy", "http://10.0.2.2:3128", "--copy", dir + "/tree:/", "--post", dir + "/setup.sh", "--copy", dir + "/late:/root/seen.late"}
}

func checkProvisioned(t *testing.T, image string) {
	t.Helper()
	dir := t.TempDir()
	ca, err := os.ReadFile("testdata/ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"/etc/pki/ca-trust/source/anchors/imgasm.pem": string(ca), "/etc/dnf/dnf.conf": "[main]\nproxy=http://10.0.2.2:3128\n",
		"/etc/motd": "copied\nscripted\n", "/root/seen": "750 root /usr/bin/my tool\n755 root /etc\nmotd\n", "/root/seen.late": "late\n",
	} {
		to := filepath.Join(dir, filepath.Base(name))
		runText(t, "cp", image+":"+name, to)
		if got, err := os.ReadFile(to); err != nil || string(got) != want {
			t.Errorf("%s in the image: %v: %q, want %q", name, err, got, want)
		}
	}
	described, err := os.ReadFile(image + ".json")
	for _, role := range []string{"ca", "copy-1", "post-1", "copy-2"} {
		if !strings.Contains(string(described), `"role": "`+role+`"`) {
			t.Errorf("the description has no input %s: %v", role, err)
		}
	}
}

// checkImage has the image looked at by tools that we did not write.
func checkImage(t *testing.T, image string, raw bool) {
	t.Helper()
	disk := image
	if !raw {
		tool(t, "qemu-img", "check", image)
		disk = filepath.Join(t.TempDir(), "disk.raw")
		tool(t, "qemu-img", "convert", "-O", "raw", image, disk)
	}
	if text := tool(t, "sgdisk", "-v", disk); text != "" && !strings.Contains(text, "No problems found") {
		t.Errorf("sgdisk: %s", text)
	}
	checkFileSystems(t, disk)
	checkInside(t, image)
	checkTrimmed(t, disk)
}

// checkTrimmed looks for what the installer downloaded and removed.
func checkTrimmed(t *testing.T, path string) {
	t.Helper()
	disk, err := qcow2.OpenRaw(path)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	for at := int64(0); at < disk.Size(); {
		e, err := disk.Extent(at)
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == qcow2.Data {
			b := make([]byte, min(e.Length, 1<<20))
			if _, err := disk.ReadAt(b, at); err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(b, []byte("a downloaded package\na downloaded package\n")) {
				t.Errorf("a removed file is at %d of the disk", at)
				return
			}
			e.Length = int64(len(b))
		}
		at += e.Length
	}
}

// checkInside looks at the system in the image, as imgasm inspect tells it.
func checkInside(t *testing.T, image string) {
	t.Helper()
	var r struct {
		Boots  []string
		Mounts map[string]int
		System inspect.System
	}
	if err := json.Unmarshal([]byte(runText(t, "inspect", image, "--json")), &r); err != nil {
		t.Fatal(err)
	}
	s := r.System
	if !strings.Contains(s.OS["PRETTY_NAME"], "rehearsal") || len(r.Boots) != 1 || len(s.Kernels) != 1 || s.Kernels[0].Image == "" || s.Kernels[0].Initrd == "" || s.Unread != nil {
		t.Errorf("inside of the image: %+v", r)
	}
	can := map[string]bool{}
	for _, u := range s.Users {
		can[u.Name] = u.CanLogin()
	}
	problems := slices.ContainsFunc(s.Fstab, func(e inspect.FstabEntry) bool { return e.Problem != "" })
	if len(r.Mounts) != 3 || problems || !can["root"] || !can["admin"] {
		t.Errorf("mounts: %v, fstab: %v, users: %v", r.Mounts, s.Fstab, s.Users)
	}
}

// checkFileSystems has the disk's file systems checked by their own tools: the
// last three partitions of the default kickstart are an ESP, which of 200 MiB
// is FAT16, and the XFS of /boot and of the root.
func checkFileSystems(t *testing.T, disk string) {
	t.Helper()
	sectors := regexp.MustCompile(`(?m)^ +\d+ +(\d+) +(\d+) `).FindAllStringSubmatch(tool(t, "sgdisk", "-p", disk), -1)
	if len(sectors) < 3 {
		t.Logf("NOT CHECKED: the file systems of %d partitions", len(sectors))
		return
	}
	part := filepath.Join(t.TempDir(), "partition")
	for k, check := range [][]string{{"fsck.vfat", "-n", "-v", part}, {"xfs_repair", "-n", part}, {"xfs_repair", "-n", part}} {
		at := sectors[len(sectors)-3+k]
		first, _ := strconv.ParseInt(at[1], 10, 64)
		last, _ := strconv.ParseInt(at[2], 10, 64)
		tool(t, "qemu-img", "convert", "--image-opts", "-O", "raw",
			fmt.Sprintf("driver=raw,offset=%d,size=%d,file.driver=file,file.filename=%s", first*512, (last-first+1)*512, disk), part)
		if text := tool(t, check[0], check[1:]...); k == 0 && text != "" && !strings.Contains(text, "16 bit entries") {
			t.Errorf("the ESP of 200 MiB is no FAT16: %s", text)
		}
	}
}

// tool runs a program that must find nothing wrong; one that is missing is said aloud.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Logf("NOT CHECKED with %s: it is not installed", name)
		return ""
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func checkMetadata(t *testing.T, image string, tested bool) {
	t.Helper()
	text, err := os.ReadFile(image + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var meta assemble.Image
	fits(t, "image", text)
	if err := json.Unmarshal(text, &meta); err != nil {
		t.Fatal(err)
	}
	if !meta.Rehearsal {
		t.Error("the description does not say that it is a rehearsal")
	}
	if meta.SSHUser != "admin" || meta.SSHKey {
		t.Errorf("%q logs in over ssh, by a key: %v", meta.SSHUser, meta.SSHKey)
	}
	if tested && (meta.Tested == nil || meta.Tested.User != "imgasm" || !meta.Tested.Off) {
		t.Errorf("verification: %+v; want a login by the seed and a power-off", meta.Tested)
	}
	roles := map[string]bool{}
	for _, in := range meta.Inputs {
		if len(in.SHA256) != 64 || in.Size == 0 {
			t.Errorf("input %+v has no identity", in)
		}
		roles[in.Role] = true
	}
	for _, role := range []string{"installer", "kickstart", "firmware-code"} {
		if !roles[role] {
			t.Errorf("no input %q in %+v", role, meta.Inputs)
		}
	}
	if len(meta.Package) == 0 || meta.Guest["kernel"] == "" {
		t.Errorf("the guest told nothing of itself: %v, %d packages", meta.Guest, len(meta.Package))
	}
}

// checkBill: a rehearsal's system has an os-release and no package manager.
func checkBill(t *testing.T, image string) {
	t.Helper()
	text, err := os.ReadFile(image + ".cdx.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"type": "operating-system"`, `"name": "imgasm-rehearsal"`, `"aggregate": "unknown"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the bill of materials lacks %s:\n%s", want, text)
		}
	}
}

// everyday are the failures of make test: one for each way in which a failure
// shows itself (by words on the console, in tmux, by QEMU's events, by silence),
// and successes that look like none. Words by themselves are tested on recordings.
var everyday = []string{
	"panic", "panic-without-pvpanic", "no-oemdrv", "kickstart", "tmux-kickstart", "hang", "watchdog",
	"package-missing", "post-error", "poweroff-early", "reboot-early", "waits-for-enter", "no-ports", "tmux",
}

// Each failure on demand ends with the right exit code, an explanation and a
// kept log; each oddity that is none ends well.
func TestE2EFailures(t *testing.T) {
	hosttool.Machines(t)
	for _, f := range failures.All() {
		if f.Want == failures.HostFull {
			continue // TestE2EHostFull
		}
		t.Run(f.Name, func(t *testing.T) {
			if !slices.Contains(everyday, f.Name) {
				hosttool.Rest(t)
			}
			t.Parallel()
			out := filepath.Join(t.TempDir(), "image.qcow2")
			args := []string{"rehearse", "--fail", f.Name, "--accel", "tcg", "--out", out, "--no-verify", "--verbose"}
			if f.Want == failures.Stalled {
				args = append(args, "--stall-timeout", "15s")
			}
			if f.Want != failures.Success {
				// The guest comes to its failure some seconds sooner; the rehearsal
				// makes no disk that a BIOS boots, so successes need UEFI.
				args = append(args, "--arch", "x86_64", "--firmware", "bios")
			}
			switch f.Name {
			case "waits-for-enter":
				args = append(args, "--stall-timeout", "40s") // half of it passes before the guest is switched off
			case "quiet-writer":
				args = append(args, "--stall-timeout", "30s") // it writes for longer
			case "no-oemdrv", "stage2-missing":
				args = append(args, "--kernel-arg", "rd.retry=20") // as where nothing is emulated
			}
			code, events, stderr := runJSON(t, args...)
			want := map[failures.Verdict]int{failures.Success: exitDone, failures.Failed: exitInstall, failures.Stalled: exitTimeout}[f.Want]
			if code != want {
				t.Fatalf("exit code %d, want %d\n%s\nconsole:\n%s", code, want, stderr, tail(out+".failed/serial.log", 30))
			}
			if code == exitDone {
				checkImage(t, out, false)
				return
			}
			t.Log(stderr)
			checkFailure(t, f, out, events, stderr)
		})
	}
}

// In tmux mode, what is wrong with a kickstart is read from a repainted screen;
// here it is a warning, in a file that only %pre makes, and --ks-strict.
func TestE2EStrictInTmux(t *testing.T) {
	hosttool.Machines(t)
	t.Parallel()
	iso := strings.TrimSpace(runText(t, "rehearse", "--iso-only", "--arch", "x86_64"))
	dir := t.TempDir()
	ks, out := filepath.Join(dir, "my.ks"), filepath.Join(dir, "image.qcow2")
	text := "%pre\necho vnc >/tmp/old.ks\n%end\n%include /tmp/old.ks\ncmdline\nlang en_US.UTF-8\nkeyboard us\ntimezone UTC --utc\n" +
		"rootpw --plaintext secret\ncdrom\nzerombr\nclearpart --all --initlabel\nreqpart\npart / --fstype=xfs --size=2000 --grow\n%packages\n%end\npoweroff\n"
	if err := os.WriteFile(ks, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, events, stderr := runJSON(t, "alma", "--arch", "x86_64", "--iso", iso, "--kickstart", ks, "--accel", "tcg", "--firmware", "bios", "--out", out,
		"--console-mode", "tmux", "--ks-strict", "--verbose")
	if code != exitInstall {
		t.Fatalf("exit code %d, want %d\n%s\nconsole:\n%s", code, exitInstall, stderr, tail(out+".failed/serial.log", 30))
	}
	t.Log(stderr)
	if !strings.Contains(stderr, "imgasm: hint: ") || !strings.Contains(stderr, "--ks-strict") {
		t.Error("the error does not say what to do about --ks-strict")
	}
	const proof = "Please modify your kickstart file"
	said, told, ok := delay(events, proof)
	if !ok {
		t.Fatalf("the guest never said %q", proof)
	}
	t.Logf("%.2f s from the guest's line to the end of the build", told.Sub(said).Seconds())
}

// runText runs imgasm, which must succeed, and returns its stdout.
func runText(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), append([]string{"imgasm"}, args...), strings.NewReader(""), &stdout, &stderr, os.Getenv); code != exitDone {
		t.Fatalf("imgasm %s: exit code %d: %s", strings.Join(args, " "), code, &stderr)
	}
	return stdout.String()
}

func checkFailure(t *testing.T, f failures.Failure, out string, events []event.Event, stderr string) {
	t.Helper()
	if _, err := os.Stat(out); err == nil {
		t.Error("a failed build has an output")
	}
	bundle := out + ".failed"
	for _, name := range []string{"serial.log", "SUMMARY.md", "events.jsonl", "ks.cfg", "plan.json"} {
		if info, err := os.Stat(filepath.Join(bundle, name)); err != nil || info.Size() == 0 {
			t.Errorf("the bundle has no %s", name)
		}
	}
	if !strings.Contains(stderr, bundle) {
		t.Error("the error does not name the bundle")
	}
	if !strings.Contains(stderr, "imgasm: hint: ") {
		t.Error("the error does not say what to do")
	}
	if f.Text == "" {
		return
	}
	if !strings.Contains(stderr, f.Text) {
		t.Errorf("the error does not quote %q", f.Text)
	}
	if said, told, ok := delay(events, f.Text); ok {
		t.Logf("%.2f s from the guest's line to the end of the build", told.Sub(said).Seconds())
	}
}

// A kickstart that should be in the initrd and is not there ends the build at
// dracut's word: dracut itself goes on.
func TestE2EKickstartNotInInitrd(t *testing.T) {
	hosttool.Machines(t)
	out := filepath.Join(t.TempDir(), "image.qcow2")
	code, _, stderr := runJSON(t, "rehearse", "--arch", "x86_64", "--firmware", "bios", "--accel", "tcg", "--out", out,
		"--deliver", "initrd", "--fail", "no-kickstart")
	if code != exitInstall || !strings.Contains(stderr, "can't find /no-such-file!") || !strings.Contains(stderr, "--deliver initrd") {
		t.Errorf("exit code %d, want %d\n%s\nconsole:\n%s", code, exitInstall, stderr, tail(out+".failed/serial.log", 30))
	}
}

// delay finds when the guest said text and when the error was told.
func delay(events []event.Event, text string) (said, told time.Time, ok bool) {
	for _, e := range events {
		if said.IsZero() && e.Kind == event.Console && strings.Contains(e.Text, text) {
			said = e.Time
		}
		if e.Kind == event.Error {
			told = e.Time
		}
	}
	return said, told, !said.IsZero() && !told.IsZero()
}

// SIGINT and SIGKILL in the middle of an installation: no QEMU and no output is left.
func TestE2EInterrupted(t *testing.T) {
	hosttool.Machines(t)
	for _, c := range []struct {
		name string
		stop func(*os.Process) error
		code int
	}{
		{"SIGINT", func(p *os.Process) error { return p.Signal(os.Interrupt) }, exitInterrupted},
		{"SIGKILL", func(p *os.Process) error { return p.Kill() }, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			out := filepath.Join(dir, "image.qcow2")
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			// testscript.Main makes the test's own binary act as imgasm under that name.
			imgasm := filepath.Join(dir, "imgasm")
			if err := os.Symlink(self, imgasm); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(imgasm, "rehearse", "--out", out, "--json")
			cmd.Stderr = os.Stderr
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			dec := json.NewDecoder(stdout)
			for {
				var e event.Event
				if err := dec.Decode(&e); err != nil {
					t.Fatalf("ended before the installation began: %v", err)
				}
				if e.Kind == event.Phase && e.Step == "install" {
					break
				}
			}
			if n := qemuProcesses(t, dir); n != 1 {
				t.Fatalf("%d QEMU processes during the installation, want 1", n)
			}
			if err := c.stop(cmd.Process); err != nil {
				t.Fatal(err)
			}
			go func() {
				var rest bytes.Buffer
				_, _ = rest.ReadFrom(stdout)
			}()
			_ = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != c.code {
				t.Errorf("exit code %d, want %d", got, c.code)
			}
			for deadline := time.Now().Add(10 * time.Second); qemuProcesses(t, dir) > 0; time.Sleep(50 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("QEMU outlives imgasm")
				}
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("an interrupted build has an output")
			}
		})
	}
}

// qemuProcesses counts the running QEMUs whose command line names dir.
func qemuProcesses(t testing.TB, dir string) int {
	t.Helper()
	procs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range procs {
		text, err := os.ReadFile(p)
		program, _, _ := bytes.Cut(text, []byte{0}) // imgasm's own arguments may name QEMU
		if err == nil && bytes.Contains(program, []byte("qemu-system")) && bytes.Contains(text, []byte(dir)) {
			n++
		}
	}
	return n
}

// A full host disk pauses the guest; when space comes, the build goes on.
func TestE2EHostFull(t *testing.T) {
	hosttool.Machines(t)
	if os.Geteuid() != 0 {
		t.Skip("needs root for a small file system to fill")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no small file system can be mounted: %s", out)
	}
	defer func() { _ = exec.Command("umount", dir).Run() }()
	out := filepath.Join(dir, "image.qcow2")
	code, events, stderr := runJSON(t, "rehearse", "--fail", "host-no-space", "--out", out, "--no-verify", "--enospc-wait", "5s")
	if code != exitHost {
		t.Errorf("exit code %d, want %d\n%s", code, exitHost, stderr)
	}
	told := false
	for _, e := range events {
		told = told || strings.Contains(strings.ToLower(e.Text), "full")
	}
	if !told {
		t.Error("nobody said that the host's disk is full")
	}
	if !strings.Contains(stderr, "free space") {
		t.Errorf("no word on what to do: %s", stderr)
	}
	fmt.Println(stderr)
}
