package main

// Another host, by a real sshd on the loopback: the test's own binary is imgasm on
// both sides, and QEMU a stand-in.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/project"
	"github.com/imgasm/imgasm/assemble/remote"
	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/sshtest"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// other is another host.
type other struct {
	*sshtest.Server
	cache string
	env   []string // of clients
}

// anotherHost has imgasm in its PATH.
func anotherHost(t testing.TB) *other {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "imgasm")); err != nil {
		t.Fatal(err)
	}
	s := sshtest.Start(t, "PATH="+bin+":"+os.Getenv("PATH"), "GORACE="+os.Getenv("GORACE"))
	return &other{s, filepath.Join(s.Home, ".cache/imgasm"), []string{"IMGASM_SSH=" + strings.Join(s.Command(), " "), "IMGASM_CACHE=" + t.TempDir(), "HOME=" + t.TempDir()}}
}

func (o *other) getenv(name string) string {
	for _, v := range o.env {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return os.Getenv(name)
}

// run is imgasm in this process.
func (o *other) run(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append([]string{"imgasm"}, args...), strings.NewReader(""), &out, &errs, o.getenv)
	return code, out.String(), errs.String()
}

// must is run of what ends well.
func (o *other) must(t testing.TB, args ...string) string {
	t.Helper()
	code, stdout, stderr := o.run(t, args...)
	if code != exitDone {
		t.Fatalf("%q: exit code %d\n%s", args, code, stderr)
	}
	return stdout
}

// launch begins a build there whose QEMU follows a script.
func (o *other) launch(t *testing.T, out string, script qemutest.Script, flags ...string) *running {
	t.Helper()
	installer := filepath.Join(t.TempDir(), "installer.iso")
	fakeInstaller(t, installer)
	script.Steps = append([]qemutest.Step{qemutest.Await("cont"), qemutest.Serial("[    0.000000] Linux version 6.12.0-55.el10.x86_64\r\n")}, script.Steps...)
	return launchWith(t, o.env, out, append(buildArgs(installer, qemutest.Executable(t, script), out), flags...)...)
}

// start is launch until the guest is heard.
func (o *other) start(t *testing.T, script qemutest.Script, flags ...string) *running {
	t.Helper()
	r := o.launch(t, filepath.Join(t.TempDir(), "image.qcow2"), script, flags...)
	r.await(t, isConsole)
	return r
}

// none fails unless the host has no job and no process of one any more.
func (o *other) none(t *testing.T) {
	t.Helper()
	if left, err := os.ReadDir(filepath.Join(o.cache, "remote/jobs")); err != nil || len(left) > 0 {
		t.Errorf("jobs on the host: %v, %v", left, err)
	}
	o.noProcess(t, o.Home)
}

// noProcess fails unless every process ends whose arguments name what.
func (o *other) noProcess(t *testing.T, what string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		left := processes(t, what)
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("these are left: %v", left)
		}
	}
}

// processes are the numbers of those whose arguments name what, with their arguments.
func processes(t *testing.T, what string) map[int]string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	all := map[int]string{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if pid, e := strconv.Atoi(filepath.Base(filepath.Dir(f))); err == nil && e == nil && bytes.Contains(text, []byte(what)) {
			all[pid] = strings.ReplaceAll(string(text), "\x00", " ")
		}
	}
	return all
}

// list is imgasm remote list.
func (o *other) list(t *testing.T) (jobs []remote.Job) {
	t.Helper()
	text := o.must(t, "remote", "list", "there", "--json")
	fits(t, "jobs", []byte(text))
	if err := json.Unmarshal([]byte(text), &jobs); err != nil {
		t.Fatal(err)
	}
	return jobs
}

// disk is a raw disk of some random bytes and a hole.
func randomDisk(t testing.TB, data, size int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk.raw")
	text := make([]byte, data)
	for i, state := 0, uint64(1); i < len(text); i += 8 {
		state = state*6364136223846793005 + 1442695040888963407
		copy(text[i:], strconv.AppendUint(nil, state, 36))
	}
	if err := errors.Join(os.WriteFile(path, text, 0o600), os.Truncate(path, size)); err != nil {
		t.Fatal(err)
	}
	return path
}

