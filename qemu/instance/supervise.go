package instance

// The supervisor: it starts the machine, reads its console, serves those who
// want something of it, and leaves nothing behind.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/digitalocean/go-qemu/qmp"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/freespace"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/tmpdir"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/console"
	"github.com/imgasm/imgasm/qemu/monitor"
)

// lostEvery is how often a supervisor looks whether its folder is still there.
const lostEvery = 500 * time.Millisecond

// End is how a machine has ended.
type End string

// The ends.
const (
	PoweredOff End = "powered off" // by the guest itself
	Ended      End = "ended"       // by its user
	Lost       End = "lost"        // its folder has vanished
	Failed     End = "failed"      // QEMU ended by itself
)

// keptGrace is how long a guest may take to power off when its supervisor is
// interrupted, if what it writes is kept. Others have nothing to lose.
const keptGrace = 30 * time.Second

// supervisor owns a machine.
type supervisor struct {
	*Folder
	vm      *qemu.VM
	log     *consoleLog
	console *console.Server
	control net.Listener
	end     func(End) // ends the machine; only the first counts
	all     sync.WaitGroup
	hearing sync.Mutex // of the log, and the order of what is told
	picture sync.Mutex
	full    bool // the guest waits for room on the host's disk
}

// Run starts the instance's machine, calls ready when it runs, and supervises it
// until it ends or ctx does. Then nothing is left of the instance.
//
// Errors: ErrPort; ErrLost; those of qemu.Start; QEMU's own failure while it ran.
func (f *Folder) Run(ctx context.Context, spec Spec, ready func(*Instance)) (End, error) {
	defer f.leave()
	f.Spec = spec
	removeSockets, err := f.makeSockets()
	if err != nil {
		return Failed, err
	}
	defer removeSockets()
	ended := make(chan End, 1)
	s := &supervisor{Folder: f, end: func(e End) {
		select {
		case ended <- e:
		default:
		}
	}}
	if err := s.start(ctx); err != nil {
		if s.log != nil {
			s.log.close()
		}
		return Failed, err
	}
	serving, stop := context.WithCancel(ctx)
	defer s.close(stop)
	if err := s.serve(serving); err != nil {
		return Failed, err
	}
	off, failed := s.vm.Events("SHUTDOWN"), s.vm.Events("BLOCK_IO_ERROR")
	defer off.Close()
	defer failed.Close()
	if err := s.vm.Cont(ctx); err != nil {
		return Failed, err
	}
	ready(&f.Instance)
	return s.follow(ctx, ended, off, failed.C())
}

// follow waits for the machine's end. off has its SHUTDOWN event, failed what its
// drives could not do.
func (s *supervisor) follow(ctx context.Context, ended <-chan End, off *monitor.Subscription, failed <-chan qmp.Event) (End, error) {
	look := time.NewTicker(lostEvery)
	defer look.Stop()
	for {
		select {
		case e, ok := <-failed:
			if !ok {
				failed = nil
			}
			if full, _ := e.Data["nospace"].(bool); full && !s.full {
				s.full = true
				s.say("the host's disk is full: the guest waits until there is room")
			}
		case <-s.vm.Done():
			select {
			case end := <-ended: // by whom QEMU was ended
				return end, nil
			default:
			}
			err := s.vm.Wait()
			e, said := <-off.C() // which is closed when QEMU has said all
			if guest, _ := e.Data["guest"].(bool); err == nil && said && guest {
				return PoweredOff, nil
			}
			return Failed, &fault.Error{Class: ErrQEMU, Err: errors.Join(errors.New("QEMU has ended while the guest ran"), err)}
		case end := <-ended:
			if end == Failed {
				return end, &fault.Error{Class: ErrSupervisor, Err: errors.New("the supervisor has a defect: its machine was ended")}
			}
			s.quit(ctx)
			return end, nil
		case <-ctx.Done():
			end := Ended
			if s.Kept && s.stop(context.WithoutCancel(ctx), keptGrace).Ended {
				end = PoweredOff
			}
			s.quit(ctx)
			return end, context.Cause(ctx)
		case <-look.C:
			if s.lost() {
				s.vm.Kill()
				return Lost, &fault.Error{Class: ErrLost, Err: fmt.Errorf("%s is gone: its machine was ended", s.Dir)}
			}
			if s.full && s.room() && s.vm.Cont(ctx) == nil {
				s.full = false
				s.say("there is room: the guest goes on")
			}
		}
	}
}

// enoughRoom is what must be free, in bytes, before a guest that filled the
// host's disk goes on: with less it would soon stop again.
const enoughRoom = 64 << 20

// room reports whether the disk of what the guest writes has room.
func (s *supervisor) room() bool {
	for _, d := range s.VM.Drives {
		if d.ReadOnly || d.Snapshot {
			continue
		}
		if n, err := freespace.Bytes(filepath.Dir(d.Path)); err == nil && n < enoughRoom {
			return false
		}
	}
	return true
}

