// A machine that boots a copy of the image, and who is logged in to it.

package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/boottest"
	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/assemble/seed"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/freespace"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/console"
)

// SSHPort is where the guest's ssh server listens.
const SSHPort = 22

// clone is one machine.
type clone struct {
	n     int // from 1
	vm    *qemu.VM
	guest *watch.Guest
	port  int // of this host, where the guest's ssh server is

	locked   chan struct{} // closed when the passphrase of a disk was asked for on the console
	prompted chan struct{} // closed when a login prompt came there
	banner   chan struct{} // closed when the ssh server has said who it is
	answered chan struct{} // closed when the login is decided
	ended    chan struct{} // closed when the machine is not followed any more

	// What follows is set before the channel that tells of it is closed.
	prompt   string
	upAt     time.Duration // from power-on to the first sign of life
	login    *session      // nil: nobody could log in, because of noLogin
	noLogin  error
	failure  *anaconda.Failure
	err      error
	up       sync.Once
	ctx      context.Context // ends with the machine
	stop     context.CancelFunc
	greeting string // the ssh server's banner
	hostKeys *hostKeys
}

// LogFile is the name, in Options.Dir, of what the nth machine said on its serial
// console.
func LogFile(n int) string {
	if n == 1 {
		return "boot-serial.log"
	}
	return fmt.Sprintf("boot-serial-%d.log", n)
}

// loginPrompt is getty's prompt: "localhost login: ". A message of the kernel may
// follow on the same line.
var loginPrompt = regexp.MustCompile(`^\S+ login:( |$)`)

// asksPassphrase is what systemd-cryptsetup asks for, "Please enter passphrase for disk
// vda3 (luks-…):" (systemd src/cryptsetup/cryptsetup.c).
const asksPassphrase = "Please enter passphrase for disk"

