package qemu

// A running QEMU: started with its guest stopped, watched, ended.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/qemu/monitor"
)

// startTimeout is how long QEMU may take to connect: tens of milliseconds in
// health; a loaded host with much memory to clear may need seconds.
const startTimeout = 60 * time.Second

// quitTimeout is how long QEMU may take to end after QMP's "quit": it flushes
// its disks.
const quitTimeout = 10 * time.Second

// Options say how a machine is started. The zero value works.
type Options struct {
	// RunDir is a directory for the sockets, short, ours alone (mode 0700),
	// that the caller removes. "": one is made in the system's temporary
	// directory and removed by Close.
	RunDir string
}

// VM is a running QEMU. Close must be called, whatever happened; all methods
// may be called by any goroutine.
type VM struct {
	// Monitor is the QMP connection. It ends when QEMU does.
	Monitor *monitor.Client
	// Serial is the serial console, both ways. Somebody must read it always,
	// and at once: QEMU sends each byte of the UART by itself, some 270 of them
	// fill the socket, and then the guest stands still. (Reads 10 ms apart
	// slowed a guest that prints much to a seventh: measured.)
	Serial net.Conn

	argv  []string
	proc  *proc.Process
	links links
	ports map[string]net.Conn
	clean func()
	once  sync.Once
}

// Start starts QEMU with the guest stopped (Cont lets it go), connected to
// Monitor, Serial and every port. ctx bounds the start only.
//
// Errors: ErrConfig, ErrMissing; ErrStart with QEMU's own words when it ended
// instead of connecting.
func Start(ctx context.Context, c Config, o Options) (*VM, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return start(ctx, c.withDefaults().Binary, c.Ports, c.Args, o)
}

// start runs QEMU with the arguments that args makes of the links.
func start(ctx context.Context, binary string, ports []Port, args func(Links) []string, o Options) (*VM, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout,
		fmt.Errorf("QEMU has not connected in %v: %w", startTimeout, context.DeadlineExceeded))
	defer cancel()
	path, err := Find(binary)
	if err != nil {
		return nil, err
	}
	dir, clean, err := runDir(o.RunDir)
	if err != nil {
		return nil, err
	}
	ls, err := openLinks(runtime.GOOS, dir, ports)
	if err != nil {
		clean()
		return nil, err
	}
	cmd := proc.Cmd{Path: path, Args: args(ls.links())}
	p, err := cmd.Start()
	if err != nil {
		ls.close()
		clean()
		return nil, err
	}
	vm := &VM{argv: cmd.Argv(), proc: p, links: ls, clean: clean, ports: make(map[string]net.Conn)}
	if err := vm.connect(ctx, ports); err != nil {
		return nil, vm.failedStart(err)
	}
	return vm, nil
}

func (vm *VM) connect(ctx context.Context, ports []Port) error {
	if err := vm.links.accept(ctx, vm.proc.Done()); err != nil {
		return err
	}
	vm.Monitor = monitor.New(vm.links[0].conn)
	vm.Serial = vm.links[1].conn
	for i, p := range ports {
		vm.ports[p.Name] = vm.links[2+i].conn
	}
	return vm.Monitor.Handshake(ctx)
}

// failedStart ends what is left of a start and says why it failed: QEMU's own
// words if it ended by itself.
func (vm *VM) failedStart(why error) error {
	// A QEMU that is ending closes its sockets first: give it the time to say why.
	if !errors.Is(why, context.Canceled) && !errors.Is(why, context.DeadlineExceeded) {
		select {
		case <-vm.proc.Done():
		case <-time.After(time.Second):
		}
	}
	ended := false
	select {
	case <-vm.proc.Done():
		ended = true
	default:
	}
	said := vm.proc.Stderr()
	vm.Close()
	if err := vm.proc.Wait(); ended {
		var failed *proc.Error
		if !errors.As(err, &failed) {
			failed = &proc.Error{Argv: vm.argv, Stderr: said, Err: errors.New("ended at once, with status 0")}
		}
		return notStarted(failed)
	}
	return notStarted(&proc.Error{Argv: vm.argv, Code: -1, Stderr: said, Err: why})
}

// Port is the connection to a virtio-serial port, nil if there is none of this
// name. Like Serial it must be read always.
func (vm *VM) Port(name string) net.Conn {
	if c, ok := vm.ports[name]; ok {
		return c
	}
	return nil
}

// Argv is QEMU's command, the executable first: proc.Quote makes it pasteable.
func (vm *VM) Argv() []string { return vm.argv }

// Pid is QEMU's process number.
func (vm *VM) Pid() int { return vm.proc.Pid() }

// Stderr is the tail of what QEMU has said on stderr.
func (vm *VM) Stderr() string { return vm.proc.Stderr() }

// Cont lets the guest run.
func (vm *VM) Cont(ctx context.Context) error { return vm.Monitor.Do(ctx, "cont", nil, nil) }

// Events delivers QMP events by name, all without names: see monitor.Subscription.
func (vm *VM) Events(names ...string) *monitor.Subscription { return vm.Monitor.Subscribe(names...) }

// Done is closed when QEMU has ended.
func (vm *VM) Done() <-chan struct{} { return vm.proc.Done() }

// Wait waits for QEMU's end: nil if it ended with status 0, else a *proc.Error.
// That says nothing about the guest: a panicked one ends with 0 too.
func (vm *VM) Wait() error { return vm.proc.Wait() }

// Quit ends QEMU in order: QMP's "quit", and, when that does not help within
// 10 s or until ctx ends, by Kill. It returns when QEMU has ended.
func (vm *VM) Quit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, quitTimeout)
	defer cancel()
	// QEMU may end before it answers; it may also be deaf. What counts is its end.
	go guard.Func(func() { _ = vm.Monitor.Do(ctx, "quit", nil, nil) }, func(error) { cancel() })()
	select {
	case <-vm.Done():
	case <-ctx.Done():
		vm.Kill()
	}
	return vm.Wait()
}

// Kill ends QEMU at once, as by pulling the plug, and returns when it has ended.
func (vm *VM) Kill() {
	vm.proc.Kill()
	<-vm.proc.Done()
}

// Close kills QEMU if it runs, and gives back everything: connections, sockets,
// the run directory. What Serial and the ports still hold is lost, so read them
// to their end first. Close may be called any number of times.
func (vm *VM) Close() error {
	vm.once.Do(func() {
		vm.Kill()
		if vm.Monitor != nil {
			vm.Monitor.Disconnect()
		}
		vm.links.close()
		vm.clean()
	})
	return nil
}
