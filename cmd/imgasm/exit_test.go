package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/alma"
	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/assemble/source"
	"github.com/imgasm/imgasm/assemble/verify"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/accel"
)

func TestExitCode(t *testing.T) {
	bad := errors.New("bad")
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{bad, 1},
		{&usageError{text: "no such flag"}, 2},
		{badInput("--out", bad, ""), 3},
		{alma.ErrLint, 3},
		{errFindings, 3},
		{lackingHost(bad, ""), 4},
		{firmware.NotFound("x86_64", false, nil), 4},
		{&fault.Error{Class: qemu.ErrMissing, Err: bad}, 4},
		{qemu.ErrOld, 4},
		{qemu.ErrNoAnswer, 4},
		{accel.ErrUnusable, 4},
		{errNotReady, 4},
		// A file that nobody named is no invalid input; one that a user named is.
		{&fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}, 1},
		{&fs.PathError{Op: "read", Path: "x", Err: syscall.EISDIR}, 1},
		{ofUser(&fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}), 3},
		{&fault.Error{Class: source.ErrVerify, Err: bad}, 3},
		{&fault.Error{Class: source.ErrDownload, Err: bad}, 4},
		{iso.ErrCorrupt, 3},
		// The outermost class decides.
		{lackingHost(iso.ErrNotISO, ""), 4},
		{badInput("", source.ErrDownload, ""), 3},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, 4},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.ENOSPC}, 4},
		{&fs.PathError{Op: "truncate", Path: "x", Err: syscall.EFBIG}, 4},
		{&fs.PathError{Op: "mkdir", Path: "x", Err: fs.ErrPermission}, 4},
		{&fs.PathError{Op: "fork/exec", Path: "x", Err: fs.ErrPermission}, 1},
		{&assemble.KeptError{Err: watch.Failed(&watch.Error{Failure: &anaconda.Failure{}})}, 5},
		{&fault.Error{Class: alma.ErrCannotBoot, Err: bad}, 5},
		{&fault.Error{Class: verify.ErrFailed, Err: bad}, 5},
		{assemble.ErrPanic, 1},
		{watch.Failed(&watch.Error{Failure: &anaconda.Failure{TimedOut: true}}), 6},
		{watch.ErrTimeout, 6},
		{assemble.ErrStuck, 6},
		{assemble.ErrForeign, 3},
		{assemble.ErrBusy, 1},
		{context.Canceled, 130},
		{&interruptError{os.Interrupt}, 130},
		{&interruptError{syscall.SIGPIPE}, 141},
		{&fs.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.EPIPE}, 141},
		{&net.OpError{Op: "write", Net: "unix", Err: syscall.EPIPE}, 1}, // a QEMU that has gone
		{fmt.Errorf("%w: %w", &interruptError{os.Interrupt}, lackingHost(bad, "")), 130},
	} {
		for _, err := range []error{c.err, fmt.Errorf("build: %w", c.err)} {
			if c.err == nil {
				err = nil
			}
			if got := exitCode(err); got != c.want {
				t.Errorf("%T %v: exit code %d, want %d", c.err, err, got, c.want)
			}
		}
	}
}
