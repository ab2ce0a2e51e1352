package verify_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/assemble/machine"
	"github.com/imgasm/imgasm/assemble/verify"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/accel"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

func TestMain(m *testing.M) {
	qemutest.Main()
	os.Exit(m.Run())
}

// healthy is what a guest in good health answers, by a word of the question.
var healthy = map[string]string{
	"cloud-init":        "status: done\n",
	"df -P":             fmt.Sprintf("/dev/vda2 %d 1 1 1%% /\n", 11<<20),
	"is-system-running": "",
	"date +%s":          "NOW\nchronyd\n",
	"getenforce":        "Enforcing\nenforcing\n",
	"machine-id":        "0123456789abcdef0123456789abcdef\n",
	"uname":             "Linux\n",
}

// sshd is a guest's ssh server on this host. It lets everybody in who has a key, or
// the password "secret", and answers what the map says.
func sshd(t *testing.T, keys bool, answers map[string]string) int {
	t.Helper()
	return sshdAfter(t, 0, keys, answers)
}

// sshdAfter lets nobody in by a password before so much time has passed, as
// pam_nologin while a system boots; a negative time is never, by no password.
func sshdAfter(t *testing.T, nologin time.Duration, keys bool, answers map[string]string) int {
	t.Helper()
	begun := time.Now()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	ok(t, err)
	signer, err := ssh.NewSignerFromKey(key)
	ok(t, err)
	config := &ssh.ServerConfig{
		ServerVersion: "SSH-2.0-test",
		PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
			if !keys {
				return nil, errors.New("no such key")
			}
			return nil, nil
		},
		PasswordCallback: func(_ ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			if string(password) != "secret" || time.Since(begun) < nologin {
				return nil, errors.New("wrong password")
			}
			return nil, nil
		},
	}
	if nologin < 0 {
		config.PasswordCallback = nil
	}
	config.AddHostKey(signer)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn, config, answers)
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func serve(conn net.Conn, config *ssh.ServerConfig, answers map[string]string) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for c := range channels {
		session, requests, err := c.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range requests {
				_ = r.Reply(true, nil)
				var exec struct{ Command string }
				_ = ssh.Unmarshal(r.Payload, &exec)
				status := uint32(0)
				for word, answer := range answers {
					if strings.Contains(exec.Command, word) {
						fmt.Fprint(session, strings.ReplaceAll(answer, "NOW", fmt.Sprint(time.Now().Unix())))
						if answer == "" && word == "false" {
							status = 1
						}
					}
				}
				_, _ = session.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
				_ = session.Close()
			}
		}()
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// options are those of an image whose guest says lines and has an ssh server at port.
func options(t *testing.T, port int, steps ...qemutest.Step) verify.Options {
	t.Helper()
	dir := t.TempDir()
	image := filepath.Join(dir, "image.raw")
	ok(t, os.WriteFile(image, make([]byte, 1<<20), 0o600))
	table, err := json.Marshal(fmt.Sprintf("  TCP[HOST_FORWARD]  8 127.0.0.1 %d 10.0.2.15 22 0 0\r\n", port))
	ok(t, err)
	steps = append(steps, qemutest.Await("system_powerdown"))
	steps = append(steps, qemutest.PowerOff()...)
	binary := qemutest.Executable(t, qemutest.Script{Steps: steps, Replies: map[string]json.RawMessage{"human-monitor-command": table}})
	return verify.Options{
		Image:   &machine.Image{Path: image, Format: "raw", SizeBytes: 1 << 20, Arch: "x86_64", Console: "ttyS0"},
		Machine: &machine.Machine{Config: qemu.Config{Arch: "x86_64", Binary: binary}, Accel: accel.Choice{Accel: "kvm"}, QEMU: &qemu.Info{}},
		Inside:  &machine.Inside{System: &inspect.System{}, CloudInit: true},
		Dir:     dir, Grace: 2 * time.Second,
	}
}

var prompt = qemutest.Serial("\r\nimgasm login: ")

// statuses are what came of the checks: "boot passed".
func statuses(r *verify.Report) (all []string) {
	for _, res := range r.Results {
		all = append(all, res.Name+" "+string(res.Status))
	}
	return all
}