// A host without imgasm is sent the one that the user names.
func TestOnBinary(t *testing.T) {
	s := sshtest.Start(t)
	env := map[string]string{"IMGASM_SSH": strings.Join(s.Command(), " "), "HOME": t.TempDir(), "IMGASM_CACHE": t.TempDir()}
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"imgasm", "remote", "list", "there", "--remote-binary", "/none"}, strings.NewReader(""), &stdout, &stderr, func(name string) string { return env[name] })
	if code == exitDone || !strings.Contains(stderr.String(), "/none") {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
}

func TestOnConvert(t *testing.T) {
	t.Parallel()
	o := anotherHost(t)
	in, dir := randomDisk(t, 1<<20, 64<<20), t.TempDir()
	here, there := filepath.Join(dir, "here.vhd"), filepath.Join(dir, "there.vhd")
	o.must(t, "convert", in, here)
	o.must(t, "convert", in, there, "--on", "there", "--nice")
	a, err := os.ReadFile(here)
	b, err2 := os.ReadFile(there)
	if err != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Errorf("%d bytes here, %d there: %v, %v", len(a), len(b), err, err2)
	}
	if got, want := allocated(t, there), int64(4<<20); got > want {
		t.Errorf("what came home takes %d bytes of the disk", got)
	}
	if code, _, stderr := o.run(t, "convert", in, there, "--on", "there"); code != exitInput || !strings.Contains(stderr, "exists") {
		t.Errorf("an output that exists: %d, %s", code, stderr)
	}
	if code, _, stderr := o.run(t, "convert", in, there, "--force", "--on", "there", "--compression", "zstd"); code == exitDone || !strings.Contains(stderr, "imgasm: error: on there: ") {
		t.Errorf("what fails there: %d, %s", code, stderr)
	}
	for _, flag := range []string{"--bundle", "--junit", "--report"} {
		_, _, want := o.run(t, "verify", in, flag, dir+"/no/where")
		if code, _, got := o.run(t, "verify", in, flag, dir+"/no/where", "--on", "there"); code != exitInput || got != want {
			t.Errorf("what cannot be written: %d, %s; here: %s", code, got, want)
		}
	}
	o.none(t)
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left here: %v, %v", left, err)
	}
}

func allocated(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Blocks * 512
}

// smallBuild are flags of one there that is quick.
func smallBuild(t *testing.T) []string {
	t.Helper()
	return append(smallFlags(t), "--on", "there")
}

func isConsole(e event.Event) bool { return e.Kind == event.Console }

// again is the same command once more, to its end.
func (o *other) again(t *testing.T, r *running) *running {
	t.Helper()
	next := launchWith(t, o.env, r.out, r.cmd.Args[1:len(r.cmd.Args)-1]...)
	if code := next.wait(); code != exitDone {
		t.Fatalf("exit code %d of the same command once more\n%s", code, next.stderr)
	}
	return next
}

// A build goes on while the connection is cut, and its client finds it again.
func TestOnCutWhileBuilding(t *testing.T) {
	t.Parallel()
	o := anotherHost(t)
	r := o.start(t, installing(t, qemutest.Sleep(2*time.Second)), append(smallBuild(t), "--checksum", "--lock", "--lock-file", filepath.Join(t.TempDir(), "imgasm.lock"))...)
	o.Cut()
	var notes []string
	for e := range r.said {
		if e.Kind == event.Note {
			notes = append(notes, e.Text)
		}
	}
	if code := r.wait(); code != exitDone {
		t.Fatalf("exit code %d\n%s", code, r.stderr)
	}
	if !slices.ContainsFunc(notes, func(s string) bool { return strings.Contains(s, "connecting again") }) || !slices.Contains(notes, "on there: connected again") {
		t.Errorf("nobody says that the connection was lost: %q", notes)
	}
	for _, name := range []string{"", ".json"} {
		if _, err := os.Stat(r.out + name); err != nil {
			t.Error(err)
		}
	}
	sums, err := exec.Command("sh", "-c", "cd "+r.dir+" && sha256sum --check SHA256SUMS").CombinedOutput()
	if err != nil {
		t.Errorf("%s%v", sums, err)
	}
	o.none(t)
}

