package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/alma"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// configured is a session with a config.yaml, and the file's path.
func configured(t *testing.T, text string) (session, string) {
	t.Helper()
	home := t.TempDir()
	file := filepath.Join(home, ".config/imgasm/config.yaml")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return session{t, map[string]string{"HOME": home, "IMGASM_CACHE": filepath.Join(home, "cache")}}, file
}

// A flag wins, then the environment, then config.yaml: of it a verb's own section.
func TestConfigOrder(t *testing.T) {
	s, file := configured(t, "# mine\nmemory: 5G\naccel: tcg\nfirmware: bios\nalma:\n  memory: 6G\n  disk-size: 7G\n")
	iso := filepath.Join(t.TempDir(), "dvd.iso")
	fakeInstaller(t, iso)
	plan := func(args ...string) (v alma.PlanView) {
		t.Helper()
		args = append([]string{"alma", "--dry-run", "--json", "--arch", "x86_64", "--iso", iso, "--out", iso + ".qcow2", "--qemu", qemutest.Executable(t, qemutest.Script{})}, args...)
		code, out, errs := s.run(args...)
		if err := json.Unmarshal([]byte(out), &v); err != nil || code != 0 {
			t.Fatalf("%d %v\n%s", code, err, errs)
		}
		fits(t, "plan", []byte(out))
		return v
	}
	if v := plan(); v.MemoryMiB != 6<<10 || v.DiskSize != 7<<30 || v.Accel.Accel != "tcg" || v.Firmware != nil {
		t.Errorf("the file: %d MiB, %d bytes, %s, %v", v.MemoryMiB, v.DiskSize, v.Accel.Accel, v.Firmware)
	}
	sum := strings.Repeat("0", 64)
	if v := plan("--cpu", "Nehalem", "--iso-checksum", sum); !slices.Contains(v.Command, "Nehalem") || v.Installer.SHA256 != sum {
		t.Errorf("--cpu: %q; --iso-checksum: %s", v.Command, v.Installer.SHA256)
	}
	s.env["IMGASM_DISK_SIZE"] = "8G"
	v := plan("--memory", "9G")
	if v.MemoryMiB != 9<<10 || v.DiskSize != 8<<30 {
		t.Errorf("a flag and a variable: %d MiB, %d bytes", v.MemoryMiB, v.DiskSize)
	}
	from := map[string]string{}
	for _, d := range v.Defaults {
		from[d.Flag] = d.From
	}
	if len(from) != 3 || from["disk-size"] != "IMGASM_DISK_SIZE" || from["accel"] != file+":3" || from["firmware"] != file+":4" {
		t.Errorf("the plan does not say where they come from: %v", from)
	}
	if v := plan("--no-config", "--accel", "tcg"); v.DiskSize != 10<<30 || v.MemoryMiB == 6<<10 || v.Defaults != nil {
		t.Errorf("--no-config: %d MiB, %d bytes, %v", v.MemoryMiB, v.DiskSize, v.Defaults)
	}
}

func TestConfigShow(t *testing.T) {
	s, file := configured(t, "ssh-key: ~/id.pub\nroot-password: s3cret\nalma: {package: [vim, git]}\n")
	if code, out, errs := s.run("config", "show", "alma"); code != 0 ||
		!strings.Contains(out, "alma  --ssh-key        "+s.env["HOME"]+"/id.pub  "+file+":1\n") || !strings.Contains(out, "vim, git") || strings.Contains(out, "s3cret") || strings.Contains(out, "rehearse") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	dir := t.TempDir()
	project := filepath.Join(dir, "imgasm.yaml")
	if err := os.WriteFile(project, []byte("defaults:\n  timezone: UTC\nimages:\n  web: {kind: alma, package: [nginx], root-password: other}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	key := func() string {
		_, out, errs := s.run("build", "-f", project, "--list", "--json")
		var l targetLine
		if err := json.Unmarshal([]byte(out), &l); err != nil {
			t.Fatal(err, errs)
		}
		return l.Key
	}
	before := key()
	s.env["IMGASM_TIMEZONE"] = "Europe/Berlin" // comes before a project's, and config.yaml after
	code, out, errs := s.run("config", "show", "-f", project, "--json")
	for _, want := range []string{`"flag":"timezone","values":["Europe/Berlin"],"from":"IMGASM_TIMEZONE"`, `"flag":"package","values":["nginx"],"from":"` + project + `:4"`,
		`"flag":"ssh-key","values":["` + s.env["HOME"] + `/id.pub"],"from":"` + file + `:1"`, `"values":["REDACTED"]`, `"flag":"out","values":["web.qcow2"],"from":"by default"`} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("%s: %d\n%s%s", want, code, out, errs)
		}
	}
	if key() == before {
		t.Error("what a target is made with is not part of its key")
	}
}