func TestHealthy(t *testing.T) {
	t.Parallel()
	o := options(t, sshd(t, true, healthy), prompt)
	checks, err := verify.ParseChecks("own", []byte("it is Linux\n  $ uname\n  L.*x (re)\n"))
	ok(t, err)
	o.Own, o.Skip, o.Keep = checks, map[string]string{"selinux": "not today"}, true
	r, err := verify.Run(t.Context(), o)
	ok(t, err)
	for _, name := range append(verify.Names(), "it is Linux") {
		want := name + " passed"
		switch name {
		case "selinux", "host-keys", "machine-id": // not wished for, and of one machine
			want = name + " skipped"
		}
		if !slices.Contains(statuses(r), want) {
			t.Errorf("no %q in %v", want, r.Results)
		}
	}
	for _, file := range []string{verify.ReportFile, verify.LogFile(1)} {
		if info, err := os.Stat(filepath.Join(o.Dir, file)); r.Kept[file] == "" || err != nil || info.Size() == 0 {
			t.Errorf("%s is not kept: %v", file, err)
		}
	}
	if r.Err() != nil || r.Proof == nil || r.Proof.User != "imgasm" || r.Proof.Login != "imgasm login:" || !r.Proof.Off {
		t.Errorf("%v, %+v", r.Err(), r.Proof)
	}
}

// What is wrong with a guest fails one check, in the guest's own words, and the
// others are asked all the same.
func TestUnhealthy(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string][2]string{ // check: what is answered, what is said of it
		"cloud-init": {"status: error\n", "error"},
		"grow":       {"/dev/vda2 900 1 1 1% /\n", "growpart"},
		"units":      {"web.service\n    Main process exited\n", "web.service"},
		"time":       {"100\nchronyd\n", "wrong"},
		"selinux":    {"Permissive\nenforcing\n", "permissive"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			word := map[string]string{"cloud-init": "cloud-init", "grow": "df -P", "units": "is-system-running", "time": "date +%s", "selinux": "getenforce"}[name]
			answers := map[string]string{"command -v growpart": "/usr/bin/growpart\n"}
			for k, v := range healthy {
				answers[k] = v
			}
			answers[word] = wrong[0]
			o := options(t, sshd(t, true, answers), prompt)
			looked := false
			o.Failed = func(_ context.Context, g *watch.Guest, _ *verify.Report, err error) {
				looked = g.Alive() && errors.Is(err, verify.ErrFailed)
			}
			r, err := verify.Run(t.Context(), o)
			ok(t, err)
			if r.Count(verify.Failed) != 1 || !slices.Contains(statuses(r), name+" failed") || !looked {
				t.Errorf("%v", r.Results)
			}
			if err := r.Err(); !errors.Is(err, verify.ErrFailed) || !strings.Contains(err.Error(), name+": ") || !strings.Contains(err.Error(), wrong[1]) {
				t.Errorf("%v", err)
			}
			for file := range r.Kept {
				if _, err := os.Stat(filepath.Join(o.Dir, file)); err != nil {
					t.Error(err)
				}
			}
			if len(r.Kept) < 3 || !strings.Contains(r.Summary(), "**"+name+"**") {
				t.Errorf("kept: %v\n%s", r.Kept, r.Summary())
			}
		})
	}
}

// A check that does not decide fails, and the image passes.
func TestWarnings(t *testing.T) {
	t.Parallel()
	answers := maps.Clone(healthy)
	answers["is-system-running"] = "web.service\n"
	o := options(t, sshd(t, true, answers), prompt)
	o.Decides = func(check string, answered bool) bool { return check != "units" || !answered }
	r, err := verify.Run(t.Context(), o)
	ok(t, err)
	if !slices.Contains(statuses(r), "units failed") || r.Err() != nil || r.Proof == nil || !r.Proof.Off {
		t.Errorf("%v, %+v, %+v", r.Err(), r.Results, r.Proof)
	}
}

// A logical volume does not grow, whatever the image has: that is no defect of it.
func TestGrowLVM(t *testing.T) {
	t.Parallel()
	answers := maps.Clone(healthy)
	answers["df -P"], answers["command -v growpart"] = "/dev/mapper/vg-root 900 1 1 1% /\n", "/usr/bin/growpart\n"
	r, err := verify.Run(t.Context(), options(t, sshd(t, true, answers), prompt))
	ok(t, err)
	if !slices.Contains(statuses(r), "grow skipped") || r.Err() != nil {
		t.Errorf("%v, %+v", r.Err(), r.Results)
	}
}