// A fetch goes on where it broke off.
func TestOnCutWhileFetching(t *testing.T) {
	t.Parallel()
	o := anotherHost(t)
	in, out := randomDisk(t, 32<<20, 64<<20), filepath.Join(t.TempDir(), "out.vhd")
	r := launchWith(t, o.env, out, "convert", in, out, "--on", "there")
	r.await(t, func(e event.Event) bool { return e.Step == "fetch" && e.Done > 4<<20 })
	r.signal(t, syscall.SIGSTOP) // so that the rest is still to come
	o.Cut()
	r.signal(t, syscall.SIGCONT)
	went, lost := int64(0), false
	for e := range r.said {
		lost = lost || e.Kind == event.Note && strings.Contains(e.Text, "connecting again")
		if went == 0 && lost && e.Kind == event.Progress {
			went = e.Done // from here on
		}
	}
	if code := r.wait(); code != exitDone || !lost || went < 4<<20 {
		t.Fatalf("exit code %d, the connection was lost: %v, gone on at byte %d\n%s", code, lost, went, r.stderr)
	}
	here := filepath.Join(t.TempDir(), "here.vhd")
	o.must(t, "convert", in, here, "--quiet")
	if text, err := exec.Command("cmp", here, out).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, text)
	}
	o.none(t)
}

// Ctrl-C here ends it there.
func TestOnInterrupted(t *testing.T) {
	t.Parallel()
	o := anotherHost(t)
	r := o.start(t, qemutest.Script{Steps: []qemutest.Step{qemutest.Hang()}}, smallBuild(t)...)
	r.signal(t, syscall.SIGINT)
	if code := r.wait(); code != exitInterrupted || !r.last.Interrupted {
		t.Errorf("exit code %d, want %d; last said: %+v\n%s", code, exitInterrupted, r.last, r.stderr)
	}
	r.noQEMU(t)
	o.none(t)
	if left, err := os.ReadDir(r.dir); err != nil || len(left) > 0 {
		t.Errorf("an interrupted build left %v, %v", left, err)
	}
}

// A terminal that is closed here ends nothing there.
func TestOnHangup(t *testing.T) {
	t.Parallel()
	o := anotherHost(t)
	r := o.start(t, installing(t, qemutest.Sleep(2*time.Second)), smallBuild(t)...)
	r.signal(t, syscall.SIGHUP)
	if code := r.wait(); code != exitInterrupted || !strings.Contains(r.stderr.String(), "imgasm remote attach there ") {
		t.Errorf("exit code %d, want %d: %s", code, exitInterrupted, r.stderr)
	}
	jobs := o.list(t)
	if len(jobs) != 1 || jobs[0].End != nil || jobs[0].Title != "alma image.qcow2" {
		t.Fatalf("%+v", jobs)
	}
	// Nobody reads its standard output, and any pipe of another's may break.
	if err := syscall.Kill(jobs[0].PID, syscall.SIGPIPE); err != nil {
		t.Error(err)
	}
	dir := t.TempDir()
	o.must(t, "remote", "attach", "there", "--out", dir)
	if _, err := os.Stat(filepath.Join(dir, "image.qcow2.json")); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(r.dir); err != nil || len(left) > 0 {
		t.Errorf("where it was to go there is %v, %v", left, err)
	}
	o.none(t)
	o.again(t, r) // which finds no job, and builds
	o.none(t)
}