// say tells those who watch the console, and the log, what the guest cannot know.
func (s *supervisor) say(text string) {
	s.heard([]byte("\r\n[imgasm: " + text + "]\r\n"))
}

// heard takes what is said on the console.
func (s *supervisor) heard(p []byte) {
	s.hearing.Lock()
	defer s.hearing.Unlock()
	_, _ = s.log.Write(p)
	s.console.Said(p)
}

// quit ends QEMU in order, so that what it holds of the image is written.
func (s *supervisor) quit(ctx context.Context) { _ = s.vm.Quit(context.WithoutCancel(ctx)) }

// start starts QEMU, with the first free port that leads to the guest's ssh server.
func (s *supervisor) start(ctx context.Context) (err error) {
	if s.log, err = newConsoleLog(s.Dir); err != nil {
		return err
	}
	me, err := self()
	if err != nil {
		return err
	}
	s.Owner, s.Supervisor, s.Began = me, me.Pid, time.Now()
	s.VM.Name = cmp.Or(s.VM.Name, "imgasm "+s.Name)
	if p := given(s.VM.Net); p != 0 {
		s.SSH.Port = p
	} else if s.SSH.Port != 0 && s.VM.Net != nil {
		return s.startOnFreePort(ctx)
	}
	return s.startOn(ctx, s.VM)
}

func (s *supervisor) startOn(ctx context.Context, c qemu.Config) (err error) {
	s.vm, err = qemu.Start(ctx, c, qemu.Options{RunDir: s.Sockets})
	return err
}

// given is the port of the host that a configuration forwards to the guest's ssh
// server; 0: none.
func given(n *qemu.Net) int {
	if n == nil {
		return 0
	}
	for _, f := range n.Forwards {
		if f.GuestPort == GuestPort {
			return f.HostPort
		}
	}
	return 0
}

// portsTried is how many ports are tried from the one that is asked for on.
const portsTried = 200

func (s *supervisor) startOnFreePort(ctx context.Context) error {
	first := s.SSH.Port
	for port := first; port < min(first+portsTried, 1<<16); port++ {
		if slices.ContainsFunc(s.VM.Net.Forwards, func(f qemu.Forward) bool { return f.HostPort == port }) || !free(port) {
			continue
		}
		c, n := s.VM, *s.VM.Net
		n.Forwards = append(slices.Clone(n.Forwards), qemu.Forward{HostPort: port, GuestPort: GuestPort})
		c.Net = &n
		err := s.startOn(ctx, c)
		if err == nil {
			s.SSH.Port, s.VM = port, c
			return nil
		}
		// Between our look and QEMU's somebody may have taken it. Another port that is
		// taken is the user's matter.
		_, rule, taken := strings.Cut(err.Error(), "Could not set up host forwarding rule")
		if !taken || !strings.Contains(rule, fmt.Sprintf(":%d-", port)) {
			return err
		}
	}
	return &fault.Error{Class: ErrPort, Field: "Ports", Err: fmt.Errorf("no port from %d to %d is free for the guest's ssh server", first, first+portsTried-1), Do: "give one: {Ports} PORT:22"}
}

// free reports whether nobody listens on a port of the loopback.
func free(port int) bool {
	l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// makeSockets finds a place for the sockets: the instance's folder, where paths
// in it are short enough.
func (f *Folder) makeSockets() (remove func(), err error) {
	if f.Sockets = f.Dir; len(f.Dir)+len("/"+controlSocket) <= tmpdir.MaxSocketPath(runtime.GOOS) {
		return func() {}, nil
	}
	if f.Sockets, remove, err = tmpdir.Sockets(len(controlSocket)); err != nil {
		err = &fault.Error{Class: ErrSupervisor, Err: err}
	}
	return remove, err
}

// serve opens the sockets and begins to read the console.
func (s *supervisor) serve(ctx context.Context) error {
	l, err := net.Listen("unix", filepath.Join(s.Sockets, consoleSocket))
	if err != nil {
		return err
	}
	s.console = console.Serve(l, s.vm.Serial, func() []byte { return []byte(s.log.tail.String()) })
	if s.control, err = net.Listen("unix", filepath.Join(s.Sockets, controlSocket)); err != nil {
		return err
	}
	failed := func(error) { s.end(Failed) }
	s.all.Go(guard.Func(s.read, failed))
	s.all.Go(guard.Func(func() { s.accept(ctx) }, failed))
	return s.write(ctx)
}

// read takes what the guest says, at once and always: see qemu.VM.
func (s *supervisor) read() {
	buf := make([]byte, 64<<10)
	for {
		n, err := s.vm.Serial.Read(buf)
		if n > 0 {
			s.heard(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// close ends what is left of the machine, and gives everything back.
func (s *supervisor) close(stop func()) {
	s.vm.Kill()
	stop()
	if s.control != nil {
		s.control.Close()
	}
	if s.console != nil {
		s.console.Close()
	}
	_ = s.vm.Close()
	s.all.Wait()
	s.log.close()
	for _, name := range []string{consoleSocket, controlSocket} {
		_ = os.Remove(filepath.Join(s.Sockets, name))
	}
}
