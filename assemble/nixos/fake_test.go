// A nix, a QEMU and a host of the tests' own.

package nixos

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/nixos/nixostest"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/freespace"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// answers are what a nix of the test says to its commands, in shell: the first
// pattern of the command line that fits counts.
type answers []struct{ pattern, script string }

const metadata = `{"url":"path:/flake?narHash=sha256-f7b66UPV157zx/7xJrvGuaXJp6hx1ulbxDgquwgsmg0=","path":"/nix/store/x-source",` +
	`"locks":{"nodes":{"root":{},"nixpkgs":{"locked":{"type":"github","owner":"NixOS","repo":"nixpkgs","rev":"0123456789abcdef0123456789abcdef01234567",` +
	`"narHash":"sha256-f7b66UPV157zx/7xJrvGuaXJp6hx1ulbxDgquwgsmg0="}}}}}`

// built answers a whole build of the image in the folder out.
func built(out string) answers {
	return answers{
		{"--version", "echo 'nix (Nix) 2.26.3'"},
		{"*store info*", `echo '{"url":"daemon","version":"2.26.3","trusted":1}'`},
		{"*config*show*", `echo '{"system":{"value":"aarch64-linux"},"extra-platforms":{"value":[]},"system-features":{"value":["kvm"]},"max-jobs":{"value":1},"builders":{"value":""}}'`},
		// It writes flake.lock as nix does, into the folder that is its last word.
		{"*metadata*", `for last; do :; done; dir=$(echo "${last#path:}" | sed 's/%20/ /g'); [ ! -f "$dir/flake.nix" ] || [ -f "$dir/flake.lock" ] || echo "lock $(cat $0.locks 2>&1)" > "$dir/flake.lock"
			echo x >> $0.locks; echo '` + metadata + `'`},
		{"*path-info*/nix/store/x-source", `echo '{"/nix/store/x-source":{"narHash":"sha256-f7b66UPV157zx/7xJrvGuaXJp6hx1ulbxDgquwgsmg0=","narSize":744}}'`},
		{"*path-info*", `echo '{"/nix/store/absent":null}'`},
		{"* eval *", `echo '{"name":"nixos-disk-image","system":"aarch64-linux","features":["kvm"],"drv":"/nix/store/a.drv","out":"` + out + `"}'`},
		{"*build*", `echo '@nix {"action":"start","id":1,"level":3,"type":105,"text":"","fields":["/nix/store/rbai883gsrhdj7yb050ar0lnpr26a29j-disk.drv","",1,1]}' >&2
			echo '@nix {"action":"result","id":1,"type":101,"fields":["running nixos-install"]}' >&2
			echo '[{"drvPath":"/nix/store/a.drv","outputs":{"out":"` + out + `"}}]'`},
		{"*copy*", ":"},
	}
}

// but is the answers with another one for a pattern.
func (a answers) but(pattern, script string) answers {
	return append(answers{{pattern, script}}, a...)
}

// fakeNix is a nix that gives answers, and the file that keeps what it was asked.
func fakeNix(t *testing.T, a answers) (path, asked string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the fake nix is a shell script")
	}
	path = filepath.Join(t.TempDir(), "nix")
	script := "#!/bin/sh\necho \"$*\" >> $0.asked\ncase \"$*\" in\n"
	for _, c := range a {
		pattern := ""
		for i, part := range strings.Split(c.pattern, "*") {
			if i > 0 {
				pattern += "*"
			}
			pattern += `"` + part + `"`
		}
		script += pattern + ") " + c.script + ";;\n"
	}
	script += "*) echo \"error: the test knows no answer\" >&2; exit 1;;\nesac\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path, path + ".asked"
}

// imageOf is a folder as Nix builds it, with the image of a disk.
func imageOf(t *testing.T, console string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "image")
	if err := errors.Join(os.Mkdir(out, 0o700), os.Rename(nixostest.Disk(t, arch.AArch64, console), filepath.Join(out, "nixos.img"))); err != nil {
		t.Fatal(err)
	}
	return out
}

// comesUp is a guest whose console has a prompt.
var comesUp = qemutest.Script{Steps: qemutest.Steps(qemutest.Serial("<<< Welcome to NixOS >>>\r\nnixos login: "), qemutest.Await("system_powerdown"), qemutest.PowerOff())}

// testSpec asks for an image by a nix that gives answers, booted by a QEMU of the test.
func testSpec(t *testing.T, a answers, guest qemutest.Script) (Spec, string) {
	t.Helper()
	nix, asked := fakeNix(t, a)
	return Spec{
		Arch: "aarch64", Build: Build{Nix: nix}, Output: assemble.Output{Out: filepath.Join(t.TempDir(), "out.qcow2")},
		Machine: Machine{Accel: "tcg", QEMU: qemutest.Executable(t, guest), Firmware: nixostest.Firmware(t)},
	}, asked
}

func testHost(t *testing.T) host.Host {
	t.Helper()
	return host.Host{OS: runtime.GOOS, CPUs: 2, Free: freespace.Bytes, CacheDir: filepath.Join(t.TempDir(), "a cache"), Now: time.Now, Version: "test", Getenv: func(string) string { return "" }}
}

type recorder struct {
	mu     sync.Mutex
	events []event.Event
}

func (r *recorder) sink(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// texts are those of a kind of events.
func (r *recorder) texts(kind event.Kind) (all []string) {
	for _, e := range r.events {
		if e.Kind == kind {
			all = append(all, e.Text)
		}
	}
	return all
}

// run resolves and runs.
func run(ctx context.Context, t *testing.T, h host.Host, s Spec) (*assemble.Result, *recorder, error) {
	t.Helper()
	r := &recorder{}
	p, err := Resolve(ctx, h, s)
	if err != nil {
		return nil, r, err
	}
	result, err := p.Run(ctx, r.sink)
	return result, r, err
}

// commands are what a fake nix was asked, without the flags of every call.
func commands(t *testing.T, asked string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(asked)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "--extra-experimental-features nix-command flakes --log-format internal-json ")
		all = append(all, line)
	}
	return all
}