// Two machines that have one identity are found out.
func TestTwins(t *testing.T) {
	t.Parallel()
	o := options(t, sshd(t, true, healthy), prompt)
	o.Twin = true
	r, err := verify.Run(t.Context(), o)
	ok(t, err)
	for _, want := range []string{"host-keys failed", "machine-id failed"} {
		if !slices.Contains(statuses(r), want) {
			t.Errorf("no %q in %v", want, r.Results)
		}
	}
}

// What an image without cloud-init cannot answer is skipped, and the proof of a
// boot is what it was.
func TestNothingReadsASeed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*verify.Options)
		user   string
		ssh    verify.Status
		why    string // ssh is skipped
	}{
		"a prompt":             {func(*verify.Options) {}, "", verify.Skipped, "no cloud-init"},
		"an account":           {func(o *verify.Options) { o.Account = verify.Login{Name: "admin", Password: "secret"} }, "admin", verify.Skipped, "no cloud-init"},
		"a login":              {func(o *verify.Options) { o.Login = verify.Login{Name: "admin", Password: "secret"} }, "admin", verify.Passed, ""},
		"files unread":         {func(o *verify.Options) { o.Inside, o.Unread = nil, errors.New("it is btrfs") }, "", verify.Skipped, "btrfs"},
		"files unread, no ssh": {func(o *verify.Options) { o.Inside, o.Unread = nil, errors.New("it is LVM2_member") }, "", verify.Skipped, "no ssh server answered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := sshd(t, false, healthy)
			if name == "files unread, no ssh" {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				ok(t, err)
				port = l.Addr().(*net.TCPAddr).Port
				ok(t, l.Close())
			}
			o := options(t, port, prompt)
			o.Inside.CloudInit = false
			c.change(&o)
			r, err := verify.Run(t.Context(), o)
			ok(t, err)
			if r.Err() != nil || r.Proof == nil || r.Proof.User != c.user || r.Proof.Login == "" || !slices.Contains(statuses(r), "ssh "+string(c.ssh)) {
				t.Errorf("%v, %+v, %+v", r.Err(), r.Proof, r.Results)
			}
			for _, res := range r.Results {
				if res.Name == "units" && (res.Status == verify.Skipped) != (c.why != "") || res.Name == "ssh" && !strings.Contains(res.Why, c.why) {
					t.Errorf("%+v", res)
				}
			}
		})
	}
}

// Who may not log in yet while an image boots is asked again.
func TestNologin(t *testing.T) {
	t.Parallel()
	o := options(t, sshdAfter(t, 4*time.Second, false, healthy), prompt)
	o.Inside.CloudInit, o.Account, o.Grace = false, verify.Login{Name: "admin", Password: "secret"}, 10*time.Second
	r, err := verify.Run(t.Context(), o)
	ok(t, err)
	if r.Err() != nil || r.Proof == nil || r.Proof.User != "admin" {
		t.Errorf("%v, %+v, %+v", r.Err(), r.Proof, r.Results)
	}
}

// A server that takes no passwords, as a script of the user's may have configured it,
// says nothing of an account of which nothing but the password is known; one that
// takes another password does, and so does one that breaks off before it has said
// who it is.
func TestNoPasswords(t *testing.T) {
	t.Parallel()
	broken, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	defer broken.Close()
	go func() {
		for {
			c, err := broken.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "SSH-2.0-broken\r\n")
			c.Close()
		}
	}()
	for _, c := range []struct {
		port int
		want string
	}{
		{sshdAfter(t, -1, false, healthy), "ssh skipped"},
		{sshd(t, false, healthy), "ssh failed"},
		{broken.Addr().(*net.TCPAddr).Port, "ssh failed"},
	} {
		o, want := options(t, c.port, prompt), c.want
		o.Inside.CloudInit, o.Account = false, verify.Login{Name: "admin", Password: "wrong"}
		r, err := verify.Run(t.Context(), o)
		ok(t, err)
		if !slices.Contains(statuses(r), want) {
			t.Errorf("%s: %+v", want, r.Results)
		}
	}
}

// What an installer leaves does no harm to one machine; an identity does.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cloudInit bool
		path      string
		want      verify.Status
	}{
		"of one machine": {false, "/root/anaconda-ks.cfg", verify.Skipped},
		"of many":        {true, "/root/anaconda-ks.cfg", verify.Failed},
		"an identity":    {false, "/etc/machine-id", verify.Failed},
		"nothing at all": {true, "", verify.Passed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t, sshd(t, true, healthy), prompt)
			o.Inside.CloudInit = c.cloudInit
			if c.path != "" {
				o.Inside.Left = []inspect.Leftover{{Path: c.path, Why: "it is left"}}
			}
			r, err := verify.Run(t.Context(), o)
			ok(t, err)
			if !slices.Contains(statuses(r), "leftovers "+string(c.want)) {
				t.Errorf("%+v", r.Results[0])
			}
		})
	}
}

