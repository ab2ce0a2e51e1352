package rehearsal

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/hosttool"
)

// Every script of the installed system is one for the shell that it names.
func TestSystemScripts(t *testing.T) {
	scripts := 0
	err := fs.WalkDir(system, "system", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := system.ReadFile(name)
		if err != nil || !strings.HasPrefix(string(data), "#!") {
			return err
		}
		first, _, _ := strings.Cut(string(data), "\n")
		shell := hosttool.Find(t, filepath.Base(first), "bash, dash")
		cmd := exec.Command(shell, "-n")
		cmd.Stdin = strings.NewReader(string(data))
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		scripts++
		return nil
	})
	if err != nil || scripts < 8 {
		t.Errorf("%d scripts, %v", scripts, err)
	}
}

// TestRPM holds the answers of the system's rpm against those of the real one
// for packages of these names.
func TestRPM(t *testing.T) {
	bash := hosttool.Find(t, "bash", "bash")
	list := filepath.Join(t.TempDir(), "packages")
	if err := os.WriteFile(list, []byte("rehearsal-base-10.0-1.x86_64\nkernel-core-6.12.0-55.9.1.el10_0.aarch64\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	data, err := system.ReadFile("system/usr/bin/rpm")
	if err != nil {
		t.Fatal(err)
	}
	script := strings.ReplaceAll(string(data), "/usr/lib/rehearsal/packages", list)
	for _, c := range []struct {
		args []string
		want string
		code int
	}{
		{[]string{"-qa"}, "rehearsal-base-10.0-1.x86_64\nkernel-core-6.12.0-55.9.1.el10_0.aarch64\n", 0},
		{[]string{"-qa", "--qf", `%{NEVRA}\n`, "kernel*"}, "kernel-core-6.12.0-55.9.1.el10_0.aarch64\n", 0},
		{[]string{"-q", "--queryformat", `%{NAME}|%{VERSION}|%{RELEASE}|%{ARCH}\n`, "kernel-core"}, "kernel-core|6.12.0|55.9.1.el10_0|aarch64\n", 0},
		{[]string{"-q", "foo", "rehearsal-base"}, "package foo is not installed\nrehearsal-base-10.0-1.x86_64\n", 1},
		{[]string{"-qa", "none*"}, "", 0},
	} {
		cmd := exec.Command(bash, append([]string{"-c", script, "rpm"}, c.args...)...)
		out, err := cmd.Output()
		if code := cmd.ProcessState.ExitCode(); string(out) != c.want || code != c.code {
			t.Errorf("rpm %q: %q, exit code %d (%v); want %q, %d", c.args, out, code, err, c.want, c.code)
		}
	}
}

// The seed's reader calls the system's own tools; here they write down how.
func TestSeed(t *testing.T) {
	bash := hosttool.Find(t, "bash", "bash")
	data, err := system.ReadFile("system/usr/lib/rehearsal/seed")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for name, text := range map[string]string{
		"etc/passwd":           "root:x:0:0:root:/root:/bin/bash\nadmin:x:1000:1000::/home/admin:/bin/bash\n",
		"run/cidata/meta-data": "instance-id: i-1\nlocal-hostname: other\n",
		"run/cidata/user-data": "#cloud-config\n# a comment\nhostname: \"web1\"\nssh_authorized_keys:\n  - ssh-ed25519 AAAA me@here\nusers:\n  - default\n  - name: eve\n    groups: [wheel, adm]\n    plain_text_passwd: 'a secret'\n    sudo: ALL=(ALL) NOPASSWD:ALL\n    ssh_authorized_keys:\n      - ssh-rsa BBBB\n      - ssh-rsa CCCC\n  - name: bob\n    hashed_passwd: $6$x$y\n    ssh_authorized_keys: [ssh-rsa DDDD, \"ssh-rsa EEEE\"]\nruncmd:\n  - touch /x\n",
		"home/admin/.keep":     "",
		"etc/sudoers.d/.keep":  "",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script := string(data)
	for _, dir := range []string{"/etc/", "/run/cidata", "/var/lib/"} {
		script = strings.ReplaceAll(script, dir, root+dir)
	}
	script = strings.ReplaceAll(script, `home=$(`, `home=`+root+`$(`)
	said := filepath.Join(root, "said")
	stubs := "blkid() { echo /dev/x; }; mount() { :; }; umount() { :; }; chown() { :; }; id() { false; }\n" +
		"tell() { printf '%s\\n' \"$*\" >>" + said + "; }; hostname() { tell hostname \"$@\"; }; useradd() { tell useradd \"$@\"; }; chpasswd() { tell chpasswd \"$(cat)\"; }\n"
	for range 2 { // the second boot of the same instance does nothing
		if out, err := exec.Command(bash, "-c", stubs+script).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	read := func(name string) string {
		text, _ := os.ReadFile(filepath.Join(root, name))
		return string(text)
	}
	for name, want := range map[string]string{
		"said":                            "hostname web1\nuseradd -m -U -s /bin/bash -G wheel,adm -p * eve\nchpasswd eve:a secret\nuseradd -m -U -s /bin/bash -p $6$x$y bob\n",
		"etc/hostname":                    "web1\n",
		"home/admin/.ssh/authorized_keys": "ssh-ed25519 AAAA me@here\n",
		"etc/sudoers.d/90-seed-eve":       "eve ALL=(ALL) NOPASSWD:ALL\n",
		"var/lib/cloud/data/instance-id":  "i-1\n",
		".ssh/authorized_keys":            "ssh-rsa BBBB\nssh-rsa CCCC\nssh-rsa DDDD\nssh-rsa EEEE\n", // eve and bob have no line in passwd here
	} {
		if got := read(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
