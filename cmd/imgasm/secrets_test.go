package main

import (
	"bytes"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/qemu/qemutest"
)

// canary is what every secret here begins with.
const canary = "canary"

// told reports every secret in a text.
func told(t *testing.T, where string, text []byte) {
	t.Helper()
	for _, at := range regexp.MustCompile(canary+`[a-z-]*`).FindAllIndex(text, -1) {
		t.Errorf("%s tells %q: …%s…", where, text[at[0]:at[1]], text[max(0, at[0]-60):min(len(text), at[1]+20)])
	}
}

// signedServer has an ISO behind an address with credentials, which leads to a signed one.
func signedServer(t *testing.T) (address string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "installer.iso")
	fakeInstaller(t, file)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/x.iso":
			http.Redirect(w, r, "/signed.iso?X-Amz-Signature=canary-redirect&X-Amz-Date=1", http.StatusFound)
		case "/signed.iso":
			http.ServeFile(w, r, file)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return "http://me:canary-url@" + strings.TrimPrefix(s.URL, "http://") + "/x.iso?sig=canary-sig"
}

// smallSecretKickstart has the passwords that the guest of the test tells.
const smallSecretKickstart = `cmdline
lang en_US.UTF-8
keyboard us
timezone UTC --utc
rootpw --plaintext canary-root
user --name=ops --plaintext --password=canary-user
cdrom
zerombr
clearpart --all --initlabel
part biosboot --fstype=biosboot --size=1
part / --fstype=xfs --size=500 --grow
%packages
%end
poweroff
`

// A build with a secret of every kind, one that succeeds and one that fails:
// none is in anything that is left on disk or was printed. Kernel arguments and
// the kickstart's own are in assemble's tests.
func TestSecretsOfABuild(t *testing.T) {
	boot := make([]byte, 1<<20)
	boot[0], boot[510], boot[511] = 0xeb, 0x55, 0xaa
	installed := filepath.Join(t.TempDir(), "installed.raw")
	write := func(path, text string) string {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write(installed, string(boot))
	passwords := t.TempDir()
	user, root := write(filepath.Join(passwords, "user"), "canary-user\n"), write(filepath.Join(passwords, "root"), "canary-root")
	post := write(filepath.Join(passwords, "post.sh"), "export API_TOKEN=canary-post\n")
	done := qemutest.Serial("[   20.100000] anaconda[2343]: Starting installer, one moment...\r\n[   30.100000] anaconda[2343]: Installing kernel.x86_64 (1/1)\r\n" +
		"[   30.200000] anaconda[2343]: passwords are canary-user and canary-root\r\n[   38.100000] anaconda[2343]: Installing boot loader\r\n" +
		"[   39.100000] anaconda[2343]: Storing configuration files and kickstarts\r\n[   40.100000] anaconda[2343]: Running post-installation scripts\r\n[   40.200000] anaconda[2343]: Complete!\r\n")
	panics := qemutest.Serial("[   30.000000] Kernel panic - not syncing: canary-root and https://h/?sig=canary-said exitcode=0x00007f00\r\n")
	// With a kickstart of one's own the disk may be one that is soon hashed.
	small := []string{"--kickstart", write(filepath.Join(passwords, "small.ks"), smallSecretKickstart), "--disk-size", "512M"}
	given := []string{"--password-file", user, "--root-password-file", root, "--post", post}
	for name, c := range map[string]struct {
		steps []qemutest.Step
		flags []string
		code  int
	}{
		"success":          {qemutest.Steps(qemutest.CopyTo("target", installed), done, qemutest.PowerOff()), slices.Concat(small, []string{"--json"}), exitDone},
		"failure":          {qemutest.Steps(panics, qemutest.Panic()), slices.Concat(given, []string{"--verbose"}), exitInstall},
		"failure, archive": {qemutest.Steps(panics, qemutest.Panic()), slices.Concat(given, []string{"--json", "--bundle", "f.tar.zst"}), exitInstall},
		"plan":             {nil, slices.Concat(given, []string{"--dry-run", "--verbose"}), exitDone},
		"plan, JSON":       {nil, slices.Concat(given, []string{"--dry-run", "--json"}), exitDone},
	} {
		t.Run(name, func(t *testing.T) {
			dir, cache := t.TempDir(), t.TempDir()
			flags := slices.Clone(c.flags)
			for i, f := range flags {
				if strings.HasSuffix(f, ".tar.zst") {
					flags[i] = filepath.Join(dir, f)
				}
			}
			iso := signedServer(t)
			args := buildArgs(iso, qemutest.Executable(t, qemutest.Script{Steps: append([]qemutest.Step{qemutest.Await("cont")}, c.steps...)}), filepath.Join(dir, "image.raw"))
			args = append(append([]string{"imgasm"}, args...), "--no-verify", "--provenance", "--checksum", "--lock", "--lock-file", filepath.Join(dir, "imgasm.lock"),
				"--mirror", "https://u:canary-mirror@mirror.example.org/")
			getenv := func(name string) string {
				if name == "IMGASM_CACHE" {
					return cache
				}
				return os.Getenv(name)
			}
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), append(args, flags...), strings.NewReader(""), &stdout, &stderr, getenv); code != c.code {
				t.Errorf("exit code %d, want %d\n%s", code, c.code, &stderr)
			}
			told(t, "standard output", stdout.Bytes())
			told(t, "standard error", stderr.Bytes())
			files := 0
			for _, folder := range []string{dir, cache} {
				err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
					if err != nil || d.IsDir() {
						return err
					}
					text, err := os.ReadFile(path)
					told(t, path, text)
					files++
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if files < 2 && !strings.HasPrefix(name, "plan") {
				t.Errorf("%d files were looked at", files)
			}
			if name == "failure" && (!strings.Contains(stderr.String(), "REDACTED") || !strings.Contains(stderr.String(), "logs: "+filepath.Join(dir, "image.raw.failed"))) {
				t.Errorf("the error lost its logs: %s", &stderr)
			}
		})
	}
}