// An input that goes while others are sent is sent once more.
func TestOnInputGone(t *testing.T) {
	t.Parallel()
	o := anotherHost(t)
	small := filepath.Join(t.TempDir(), "small")
	if err := os.WriteFile(small, []byte("small"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := o.launch(t, filepath.Join(t.TempDir(), "image.qcow2"), qemutest.Script{Steps: []qemutest.Step{qemutest.Hang()}}, append(smallBuild(t), "--copy", small+":/a", "--copy", randomDisk(t, 64<<20, 64<<20)+":/b")...)
	r.await(t, func(e event.Event) bool { return e.Step == "send" && e.Done > 4<<20 })
	r.signal(t, syscall.SIGSTOP)
	gone := filepath.Join(o.cache, "remote/files", digest.Bytes([]byte("small")))
	if err := os.Remove(gone); err != nil {
		t.Error(err)
	}
	r.signal(t, syscall.SIGCONT)
	r.await(t, isConsole)
	r.signal(t, syscall.SIGTERM)
	r.wait()
	o.none(t)
}

// What was made there, and did not come home, is named when something else is asked for.
func TestOnOtherwise(t *testing.T) {
	t.Parallel()
	o := anotherHost(t)
	out := filepath.Join(t.TempDir(), "out.vhd")
	r := launchWith(t, o.env, out, "convert", randomDisk(t, 32<<20, 64<<20), out, "--on", "there")
	r.await(t, func(e event.Event) bool { return e.Step == "fetch" })
	r.signal(t, syscall.SIGHUP)
	r.wait()
	_, _, said := o.run(t, "convert", randomDisk(t, 1<<20, 2<<20), out, "--on", "there")
	id := o.list(t)[0].ID
	if want := "which was asked for otherwise, is done: imgasm remote fetch there " + id; !strings.Contains(said, want) {
		t.Errorf("%s\nwant %q", said, want)
	}
	o.must(t, "remote", "fetch", "there", id, "--out", t.TempDir())
	o.none(t)
}

// What fails there is told here, and its logs come home.
func TestOnFailure(t *testing.T) {
	t.Parallel()
	o := anotherHost(t)
	r := o.start(t, qemutest.Script{Steps: []qemutest.Step{qemutest.Hang()}}, append(smallBuild(t), "--stall-timeout", "1s")...)
	if code := r.wait(); code != exitTimeout {
		t.Errorf("exit code %d, want %d\n%s", code, exitTimeout, r.stderr)
	}
	if !strings.Contains(r.stderr.String(), "on there: ") || !strings.Contains(r.stderr.String(), r.out+".failed") {
		t.Errorf("the error: %s", r.stderr)
	}
	onlyBundle(t, r)
	o.none(t)
	// What the host lacks is known before anything is sent.
	lacks := o.launch(t, filepath.Join(t.TempDir(), "image.qcow2"), qemutest.Script{}, append(smallBuild(t), "--qemu", "/nonexistent/qemu")...)
	if code := lacks.wait(); code != exitHost || !strings.Contains(lacks.stderr.String(), "imgasm: error: on there: qemu: ") || !strings.Contains(lacks.stderr.String(), "imgasm: hint: ") {
		t.Errorf("exit code %d, want %d\n%s", code, exitHost, lacks.stderr)
	}
	kept, err := os.ReadDir(filepath.Join(o.cache, "remote/files"))
	if err != nil || len(kept) != 0 {
		t.Errorf("the host without a QEMU has %v, %v", kept, err)
	}
}

// A job that failed while nobody waited for it goes when the same is done once more.
func TestOnFailureAlone(t *testing.T) {
	t.Parallel()
	o := anotherHost(t)
	r := o.start(t, qemutest.Script{Steps: []qemutest.Step{qemutest.Hang()}}, append(smallBuild(t), "--stall-timeout", "1s")...)
	r.signal(t, syscall.SIGKILL)
	r.wait()
	for deadline := time.Now().Add(time.Minute); o.list(t)[0].End == nil; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the job does not end")
		}
	}
	next := launchWith(t, o.env, r.out, r.cmd.Args[1:len(r.cmd.Args)-1]...)
	if code := next.wait(); code != exitTimeout {
		t.Errorf("exit code %d, want %d\n%s", code, exitTimeout, next.stderr)
	}
	o.none(t)
}

