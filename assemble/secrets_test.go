package assemble

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/imgasm/imgasm/qemu/qemutest"
)

// canaryKickstart has a secret in every place where kickstarts have them.
const canaryKickstart = `cmdline
lang en_US.UTF-8
keyboard us
timezone UTC --utc
# rootpw --plaintext canary-comment
rootpw --plaintext "canary root <&>"
user --name=ops --iscrypted --password=$6$canarysalt$canaryhash
sshkey --username=ops "ssh-ed25519 AAAACANARYKEYAAAAC3Nza ops@host"
url --url=http://127.0.0.1:9/os/
repo --name=extra --baseurl=http://bot:canary-repo@127.0.0.1:9/extra/
zerombr
clearpart --all --initlabel
part biosboot --fstype=biosboot --size=1
part / --fstype=xfs --size=500 --grow --encrypted --passphrase=canary-luks
%packages
%end
%post
echo root:canary-chpasswd | chpasswd
export DB_PASSWORD=canary-env
cat > /root/id <<KEY
-----BEGIN OPENSSH PRIVATE KEY-----
canaryprivatekeymaterial0123456789
-----END OPENSSH PRIVATE KEY-----
KEY
%end
poweroff
`

// canaries are what must be nowhere. A mangled one would still begin so.
var canaries = []string{
	"canary-comment", "canary root", "canarysalt", "canaryhash", "AAAACANARYKEY", "canary-repo", "canary-luks",
	"canary-chpasswd", "canary-env", "canaryprivatekey", "canary-arg", "canary-proxy", "canary-mirror",
}

// clean reports every canary that text holds.
func clean(t *testing.T, where string, text []byte) {
	t.Helper()
	for _, c := range canaries {
		if i := bytes.Index(text, []byte(c)); i >= 0 {
			t.Errorf("%s tells %q: …%s…", where, c, text[max(0, i-60):min(len(text), i+60)])
		}
	}
}

// loud is a guest that tells all its secrets on every channel, then fails.
func loud(nonce string) []qemutest.Step {
	secrets := []string{
		"canary-comment", "canary root <&>", "$6$canarysalt$canaryhash", "AAAACANARYKEYAAAAC3Nza", "http://bot:canary-repo@127.0.0.1:9/extra/",
		"canary-luks", "root:canary-chpasswd", "canary-env", "canaryprivatekeymaterial0123456789", "inst.rdp.password=canary-arg",
		"http://me:canary-proxy@127.0.0.1:9/", "canary-mirror",
	}
	steps := []qemutest.Step{line("[    0.000000] Linux version 6.12.0-55.el10.x86_64"), line("[   20.100000] anaconda[2343]: Starting installer, one moment...")}
	for i, s := range secrets {
		half := len(s) / 2
		steps = append(steps,
			line(fmt.Sprintf("[   21.%06d] anaconda[2343]: using %s now", i, s)),
			qemutest.Serial("cut "+s[:half]), qemutest.Serial(s[half:]+"\r\n"),
			qemutest.Port(logPort, "12:00:00,000 INF anaconda: "+s+"\n"),
			qemutest.Port(progressPort, "imgasm1 "+nonce+" fact hostname="+s+"\n"),
			qemutest.Port(progressPort, "imgasm1 "+nonce+" log anaconda.log "+base64.StdEncoding.EncodeToString([]byte("read "+s+"\n"))+"\n"),
			qemutest.Stderr("qemu: "+s+"\n"),
		)
	}
	return append(steps, qemutest.Steps(
		line("[   30.000000] Kernel panic - not syncing: canary-luks is not canary root <&> exitcode=0x00007f00"), qemutest.Panic())...)
}

// canarySpec asks for a build whose every secret is a canary.
func canarySpec(t *testing.T) Spec {
	t.Helper()
	s := testSpec(t, qemutest.Script{})
	if err := os.WriteFile(s.Kickstart, []byte(canaryKickstart), 0o600); err != nil {
		t.Fatal(err)
	}
	s.KernelArgs = []string{"inst.rdp.password=canary-arg", "inst.proxy=http://me:canary-proxy@127.0.0.1:9/"}
	s.Mirror = "https://u:canary-mirror@mirror.example.org/"
	return s
}

// Whatever a guest blurts out: no secret is in the bundle, the events, the
// error or the plan.
func TestSecretsAreNowhere(t *testing.T) {
	for _, archive := range []bool{false, true} {
		t.Run(fmt.Sprint("archive=", archive), func(t *testing.T) {
			t.Parallel()
			s := canarySpec(t)
			if archive {
				s.Bundle = filepath.Join(filepath.Dir(s.Out), "failed.tar.zst")
			}
			p, err := s.Resolve(t.Context(), testHost(t))
			if err != nil {
				t.Fatal(err)
			}
			view, err := json.Marshal(p.View())
			if err != nil {
				t.Fatal(err)
			}
			clean(t, "the plan", view)
			p.Machine.Binary = qemutest.Executable(t, qemutest.Script{Steps: loud(p.nonce())})
			r := &recorder{}
			_, err = p.Run(t.Context(), r.sink)
			var install *InstallError
			if !errors.As(err, &install) {
				t.Fatalf("error %v (%T), want an InstallError", err, err)
			}
			if !strings.Contains(err.Error(), "panic") {
				t.Errorf("the error lost the guest's words: %v", err)
			}
			clean(t, "the error", []byte(err.Error()+install.Hint()+fmt.Sprintf("%+v", *install.Failure)))
			events, err := json.Marshal(r.events)
			if err != nil {
				t.Fatal(err)
			}
			clean(t, "an event", events)
			checkCleanBundle(t, readBundle(t, install.Bundle))
			entries, err := os.ReadDir(filepath.Dir(s.Out))
			if err != nil || len(entries) != 1 {
				t.Errorf("in the output's folder: %v, %v; want the bundle alone", entries, err)
			}
		})
	}
}