// Errors of addresses, before there is a plan: on the terminal, too.
func TestSecretsOfAddresses(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	for _, args := range []string{
		"alma --iso http://me:canary-a@127.0.0.1:9/x.iso?sig=canary-b --offline",
		"alma --iso ftp://me:canary-a@127.0.0.1:9/x.iso?sig=canary-b",
		"alma --iso http://me:canary-a@127.0.0.1:9/x.iso?X-Amz-Signature=canary-b --dry-run --firmware bios --arch x86_64",
		"source fetch http://me:canary-a@127.0.0.1:9/x.iso?auth=canary-b --offline",
		"source inspect http://me:canary-a@127.0.0.1:9/x.iso?auth=canary-b",
		"source list --available --mirror http://me:canary-a@127.0.0.1:9/?token=canary-b --offline",
		"firmware extract http://me:canary-a@127.0.0.1:9/x.rpm?auth=canary-b",
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append([]string{"imgasm"}, strings.Fields(strings.ReplaceAll(args, "127.0.0.1:9", strings.TrimPrefix(s.URL, "http://")))...), strings.NewReader(""), &stdout, &stderr, func(name string) string {
			if name == "IMGASM_CACHE" {
				return t.TempDir()
			}
			return os.Getenv(name)
		})
		told(t, args, stdout.Bytes())
		told(t, args, stderr.Bytes())
		if stdout.Len()+stderr.Len() == 0 {
			t.Errorf("%s: exit code %d, and nothing is said", args, code)
		}
	}
}

// A medium with a kickstart is its owner's alone.
func TestMediaWithSecretsArePrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("this system has no modes")
	}
	dir := t.TempDir()
	iso, ks := filepath.Join(dir, "x.iso"), filepath.Join(dir, "ks.cfg")
	fakeInstaller(t, iso)
	if err := os.WriteFile(ks, []byte("rootpw --plaintext canary\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for args, mode := range map[string]fs.FileMode{
		"media oemdrv " + ks:                                              0o600,
		"media boot --iso " + iso + " --kickstart " + ks:                  0o600,
		"media usb --iso " + iso + " --kickstart " + ks:                   0o600,
		"media boot --iso " + iso:                                         0o644,
		"media disk --size 1M":                                            0o644,
		"media boot --deliver initrd --iso " + iso + " --kickstart " + ks: 0o600,
	} {
		out := filepath.Join(dir, "out.img")
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), append([]string{"imgasm"}, append(strings.Fields(args), "-o", out)...), strings.NewReader(""), &stdout, &stderr, os.Getenv); code != exitDone {
			t.Fatalf("%s: exit code %d: %s", args, code, &stderr)
		}
		if info, err := os.Stat(out); err != nil || info.Mode().Perm()&^0o022 != mode&^0o022 {
			t.Errorf("%s: %v, %v; want the mode %v", args, info.Mode(), err, mode)
		}
		if err := os.Remove(out); err != nil {
			t.Fatal(err)
		}
	}
}

// Passwords come from files and standard input as from flags, and the flags
// are warned of.
func TestPasswordFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	render := func(stdin string, args ...string) (code int, stdout, stderr string) {
		var out, err bytes.Buffer
		code = run(t.Context(), append([]string{"imgasm", "kickstart", "render"}, args...), strings.NewReader(stdin), &out, &err, os.Getenv)
		return code, out.String(), err.String()
	}
	_, want, warned := render("", "--password", "one", "--root-password", "two")
	for _, flag := range []string{"--password", "--root-password"} {
		if !strings.Contains(warned, "warning: "+flag+" is seen") || !strings.Contains(warned, flag+"-file -") {
			t.Errorf("no warning of %s: %s", flag, warned)
		}
	}
	one, two := write("one", "one\n"), write("two", "two")
	for _, c := range []struct {
		stdin string
		args  []string
	}{
		{"", []string{"--password-file", one, "--root-password-file", two}},
		{"one\r\n", []string{"--password-file", "-", "--root-password-file", two}},
		{"two\n", []string{"--root-password-file", "-", "--password-file", one}},
	} {
		if code, got, stderr := render(c.stdin, c.args...); code != exitDone || got != want || stderr != "" {
			t.Errorf("%q: exit code %d, %s; the same file: %v", c.args, code, stderr, got == want)
		}
	}
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"--password-file", "-", "--root-password-file", "-"}, exitInput},
		{[]string{"--password-file", one, "--password", "x"}, exitUsage},
		{[]string{"--password-file", write("lines", "a\nb\n")}, exitInput},
		{[]string{"--password-file", write("empty", "\n")}, exitInput},
		{[]string{"--password-file", write("huge", strings.Repeat("x", 1<<20))}, exitInput},
		{[]string{"--root-password-file", filepath.Join(dir, "none")}, exitInput},
	} {
		if code, _, stderr := render("", c.args...); code != c.code || !strings.Contains(stderr, "imgasm: hint: ") {
			t.Errorf("%q: exit code %d, want %d: %s", c.args, code, c.code, stderr)
		}
	}
}

// buildArgs are the arguments of every build here.
func buildArgs(installer, qemu, out string) []string {
	return []string{"alma", "--iso", installer, "--arch", "x86_64", "--firmware", "bios", "--accel", "tcg", "--disk-size", "10G", "--qemu", qemu, "--out", out}
}