// No file and no argument on the host has a password, but for the volume that the
// installer reads.
func TestOnSecrets(t *testing.T) {
	t.Parallel()
	o := anotherHost(t)
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("canary-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, flags := range map[string][]string{
		"of flags": {"--on", "there", "--no-verify", "--password-file", password, "--root-password-file", password}, "of a kickstart": smallBuild(t),
	} {
		r := o.start(t, qemutest.Script{Steps: []qemutest.Step{qemutest.Hang()}}, flags...)
		if seen := o.tells(t); seen < 4 {
			t.Errorf("%s: %d files were looked at", name, seen)
		}
		r.signal(t, syscall.SIGTERM)
		if code := r.wait(); code != exitInterrupted {
			t.Errorf("%s: exit code %d\n%s", name, code, r.stderr)
		}
		if said := r.stderr.String(); !strings.HasPrefix(said, "imgasm: error: stopped by SIGTERM\n") {
			t.Errorf("%s: SIGTERM is told as %q", name, said)
		}
	}
	o.none(t)
}

// A host does not choose where things go, beyond a file of an ordinary name that is not
// there in a folder of the user's choice.
func TestOnHostilePlaces(t *testing.T) {
	t.Parallel()
	o := anotherHost(t)
	o.list(t)
	mine, there := filepath.Join(t.TempDir(), "mine"), filepath.Join(o.cache, "remote/jobs/aaaaaaaaaaaa")
	for name, c := range map[string]struct {
		out, verb, want string
		made            bool
	}{
		"a path":               {mine, "attach", "", true},
		"a file that is there": {filepath.Join(t.TempDir(), "there"), "attach", "there exists", false},
		"a hidden name":        {"/x/.profile", "fetch", "nobody here has asked for", false},
		"no name":              {"/", "fetch", "nobody here has asked for", false},
		"the folder above":     {"/x/..", "fetch", "nobody here has asked for", false},
	} {
		base, dir := filepath.Base(c.out), t.TempDir()
		job, err := json.Marshal(remote.Job{Title: "x", Home: json.RawMessage(`{"host":"` + hostName() + `","verb":"convert","out":"` + c.out + `","force":true}`)})
		end, err2 := json.Marshal(remote.End{Files: []remote.File{{Path: "image/" + base, Size: 5, Mode: 0o777}}})
		if err := errors.Join(err, err2, os.MkdirAll(filepath.Join(there, "out/image"), 0o700)); err != nil {
			t.Fatal(err)
		}
		for path, text := range map[string]string{
			mine: "mine", filepath.Join(dir, "there"): "mine", filepath.Join(there, "job.json"): string(job), filepath.Join(there, "end.json"): string(end), filepath.Join(there, "out/image/file"): "evil\n",
		} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if filepath.IsLocal(base) {
			if err := os.Rename(filepath.Join(there, "out/image/file"), filepath.Join(there, "out/image", base)); err != nil {
				t.Fatal(err)
			}
		}
		code, _, stderr := o.run(t, "remote", c.verb, "there", "--out", dir)
		if (code == exitDone) != c.made || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit code %d\n%s", name, code, stderr)
		}
		if info, err := os.Stat(filepath.Join(dir, "mine")); c.made && (err != nil || info.Mode().Perm() != 0o644) {
			t.Errorf("%s: %v, %v", name, info, err)
		}
		for _, path := range []string{mine, filepath.Join(dir, "there")} {
			if text, err := os.ReadFile(path); err != nil || string(text) != "mine" {
				t.Errorf("%s: %s has %q, %v", name, path, text, err)
			}
		}
	}
	// Without a folder it is the current one, wherever the host says.
	var h homecoming
	tr := &trip{ctx: t.Context(), host: "there"}
	got, err := tr.homeOf(remote.Job{ID: "aaaaaaaaaaaa", Home: json.RawMessage(`{"host":"` + hostName() + `","out":"` + mine + `"}`)}, "")
	here, err2 := filepath.Abs("mine")
	if err := errors.Join(err, err2); err != nil || got.Out != here {
		t.Errorf("%+v, want %s: %v", got, here, err)
	}
	// What this host has asked for goes where its own record says.
	h.Out = mine
	record, err := remote.OpenRecord(t.Context(), h.folder())
	if err != nil {
		t.Fatal(err)
	}
	record.ID, record.Home = "aaaaaaaaaaaa", json.RawMessage(`{"out":"`+mine+`"}`)
	err = record.Write(t.Context())
	record.Close()
	if err != nil {
		t.Fatal(err)
	}
	got, err = tr.homeOf(remote.Job{ID: "aaaaaaaaaaaa", Home: json.RawMessage(`{"out":"` + mine + `","junit":"/etc/passwd"}`)}, "")
	if err != nil || got.Out != mine || got.JUnit != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