func checkCleanBundle(t *testing.T, files map[string][]byte) {
	t.Helper()
	for name, text := range files {
		clean(t, name, text)
	}
	for _, name := range []string{serialFile, logFile, progressFile, eventsFile, installerLogs + "/anaconda.log", screenFile, "guest.json",
		"host.json", "qemu.txt", kickstartFile, "plan.json", "failure.json", summaryFile} {
		if len(files[name]) == 0 {
			t.Errorf("the bundle has no %s; it has %v", name, slices.Sorted(maps.Keys(files)))
		}
	}
	for _, name := range []string{serialFile, logFile, progressFile, installerLogs + "/anaconda.log", "qemu.txt", summaryFile} {
		if !bytes.Contains(files[name], []byte("REDACTED")) {
			t.Errorf("nothing was hidden in %s: the test proves nothing", name)
		}
	}
}

// A description tells no secret, whatever the guest says of itself.
func TestDescriptionHasNoSecrets(t *testing.T) {
	p, err := canarySpec(t).Resolve(t.Context(), testHost(t))
	if err != nil {
		t.Fatal(err)
	}
	b := &build{Plan: p}
	b.report.Facts = map[string]string{"hostname": "canary-luks.example.org"}
	text, err := json.Marshal(b.describeImage(File{}))
	if err != nil {
		t.Fatal(err)
	}
	clean(t, "the description", text)
}

// Errors before there is a plan: of reading the Spec's files, of getting its ISO.
func TestEarlyErrorsHaveNoSecrets(t *testing.T) {
	s := canarySpec(t)
	s.Bundle = "canary-luks" // quoted by the error
	_, err := s.Resolve(t.Context(), testHost(t))
	var input *InputError
	if !errors.As(err, &input) {
		t.Fatalf("error %v, want an InputError", err)
	}
	clean(t, "the error", []byte(err.Error()+hint(err)))

	s = canarySpec(t)
	s.ISO, s.Offline = "http://me:canary-proxy@127.0.0.1:9/x.iso?token=canary-env", true
	if _, err = s.Fetch(t.Context(), testHost(t), nil); err == nil {
		t.Fatal("an ISO was fetched offline")
	}
	clean(t, "the error", []byte(err.Error()+hint(err)))
}

// readBundle returns a bundle's files by name, whichever form it has.
func readBundle(t *testing.T, path string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	if !strings.HasSuffix(path, bundleSuffix) {
		err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, err := filepath.Rel(path, p)
			if err != nil {
				return err
			}
			files[filepath.ToSlash(name)], err = os.ReadFile(p)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(h.Name, "/")
		if files[name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCheckBundle(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "mine.tar.zst")
	if err := os.WriteFile(foreign, []byte("not ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	staged := filepath.Join(dir, "staged")
	if err := os.Mkdir(staged, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(staged, summaryFile), []byte("# failed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ours := filepath.Join(dir, "ours.tar.zst")
	if err := archiveBundle(staged, ours, "x.failed", mediaTime); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"": "", ours: "", filepath.Join(dir, "new.tar.zst"): "",
		foreign: "is no failure bundle", dir + "/x.tar.gz": "does not end in", dir + "/none/x.tar.zst": "does not exist",
	} {
		err := checkBundle(path)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", path, err, want)
		}
	}
}

// A payload is left out however its line is cut; other lines pass as they are.
func TestPayloadFilter(t *testing.T) {
	in := "imgasm1 0011223344556677 phase pre\nimgasm1 0011223344556677 log a.log c2VjcmV0\nno log here at all\n\nimgasm1 x log b.log Zm9v\nimgasm1 0011223344556677 log c"
	want := "imgasm1 0011223344556677 phase pre\nimgasm1 0011223344556677 log a.log (see installer/)\nno log here at all\n\nimgasm1 x log b.log (see installer/)\nimgasm1 0011223344556677 log c"
	for step := 1; step <= len(in); step++ {
		var out bytes.Buffer
		f := &payloadFilter{w: &out}
		for i := 0; i < len(in); i += step {
			if _, err := f.Write([]byte(in[i:min(i+step, len(in))])); err != nil {
				t.Fatal(err)
			}
		}
		if out.String() != want {
			t.Fatalf("in pieces of %d: %q", step, out.String())
		}
	}
}
