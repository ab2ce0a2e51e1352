// Package guard makes errors of panics. One in a goroutine would end the whole
// program, whatever its other goroutines have to put away.
package guard

import (
	"fmt"
	"runtime/debug"
)

// Panic is a panic as an error: a defect of the program.
type Panic struct {
	Value any    // what it panicked with
	Stack []byte // where, as text
}

func (p *Panic) Error() string { return fmt.Sprintf("internal error: %v", p.Value) }

// Call runs run. A panic in it becomes the error, a *Panic.
func Call(run func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &Panic{Value: value, Stack: debug.Stack()}
		}
	}()
	return run()
}

// Func is run for a goroutine of its own: go guard.Func(run, failed)(). failed
// takes what run panicked with, a *Panic, to whoever waits for run; run's own
// deferred calls have been made by then.
func Func(run func(), failed func(error)) func() {
	return func() {
		if err := Call(func() error { run(); return nil }); err != nil {
			failed(err)
		}
	}
}