// What can be no input is told before anything travels: a folder, for one, or a name
// that JSON cannot carry.
func TestOnNoInput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if code, _, stderr := (&other{}).run(t, "convert", "--on", "none.invalid", dir, "out.raw"); code != exitInput || !strings.Contains(stderr, dir+": not a regular file\nimgasm: hint: give a file, not the folder") {
		t.Errorf("a folder: exit code %d\n%s", code, stderr)
	}
	in := filepath.Join(t.TempDir(), "\xffin.raw")
	if err := os.WriteFile(in, nil, 0o600); err != nil {
		t.Skip(err)
	}
	for _, args := range [][]string{{in, "out.raw"}, {"in.raw", "\xffout.raw"}} {
		code, _, stderr := (&other{}).run(t, append([]string{"convert", "--on", "none.invalid"}, args...)...)
		if code != exitInput || !strings.Contains(stderr, "is not UTF-8") {
			t.Errorf("%q: exit code %d\n%s", args, code, stderr)
		}
	}
}

// Who attaches in another folder is told where things go all the same.
func TestOnNames(t *testing.T) {
	t.Parallel()
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	const said = "there/jobs/x/out/image/i.raw: out/image/i.raw of in/0/small.ks"
	for from, want := range map[string]string{
		cwd:     filepath.Join(cwd, "i.raw") + ": i.raw of small.ks",
		"/else": "/else/i.raw: /else/i.raw of /else/small.ks",
	} {
		h := homecoming{There: "there", Cwd: from}
		h.call("out/image/i.raw", "i.raw")
		h.call("in/0/small.ks", "small.ks")
		if got := h.names("x").Replace(said); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Which jobs attach and fetch mean.
func TestMeant(t *testing.T) {
	made := &remote.End{Files: make([]remote.File, 1)}
	jobs := []remote.Job{{ID: "made", End: made}, {ID: "failed", End: &remote.End{Code: 5}}, {ID: "runs"}, {ID: "too", End: made}}
	for _, c := range []struct {
		jobs  []remote.Job
		name  string
		ended bool
		want  string
	}{
		{jobs, "", true, "made too"}, {jobs, "", false, "runs"}, {jobs[:2], "", false, "made failed"}, {jobs, "failed", false, "failed"}, {jobs, "runs", true, "runs"}, {jobs, "other", true, ""},
	} {
		var got []string
		for _, j := range meant(c.jobs, c.name, c.ended) {
			got = append(got, j.ID)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q, ended %v: %q, want %q", c.name, c.ended, got, c.want)
		}
	}
}

// Whatever breaks off the wait for a job that may run, the job is named.
func TestLeft(t *testing.T) {
	hung := &interruptError{syscall.SIGHUP}
	done, cancel := context.WithCancelCause(t.Context())
	cancel(hung)
	for name, c := range map[string]struct {
		t    trip
		err  error
		hint string
	}{
		"a hang-up":        {trip{host: "h", ctx: done, there: done}, hung, "imgasm remote attach h id"},
		"no connection":    {trip{host: "h", ctx: t.Context(), there: t.Context()}, remote.ErrLost, "imgasm remote attach h id"},
		"none, and Ctrl-C": {trip{host: "h", ctx: done, there: t.Context()}, remote.ErrLost, "imgasm remote clean h id"},
	} {
		if err := c.t.left("id", c.err); !strings.Contains(hintOf(err), c.hint) || !errors.Is(err, c.err) {
			t.Errorf("%s: %v; %s", name, err, hintOf(err))
		}
	}
	if err := (&trip{ctx: done, there: done}).left("id", nil); err != nil {
		t.Error(err)
	}
}

// tells reports secrets in the host's files, but for a build's working folder, and in
// the arguments and environments of processes. It returns how many files there are.
func (o *other) tells(t *testing.T) (seen int) {
	t.Helper()
	err := filepath.WalkDir(o.Home, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // it has gone meanwhile
		case d.IsDir() && d.Name() == ".image.qcow2.imgasm":
			return filepath.SkipDir
		case d.Type().IsRegular():
			seen++
			if text, err := os.ReadFile(path); err == nil {
				told(t, path, text)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for _, name := range []string{"cmdline", "environ"} {
		files, err := filepath.Glob("/proc/[0-9]*/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if text, err := os.ReadFile(f); err == nil && bytes.Contains(text, []byte(o.Home)) {
				told(t, f, text)
			}
		}
	}
	return seen
}

// Where an image is built is no part of what it is.
func TestBuildProjectOn(t *testing.T) {
	o := anotherHost(t)
	for _, v := range o.env {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	dir := aProject(t, "")
	file := filepath.Join(dir, "imgasm.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "dist"), 0o755); err != nil {
		t.Fatal(err)
	}
	line := func(on string) (l targetLine) {
		t.Helper()
		changed := strings.Replace(string(text), "defaults: {", "defaults: {on: '"+on+"', ", 1)
		if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(runText(t, "build", "-f", file, "--list", "--json", "good")), &l); err != nil {
			t.Fatal(err)
		}
		return l
	}
	here, there := line("here"), line("ssh://there")
	if here.Key != there.Key || here.On != "here" || there.On != "ssh://there" || there.Fresh {
		t.Errorf("%+v, %+v", here, there)
	}
	runText(t, "build", "-f", file, "good", "pair-raw")
	if got := line("ssh://there"); !got.Fresh {
		t.Errorf("after the build there: %+v", got)
	}
	if got := line("here"); !got.Fresh {
		t.Errorf("it is not the same image here: %+v", got)
	}
	o.none(t)
	line("here")
	var stdout, stderr bytes.Buffer
	t.Setenv("IMGASM_ON", "nix")
	if code := run(t.Context(), []string{"imgasm", "build", "-f", file, "--list"}, nil, &stdout, &stderr, os.Getenv); code != exitInput || !strings.Contains(stderr.String(), "IMGASM_ON: on: nix is for images of the kind nixos") {
		t.Errorf("an installation by Nix: %d, %s", code, &stderr)
	}
}

// What a project says of where a target is built is for us, or for the verb.
func TestPlaced(t *testing.T) {
	for _, c := range []struct{ kind, on, want, args string }{
		{"alma", "", here, ""}, {"alma", "here", here, ""}, {"alma", "ssh://me@there:22", "ssh://me@there:22", "ssh://me@there:22"}, {"alma", "nix", "", ""}, {"alma", "a b", "", ""},
		{nixosVerb, "", nix, ""}, {nixosVerb, "nix", nix, ""}, {nixosVerb, "here", here, ""}, {nixosVerb, "ssh://there", "ssh://there", "ssh://there"},
	} {
		target := project.Target{Name: "x", Kind: c.kind}
		if c.on != "" {
			target.Args = []project.Arg{{Flag: project.Flag{Name: "on"}, Values: []string{c.on}, From: "imgasm.yaml:3"}}
		}
		got, on, err := placed(target)
		if on != c.want || err == nil && got.Get("on") != c.args || (err != nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), "imgasm.yaml:3: on: ") || strings.Contains(fault.Text(err, flagOf), "HOST")) {
			t.Errorf("%+v: on %q, --on %q, %v", c, on, got.Get("on"), err)
		}
	}
}

// The most targets that one host builds at once.
func TestQueues(t *testing.T) {
	all := queues([]aTarget{{on: here}, {on: "a"}, {on: "b"}, {on: "a"}, {on: "nix", Target: project.Target{Kind: nixosVerb}}})
	for on, want := range map[string][]int{here: {0, 4}, "a": {1, 3}, "b": {2}} {
		var got []int
		for i := range all[on] {
			got = append(got, i)
		}
		if !slices.Equal(got, want) {
			t.Errorf("on %s: %v, want %v", on, got, want)
		}
	}
}