// What is set gives way to a flag that is typed and excludes it, is set of those
// verbs alone for which it means the same, and says nothing where it would have to
// be taken back.
func TestConfigGivesWay(t *testing.T) {
	s, _ := configured(t, "lock-root: true\nverbose: true\nnice: true\nuser: ops\nsbom: cyclonedx\nchecksum: true\nformat: [qcow2, vmdk]\non: here\nhostname: web\n")
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"imgasm.yaml": "images: {a: {kind: alma, root-password: x}}\n", "disk.raw": strings.Repeat("x", 1<<20), "ok.ks": "text\n"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for line, says := range map[string]string{
		"alma --root-password x --quiet --offline --format raw": "a boot ISO carries no packages",
		"alma --guest-agent=no":                                 "--guest-agent: \"no\": write true or false",
		"inspect disk.raw --ls /":                               "the disk holds nothing",
		"convert disk.raw disk.raw":                             "are the same file",
		"verify disk.raw":                                       "holds no boot loader",
		"source fetch --offline":                                "is not in the cache",
		"alma --root-password-file none":                        "open none",
		"alma --kickstart ok.ks":                                "the installer would refuse this kickstart",
	} {
		if _, _, errs := s.run(strings.Fields(line)...); !strings.Contains(errs, says) {
			t.Errorf("%s: %s", line, errs)
		}
	}
	s.env["IMGASM_TIMEOUT"] = "90m"
	if _, out, _ := s.run("config", "show", "ssh", "stop"); strings.Contains(out, "90m") {
		t.Errorf("the time for a build is one for others: %s", out)
	}
	_, out, errs := s.run("config", "show", "-f", "imgasm.yaml")
	if errs != "" || strings.Contains(out, "lock-root") || strings.Contains(out, "nice") || !strings.Contains(out, "--sbom") {
		t.Errorf("a target:\n%s%s", out, errs)
	}
	s.env["IMGASM_ROOT_PASSWORD"] = "secret"
	if _, _, errs := s.run("alma", "--offline", "--lock-root=false"); strings.Contains(errs, "seen by whoever") {
		t.Errorf("a password that no list of processes has: %s", errs)
	}
	if _, _, errs := s.run("alma", "--offline", "--root-password", "x"); !strings.Contains(errs, "seen by whoever") {
		t.Errorf("one that was typed: %s", errs)
	}
	if code, _, errs := s.run("alma", "--offline", "--root-password", "x", "--lock-root"); code != exitUsage || !strings.Contains(errs, "choose either") {
		t.Errorf("two that were typed: %d %s", code, errs)
	}
	delete(s.env, "IMGASM_ROOT_PASSWORD")
	s.env["IMGASM_ALL"] = "true"
	s.env["IMGASM_LOCK_ROOT"] = "perhaps"
	if code, _, errs := s.run("alma"); code != exitInput || !strings.Contains(errs, "IMGASM_LOCK_ROOT: --lock-root: \"perhaps\": write true or false") {
		t.Errorf("a variable: %d %s", code, errs)
	}
	kept := filepath.Join(s.env["IMGASM_CACHE"], "firmware", "kept")
	if err := os.MkdirAll(kept, 0o755); err != nil {
		t.Fatal(err)
	}
	s.run("cache", "clean")
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("a variable has cache clean remove everything: %v", err)
	}
}

// Ctrl-C while it is read is no fault of the file.
func TestConfigInterrupted(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "imgasm"), 0o700), os.WriteFile(filepath.Join(dir, "imgasm/config.yaml"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(&interruptError{os.Interrupt})
	var stdout, stderr bytes.Buffer
	code := run(ctx, []string{"imgasm", "convert", "a.raw", "b.vhd"}, strings.NewReader(""), &stdout, &stderr, func(name string) string { return map[string]string{"XDG_CONFIG_HOME": dir}[name] })
	if code != exitInterrupted || stderr.String() != "imgasm: error: stopped by SIGINT (Ctrl-C)\n" {
		t.Errorf("%d, %s", code, &stderr)
	}
}

// What is wrong is said with its place, and no verb is stopped that has no such flags.
func TestConfigErrors(t *testing.T) {
	for text, says := range map[string]string{
		"memroy: 2G\n":                          ":1:1: \"memroy\" is no flag that can be set here\nimgasm: hint: did you mean memory?",
		"memory: 2G\nfrob: {memory: 2G}\n":      ":2:1: \"frob\" is no verb",
		"alma:\n  disksize: 2G\n":               ":2:3: \"disksize\" is no flag that can be set of imgasm alma\nimgasm: hint: did you mean disk-size?",
		"out: x.qcow2\n":                        ":1:1: \"out\" is no flag",
		"memory: [1G, 2G]\n":                    ":1:9: memory takes one value",
		"memory: &a 2G\n":                       ":1:9:",
		"secure-boot: perhaps\n":                ":1:14: secure-boot is true or false",
		"- memory\n":                            ":1:1: the file is no mapping",
		"memory: 2G\nmemory: 3G\n":              "memory",
		"cpus: many\n":                          ":1: --cpus: \"many\": write a whole number",
		"source: {offline: true}\n":             ":1:1: imgasm source has no flags of its own",
		"all: true\n":                           ":1:1: \"all\" is no flag",
		"memory: much\n":                        "imgasm: hint: --memory is set in ",
		strings.Repeat("# long\n", 10<<10) + "": "more than 65536 bytes",
	} {
		s, file := configured(t, text)
		code, out, errs := s.run("alma", "--dry-run")
		if code != exitInput || out != "" || !strings.Contains(errs, says) || !strings.Contains(errs, file) {
			t.Errorf("%.40q: %d\n%s%s", text, code, out, errs)
		}
		if code, _, errs := s.run("ps"); code != 0 {
			t.Errorf("ps with %.40q: %d\n%s", text, code, errs)
		}
	}
	s, _ := configured(t, "# nothing\n")
	if code, out, errs := s.run("config", "show"); code != 0 || out != "" || !strings.Contains(errs, "nothing is set") {
		t.Errorf("an empty file: %d\n%s%s", code, out, errs)
	}
}
