package alma

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// canaryKickstart has a secret in every place where kickstarts have them.
const canaryKickstart = `cmdline
lang en_US.UTF-8
keyboard us
timezone UTC --utc
# rootpw --plaintext canary-comment
rootpw --plaintext "canary root <&>"
user --name=ops --iscrypted --password=$6$canarysalt$canaryhashxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
sshkey --username=ops "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIACANARYKEYAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ops@host"
url --url=http://127.0.0.1:9/os/
repo --name=extra --baseurl=http://bot:canary-repo@127.0.0.1:9/extra/
repo --name=signed --baseurl=https://s3.example.org/e/?v=1&X-Amz-Signature=canary-signature
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
	"canary-comment", "canary root", "canarysalt", "canaryhash", "CANARYKEY", "canary-repo", "canary-luks",
	"canary-chpasswd", "canary-env", "canaryprivatekey", "canary-arg", "canary-proxy", "canary-mirror",
	"canary-signature", "canary-sas", "canary-fetched", "canary-redirect",
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
		"canary-comment", "canary root <&>", "$6$canarysalt$canaryhashxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "AAAAC3NzaC1lZDI1NTE5AAAAIACANARYKEYAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "http://bot:canary-repo@127.0.0.1:9/extra/",
		"canary-luks", "root:canary-chpasswd", "canary-env", "canaryprivatekeymaterial0123456789", "inst.rdp.password=canary-arg",
		"http://me:canary-proxy@127.0.0.1:9/", "canary-mirror", "canary-signature", "canary-sas", "canary-fetched",
		"https://nobody.knows.it.example.org/x?X-Amz-Signature=canary-redirect", // where a mirror led the guest
	}
	steps := []qemutest.Step{line("[    0.000000] Linux version 6.12.0-55.el10.x86_64"), line("[   20.100000] anaconda[2343]: Starting installer, one moment...")}
	for i, s := range secrets {
		half := len(s) / 2
		steps = append(steps,
			line(fmt.Sprintf("[   21.%06d] anaconda[2343]: using %s now", i, s)),
			qemutest.Serial("cut "+s[:half]), qemutest.Serial(s[half:]+"\r\n"),
			qemutest.Port(watch.LogPort, "12:00:00,000 INF anaconda: "+s+"\n"),
			qemutest.Port(watch.ProgressPort, "imgasm1 "+nonce+" fact hostname="+s+"\n"),
			qemutest.Port(watch.ProgressPort, "imgasm1 "+nonce+" log anaconda.log "+base64.StdEncoding.EncodeToString([]byte("read "+s+"\n"))+"\n"),
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
	s.KernelArgs = []string{"inst.rdp.password=canary-arg", "inst.proxy=http://me:canary-proxy@127.0.0.1:9/", "inst.updates=https://h.example.org/u.img?sv=1&sig=canary-sas"}
	s.Mirror = "https://u:canary-mirror@mirror.example.org/"
	return s
}

// canaryPlan resolves such a Spec; its ISO came from an address with a signature.
func canaryPlan(t *testing.T, s Spec) *Plan {
	t.Helper()
	p, err := resolve(t.Context(), s, testHost(t))
	ok(t, err)
	p.Installer.URL = "https://s3.example.org/x.iso?sig=canary-fetched"
	p.hidden = hiding(p.secrets())
	return p
}

// All that a build leaves when it succeeds: the records beside the image.
func TestRecordsHaveNoSecrets(t *testing.T) {
	s := canarySpec(t)
	s.Provenance, s.Checksums, s.Lock, s.LockFile = true, true, true, filepath.Join(filepath.Dir(s.Out), "imgasm.lock")
	p := canaryPlan(t, s)
	willSucceed(t, p)
	script := success(p.nonce(), bootSector(t))
	tell := qemutest.Port(watch.ProgressPort, "imgasm1 "+p.nonce()+" fact hostname=canary-luks.example.org\nimgasm1 "+p.nonce()+" package canary-luks-1-1.noarch\n")
	p.Machine.Binary = qemutest.Executable(t, qemutest.Script{Steps: slices.Insert(script, len(script)-4, tell)})
	r := &recorder{}
	_, err := p.Run(t.Context(), r.sink)
	ok(t, err)
	events, err := json.Marshal(r.events)
	ok(t, err)
	clean(t, "an event", events)
	for _, path := range written(s) {
		text, err := os.ReadFile(path)
		ok(t, err)
		clean(t, filepath.Base(path), text)
		if path != s.Out && path != checksumsName(s.Out) && !bytes.Contains(text, []byte("REDACTED")) {
			t.Errorf("nothing was hidden in %s: the test proves nothing", filepath.Base(path))
		}
		if filepath.Ext(path) == ".json" && !json.Valid(text) {
			t.Errorf("%s is no JSON: %s", filepath.Base(path), text)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(s.Out)); err != nil || len(entries) != len(written(s)) {
		t.Errorf("left: %v, %v", entries, err)
	}
}

// What any user of the host can read of QEMU while it runs: of all secrets only
// those that were given as --kernel-arg, within -append.
func TestArgumentsOfChildren(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	p := canaryPlan(t, canarySpec(t))
	p.Machine.Binary = qemutest.Executable(t, qemutest.Script{Steps: []qemutest.Step{line("[    0.000000] Linux version 6.12"), qemutest.Hang()}})
	ctx, cancel := context.WithCancel(t.Context())
	var argv [][]byte
	_, err := p.Run(ctx, func(e event.Event) {
		if e.Kind == event.Console {
			argv = childrenArguments(t, p.Machine.Binary)
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || len(argv) == 0 {
		t.Fatalf("error %v; arguments %q", err, argv)
	}
	for i, arg := range argv {
		if i > 0 && string(argv[i-1]) == "-append" {
			for _, want := range []string{"canary-arg", "canary-proxy", "canary-sas"} {
				arg = bytes.ReplaceAll(arg, []byte(want), nil)
			}
		}
		clean(t, "QEMU's argument", arg)
	}
	if !slices.ContainsFunc(p.Notes, func(n string) bool { return strings.Contains(n, "{KernelArgs}") }) {
		t.Errorf("no note says so: %q", p.Notes)
	}
}

// childrenArguments are the words of the children of this process that run a program.
func childrenArguments(t *testing.T, program string) (argv [][]byte) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	ok(t, err)
	for _, path := range all {
		words, err := os.ReadFile(path)
		if err == nil && bytes.HasPrefix(words, []byte(program+"\x00")) {
			argv = append(argv, bytes.Split(words, []byte{0})...)
		}
	}
	return argv
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
			p := canaryPlan(t, s)
			view, err := json.Marshal(p.View())
			if err != nil {
				t.Fatal(err)
			}
			clean(t, "the plan", view)
			p.Machine.Binary = qemutest.Executable(t, qemutest.Script{Steps: loud(p.nonce())})
			r := &recorder{}
			_, err = p.Run(t.Context(), r.sink)
			var install *watch.Error
			if !errors.As(err, &install) {
				t.Fatalf("error %v (%T), want the guest's failure", err, err)
			}
			if !strings.Contains(err.Error(), "panic") {
				t.Errorf("the error lost the guest's words: %v", err)
			}
			clean(t, "the error", []byte(err.Error()+assemble.Hint(err)+fmt.Sprintf("%+v", *install.Failure)))
			if !strings.Contains(err.Error(), "REDACTED") || !strings.HasSuffix(err.Error(), "\nlogs: "+bundleOf(err)) {
				t.Errorf("an error with a hidden secret does not name the bundle: %v", err)
			}
			bundle := bundleOf(err)
			events, err := json.Marshal(r.events)
			if err != nil {
				t.Fatal(err)
			}
			clean(t, "an event", events)
			checkCleanBundle(t, readBundle(t, bundle))
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
	for _, name := range []string{serialFile, logFile, progressFile, eventsFile, watch.InstallerLogs + "/anaconda.log", "screen.png", "guest.json",
		"host.json", "qemu.txt", kickstartFile, "plan.json", "failure.json", summaryFile} {
		if len(files[name]) == 0 {
			t.Errorf("the bundle has no %s; it has %v", name, slices.Sorted(maps.Keys(files)))
		}
	}
	for _, name := range []string{serialFile, logFile, progressFile, watch.InstallerLogs + "/anaconda.log", "qemu.txt", summaryFile} {
		if !bytes.Contains(files[name], []byte("REDACTED")) {
			t.Errorf("nothing was hidden in %s: the test proves nothing", name)
		}
	}
}

// A description tells no secret, whatever the guest says of itself.
func TestDescriptionHasNoSecrets(t *testing.T) {
	p, err := resolve(t.Context(), canarySpec(t), testHost(t))
	if err != nil {
		t.Fatal(err)
	}
	err = inJob(t, p, nil, func(ctx context.Context, j *assemble.Job) error {
		ok(t, j.Folder.WriteFile(imagePartialFile, nil, 0o600))
		hash := make(chan hashed, 1)
		hash <- hashed{}
		_, err := publish(ctx, j, p, hash, anaconda.Report{Facts: map[string]string{"hostname": "canary-luks.example.org"}}, nil)
		return err
	})
	ok(t, err)
	text, err := os.ReadFile(assemble.Description(p.Outputs.Path))
	ok(t, err)
	clean(t, "the description", text)
}

// Errors before there is a plan: of reading the Spec's files, of getting its ISO.
func TestEarlyErrorsHaveNoSecrets(t *testing.T) {
	s := canarySpec(t)
	s.Bundle = "canary-luks" // quoted by the error
	_, err := resolve(t.Context(), s, testHost(t))
	if !errors.Is(err, ErrInput) {
		t.Fatalf("error %v, want ErrInput", err)
	}
	clean(t, "the error", []byte(err.Error()+assemble.Hint(err)))

	s = canarySpec(t)
	s.ISO, s.Offline = "http://me:canary-proxy@127.0.0.1:9/x.iso?token=canary-env", true
	if _, err = s.Locate(t.Context(), testHost(t), nil); err == nil {
		t.Fatal("an ISO was fetched offline")
	}
	clean(t, "the error", []byte(err.Error()+assemble.Hint(err)))
}

// readBundle returns a bundle's files by name, whichever form it has.
func readBundle(t *testing.T, path string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	if !strings.HasSuffix(path, ".tar.zst") {
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

// A payload is left out; other lines pass as they are.
func TestWithoutPayload(t *testing.T) {
	in := "imgasm1 0011223344556677 phase pre\nimgasm1 0011223344556677 log a.log c2VjcmV0\nno log here at all\n\nimgasm1 x log b.log Zm9v\nimgasm1 0011223344556677 log c"
	want := "imgasm1 0011223344556677 phase pre\nimgasm1 0011223344556677 log a.log (see installer/)\nno log here at all\n\nimgasm1 x log b.log (see installer/)\nimgasm1 0011223344556677 log c"
	if got := string(withoutPayload([]byte(in))); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
