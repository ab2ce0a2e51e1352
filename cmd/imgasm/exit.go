// Exit codes: one table from errors to codes.

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/assemble/verify"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/fault"
)

// The exit codes of every verb.
const (
	exitDone        = 0
	exitOther       = 1   // and differences, of diff and image compare
	exitUsage       = 2   // the flags or arguments are the wrong ones: unknown, missing, too many, or two that exclude each other
	exitInput       = 3   // they are the right ones, and what one of them says or names cannot be used; or lint findings
	exitHost        = 4   // this host lacks something
	exitInstall     = 5   // the guest's installation failed
	exitTimeout     = 6   // timed out or stalled
	exitInterrupted = 130 // stopped by a signal
	exitUnread      = 141 // nobody reads what is printed any more, as after | head: a shell's code for SIGPIPE
)

// interruptError is a signal that asked us to stop.
type interruptError struct{ signal os.Signal }

func (e *interruptError) Error() string {
	if name, ok := signalNames[e.signal]; ok {
		return "stopped by " + name
	}
	return "stopped by " + e.signal.String()
}

// signalNames are the names that people know of the signals that main listens for.
var signalNames = map[os.Signal]string{os.Interrupt: "SIGINT (Ctrl-C)", syscall.SIGTERM: "SIGTERM", syscall.SIGHUP: "SIGHUP"}

// errReported marks an error whose text the user has already seen, such as a
// list of lint findings; it only carries the exit code's class.
var errReported = errors.New("already reported")

// errFindings is a file with lint findings, already printed.
var errFindings = errors.New("findings")

// errDiffer is two images that differ: what differs is already printed.
var errDiffer = fmt.Errorf("they differ: %w", errReported)

// statusError is a program that ran in our place and did not end with 0: its exit
// code is ours, and it has said why itself.
type statusError struct{ code int }

func (e *statusError) Error() string { return fmt.Sprintf("exit status %d", e.code) }

// Is makes it one whose text nobody needs.
func (e *statusError) Is(target error) bool { return target == errReported }

// thereError is how another host has ended what it was asked to do.
type thereError struct {
	code       int
	text, hint string
	reported   bool // people have read why
}

func (e *thereError) Error() string        { return e.text }
func (e *thereError) Hint() string         { return e.hint }
func (e *thereError) Is(target error) bool { return e.reported && target == errReported }

// advisedError is an error with other advice than its own.
type advisedError struct {
	error
	do string
}

func (e *advisedError) Unwrap() error { return e.error }
func (e *advisedError) Hint() string  { return e.do }

// exitCode maps an error to the exit code that stands for it.
func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	var ran *statusError
	if errors.As(err, &ran) {
		return ran.code
	}
	var there *thereError
	if errors.As(err, &there) {
		return there.code
	}
	for _, row := range anywhere {
		if row.is(err) {
			return row.code
		}
	}
	if code, ok := kindCodes[fault.KindOf(err)]; ok {
		return code
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EFBIG) || unmade(err) != nil {
		return exitHost
	}
	return exitOther
}

// kindCodes are the codes of kinds: of the outermost class in an error.
var kindCodes = map[fault.Kind]int{fault.Input: exitInput, fault.Host: exitHost, fault.Guest: exitInstall, fault.Timeout: exitTimeout}

// anywhere is what decides wherever it stands in an error, in this order.
var anywhere = []struct {
	code int
	is   func(error) bool
}{
	{exitUnread, isUnread},
	{exitInterrupted, as[*interruptError]},
	{exitInterrupted, func(err error) bool { return errors.Is(err, context.Canceled) }},
	{exitUsage, as[*usageError]},
	{exitInput, func(err error) bool { return errors.Is(err, errFindings) }},
	{exitInput, func(err error) bool { return errors.Is(err, errUnevaluated) }},
	{exitHost, func(err error) bool { return errors.Is(err, errNotReady) || errors.Is(err, errNoBuilder) }},
}

// ofUser marks an error of a file that the user named: it is invalid input,
// where any other file that cannot be opened is a fault of ours.
func ofUser(err error) error {
	if err == nil {
		return nil
	}
	return badInput("", err, "")
}

// Classes of errors of the verbs' own.
var (
	errInput = fault.Class(fault.Input, "what was given cannot be used")
	errHost  = fault.Class(fault.Host, "this host lacks something")
	errLate  = fault.Class(fault.Timeout, "it took too long")
)

// badInput is about a flag, or "" where the text says what it is about.
func badInput(flag string, err error, do string) error {
	return &fault.Error{Class: errInput, Field: flag, Err: err, Do: do}
}

func lackingHost(err error, do string) error {
	return &fault.Error{Class: errHost, Err: err, Do: do}
}

// isUnread is what comes of a pipe that nobody reads: the signal, or the write.
func isUnread(err error) bool {
	var stop *interruptError
	if errors.As(err, &stop) {
		return stop.signal == syscall.SIGPIPE
	}
	var file *fs.PathError
	return errors.As(err, &file) && file.Op == "write" && ui.IsStream(file.Path) && errors.Is(err, syscall.EPIPE)
}

// unreadable is a file that is not there, is a folder, or may not be read.
func unreadable(err error) *fs.PathError {
	var file *fs.PathError
	if errors.As(err, &file) && slices.Contains([]string{"open", "read", "stat", "lstat"}, file.Op) {
		return file
	}
	return nil
}

// unmade is a folder that cannot be made. The only ones that nobody named lie in
// the cache.
func unmade(err error) *fs.PathError {
	var folder *fs.PathError
	if errors.As(err, &folder) && folder.Op == "mkdir" {
		return folder
	}
	return nil
}

// fileHint is what to do about a file that cannot be read or made; else "".
func fileHint(err error) string {
	file := unreadable(err)
	switch {
	case errors.Is(err, syscall.EFBIG):
		return "the file system there holds no file so large: choose a smaller size, or another place"
	case unmade(err) != nil:
		return "imgasm keeps downloads in a cache: name a folder for it that you may write to in the variable IMGASM_CACHE"
	case file == nil:
		return ""
	}
	info, _ := os.Stat(file.Path)
	switch {
	case info != nil && info.IsDir():
		return "give a file, not the folder: ls " + file.Path
	case errors.Is(file, fs.ErrPermission):
		return "see who may read it: ls -ld " + file.Path
	case errors.Is(file, fs.ErrNotExist):
		return "see what is there: ls " + filepath.Dir(filepath.Clean(file.Path))
	}
	return "see what it is: ls -ld " + file.Path
}

// guestFailed reports whether err is the end of a guest that had failed by
// itself: a signal that comes later, to let go a guest that is held for
// instance, is not the reason.
func guestFailed(err error) bool {
	for _, class := range []error{watch.ErrFailed, watch.ErrTimeout, verify.ErrFailed, inspect.ErrCannotBoot} {
		if errors.Is(err, class) {
			return true
		}
	}
	return false
}

// as reports whether err wraps an error of type E.
func as[E error](err error) bool {
	var target E
	return errors.As(err, &target)
}