// Nobody gives an encrypted disk its passphrase: whether the image comes up is not
// known, unless it does without.
func TestPassphrase(t *testing.T) {
	t.Parallel()
	asks := qemutest.Serial("Please enter passphrase for disk vda3 (luks-1234): ")
	for want, steps := range map[string][]qemutest.Step{"boot skipped": {asks}, "boot passed": {asks, qemutest.Serial("\r\nimgasm login: ")}} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0") // accepts, as QEMU does, and says nothing
			ok(t, err)
			defer l.Close()
			o := options(t, l.Addr().(*net.TCPAddr).Port, steps...)
			o.Inside, o.Unread = nil, errors.New("it is crypto_LUKS")
			r, err := verify.Run(t.Context(), o)
			ok(t, err)
			if r.Err() != nil || !slices.Contains(statuses(r), want) || (r.Proof == nil) != (want == "boot skipped") {
				t.Errorf("%v, %+v, %+v", r.Err(), r.Results, r.Proof)
			}
		})
	}
}

// A guest that breaks fails the check that waits for it, and ends no other well.
func TestBroken(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string][]qemutest.Step{
		"panic": append([]qemutest.Step{qemutest.Serial("[    1.0] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n")}, qemutest.Panic()...),
		"off":   qemutest.PowerOff(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0") // accepts, as QEMU does, and says nothing
			ok(t, err)
			defer l.Close()
			r, err := verify.Run(t.Context(), options(t, l.Addr().(*net.TCPAddr).Port, steps...))
			ok(t, err)
			if r.Count(verify.Failed) != 1 || !slices.Contains(statuses(r), "boot failed") || r.Proof != nil {
				t.Errorf("%+v", r.Results)
			}
			if name == "panic" && !strings.Contains(r.Err().Error(), "Unable to mount root fs") {
				t.Errorf("the guest's words are not in %v", r.Err())
			}
		})
	}
}

func TestRefusedOptions(t *testing.T) {
	for name, change := range map[string]func(*verify.Options){
		"Skip":     func(o *verify.Options) { o.Skip = map[string]string{"weather": "it rains"} },
		"Identity": func(o *verify.Options) { o.Login = verify.Login{Name: "anna", Key: "no key"} },
		"Check":    func(o *verify.Options) { o.Own = []verify.Check{{Name: "boot"}} },
	} {
		o := options(t, 1)
		change(&o)
		if _, err := verify.Run(t.Context(), o); !errors.Is(err, verify.ErrOption) || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInterrupted(t *testing.T) {
	o := options(t, sshd(t, true, nil))
	cause := errors.New("stop")
	ctx, stop := context.WithTimeoutCause(t.Context(), time.Second, cause)
	defer stop()
	o.Machine.Config.Binary = qemutest.Executable(t, qemutest.Script{})
	o.Emit = func(e event.Event) {
		if e.Step == "boot" && e.Kind != event.StepStart {
			t.Errorf("a check that was interrupted has ended: %+v", e)
		}
	}
	if _, err := verify.Run(ctx, o); !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
}

func TestJUnit(t *testing.T) {
	r := verify.Report{Image: "/tmp/a.qcow2", Arch: "x86_64", Seconds: 3, Results: []verify.Result{
		{Name: "boot", Status: verify.Passed, Seconds: 2, Why: "up"}, {Name: "<own & odd>", Status: verify.Failed, Why: "no", Said: []string{"a\x1b[1mb", "]]>"}},
		{Name: "grow", Status: verify.Skipped, Why: "no growpart"},
	}}
	var b bytes.Buffer
	ok(t, r.WriteJUnit(&b))
	counts := map[string]int{}
	d := xml.NewDecoder(bytes.NewReader(b.Bytes()))
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		ok(t, err)
		if e, ok := token.(xml.StartElement); ok {
			counts[e.Name.Local]++
		}
	}
	if counts["testcase"] != 3 || counts["failure"] != 1 || counts["skipped"] != 1 || !strings.Contains(b.String(), `tests="3" failures="1" errors="0" skipped="1"`) {
		t.Errorf("%v\n%s", counts, &b)
	}
}