// boot starts the nth machine and begins to follow it.
func (r *run) boot(parent context.Context, n int) (*clone, error) {
	dir := MachineDir(r.Dir, n)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if err := r.files(dir, n); err != nil {
		return nil, err
	}
	vm, err := r.Machine.Start(parent, Config(r.Machine.Config, dir), dir, qemu.Options{})
	if err != nil {
		return nil, err
	}
	c := &clone{
		n: n, vm: vm, locked: make(chan struct{}), prompted: make(chan struct{}), banner: make(chan struct{}), answered: make(chan struct{}), ended: make(chan struct{}), hostKeys: &hostKeys{},
	}
	if c.port, err = vm.ForwardedPort(parent, SSHPort); err != nil {
		vm.Close()
		return nil, err
	}
	off := 20 * time.Second
	if r.Machine.Accel.Emulated() {
		off = 2 * time.Minute
	}
	c.guest = watch.New(vm, anaconda.New(anaconda.Config{Arch: r.Image.Arch, Accel: r.Machine.Accel.Accel, Field: r.Field, Stall: -1, Installed: true}), watch.Options{
		What: "the verification", Timeout: r.Timeout, OffWait: off, Emit: r.said(n),
		SpaceWait: time.Minute, Free: func() (int64, error) { return freespace.Bytes(r.Dir) },
		Keep: func(string) (*os.File, error) {
			return os.OpenFile(filepath.Join(r.Dir, LogFile(n)), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		},
	})
	ctx, stop := context.WithCancel(parent)
	c.ctx, c.stop = ctx, stop
	ignore := func(error) {} // a panic is told by what guard.Call returns
	go guard.Func(func() {
		defer close(c.ended)
		defer stop()
		c.err = guard.Call(func() (err error) {
			c.failure, err = c.guest.Follow(ctx, c.record)
			if ctx.Err() != nil { // we have ended it
				return nil
			}
			return err
		})
	}, ignore)()
	go guard.Func(func() {
		defer close(c.answered)
		if err := guard.Call(func() error { return r.logIn(ctx, c) }); err != nil {
			c.noLogin = err
		}
	}, ignore)()
	return c, nil
}

// Names of a machine's files in its folder.
const (
	overlayFile = "overlay.qcow2"
	seedFile    = "seed.iso"
)

// MachineDir is the folder of the nth machine's files in Options.Dir.
func MachineDir(dir string, n int) string { return filepath.Join(dir, fmt.Sprintf("machine-%d", n)) }

// Config is a machine with the drives and the network of a verification, the files
// of which are in dir.
func Config(c qemu.Config, dir string) qemu.Config {
	c.Drives = []qemu.Drive{
		{ID: "image", Path: filepath.Join(dir, overlayFile), Format: "qcow2", Bus: qemu.VirtioBlk, BootIndex: 1, Cache: "unsafe"},
		{ID: "cidata", Path: filepath.Join(dir, seedFile), Bus: qemu.VirtioBlk, ReadOnly: true},
	}
	c.Net = &qemu.Net{Restrict: true, Forwards: []qemu.Forward{{GuestPort: SSHPort}}} // QEMU chooses the host's port
	return c
}

// files makes the nth machine's overlay and seed in dir.
func (r *run) files(dir string, n int) error {
	if err := qcow2.CreateOverlay(filepath.Join(dir, overlayFile), r.Image.Path, r.Image.Format, r.Image.SizeBytes+GrowBytes); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, seedFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = seed.Write(f, seed.Seed{InstanceID: fmt.Sprintf("imgasm-verify-%d-%s", n, r.key.id), Hostname: hostname(n), User: r.seededUser(), SSHKeys: []string{r.key.public}})
	return errors.Join(err, f.Close())
}

// hostname is what the nth machine is called.
func hostname(n int) string { return fmt.Sprintf("imgasm-verify-%d", n) }

// seededUser gets the seed's key. NixOS makes no users by cloud-init, and its sudo
// is not cloud-init's to configure.
func (r *run) seededUser() string {
	if r.Inside != nil && r.Inside.NixOS {
		return "root"
	}
	return "imgasm"
}

// said passes on what is of interest of the nth machine's events: those of an
// installation are not.
func (r *run) said(n int) event.Sink {
	return func(e event.Event) {
		if e.Kind == event.Phase || e.Kind == event.Progress || e.Kind == event.Console && n > 1 {
			return
		}
		r.Emit(e)
	}
}

// record looks at a line of the console.
func (c *clone) record(l console.Record) {
	text := strings.TrimSpace(l.Text)
	if strings.Contains(text, asksPassphrase) && !is(c.locked) {
		close(c.locked)
	}
	if c.prompt != "" || !loginPrompt.MatchString(l.Text) || strings.HasPrefix(text, "Last ") {
		return
	}
	prompt, _, _ := strings.Cut(text, " login:")
	c.prompt = prompt + " login:"
	c.alive()
	close(c.prompted)
}

// alive notes the first sign of life.
func (c *clone) alive() { c.up.Do(func() { c.upAt = time.Since(c.guest.Begun) }) }

// is reports whether a channel is closed.
func is(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (c *clone) down() bool { return is(c.ended) }

// fate is why a machine is down.
func (c *clone) fate() string {
	switch {
	case c.failure != nil && c.failure.Class == anaconda.ClassEnded:
		return "it went down by itself"
	case c.failure != nil:
		return c.failure.Meaning
	case c.err != nil:
		return c.err.Error()
	}
	return "it powered off"
}

// words are the guest's own about its end.
func (c *clone) words() (said []string) {
	if c.failure == nil {
		return nil
	}
	for _, l := range append(c.failure.Context, c.failure.Lines...) {
		said = append(said, l.Text)
	}
	return said
}

// mute says why nobody can be asked; "": somebody is logged in.
func (c *clone) mute() string {
	switch {
	case !is(c.answered):
		return "nobody is logged in yet"
	case c.login == nil:
		return "nobody could log in: " + c.noLogin.Error()
	case c.login.proofOnly:
		return fmt.Sprintf("nothing in the image reads a seed (no cloud-init), and %s's account only proves that one can log in", c.login.user)
	}
	return ""
}

// proof is what was seen of the boot; nil: nothing.
func (c *clone) proof() *boottest.Proof {
	p := &boottest.Proof{Seconds: c.upAt.Seconds()}
	if is(c.prompted) {
		p.Login = c.prompt
	}
	if is(c.banner) {
		p.SSH = c.greeting
	}
	if is(c.answered) && c.login != nil {
		p.User = c.login.user
	}
	if p.Login == "" && p.SSH == "" {
		return nil
	}
	return p
}

func (c *clone) close() {
	c.stop()
	c.vm.Close()
	<-c.ended
	<-c.answered
	if c.login != nil {
		c.login.Close()
	}
	_ = c.guest.FinishLogs()
}
