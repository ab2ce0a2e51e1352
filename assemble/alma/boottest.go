// The step that has the finished image prove that it boots.

package alma

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/boottest"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/console"
)

// BootTest is what a boot test gives.
type BootTest = boottest.Proof

// bootTest starts the image as its user will.
func (b *build) bootTest(ctx context.Context) (string, error) {
	if err := b.prepareFirmware(&b.TestMachine); err != nil {
		return "", err
	}
	vm, err := qemu.Start(ctx, b.TestMachine, qemu.Options{})
	if err != nil {
		return "", b.startError(err)
	}
	defer vm.Close()
	port, err := vm.ForwardedPort(ctx, sshPort)
	if err != nil {
		return "", err
	}
	timeout, off := 5*time.Minute, 20*time.Second
	if b.Accel.Emulated() {
		timeout, off = 20*time.Minute, time.Minute
	}
	f := newFollower(vm, anaconda.New(anaconda.Config{Arch: b.Arch.Name, Accel: b.Accel.Accel, Stall: -1, Installed: true}), func(e event.Event) {
		// The machine names phases of an installation; this is none.
		if e.Kind != event.Phase && e.Kind != event.Progress {
			b.emit(e)
		}
	})
	f.keep = func(string) (*os.File, error) { return b.ws.create(testSerialFile) }
	defer f.finishLogs()
	guest := &testedGuest{f, timeout, off}
	proof, failure, err := boottest.Run(ctx, guest, f.begun, port, boottest.Login(b.Kickstart.Login))
	if failure != nil && failure.Class == anaconda.ClassEnded {
		failure, err = nil, boottest.Unproven(errors.New("the image went down before anybody could log in"))
	}
	if failure != nil || err != nil {
		return "", b.failed(ctx, f, theBootTest, failure, err)
	}
	b.tested = proof
	return proof.String(), nil
}

// testedGuest is the image's machine, as a boot test wants to have it.
type testedGuest struct {
	f                *follower
	timeout, offTime time.Duration
}

// Follow is boottest.Guest's.
func (g *testedGuest) Follow(ctx context.Context, record func(console.Record)) (*anaconda.Failure, error) {
	g.f.record = record
	return g.f.follow(ctx, followOptions{timeout: g.timeout, what: theBootTest})
}

// PowerOff asks the guest to power off and reports whether it did, in time.
func (g *testedGuest) PowerOff(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, g.offTime)
	defer cancel()
	down := g.f.vm.Events("SHUTDOWN")
	defer down.Close()
	if err := g.f.vm.Monitor.Do(ctx, "system_powerdown", nil, nil); err != nil {
		return false
	}
	select {
	case <-down.C():
		return true
	case <-g.f.vm.Done():
		return true
	case <-ctx.Done():
		g.f.emit(event.Event{Kind: event.Note, Text: fmt.Sprintf("the image did not power off within %s of being asked to; it was switched off", g.offTime)})
		return false
	}
}
