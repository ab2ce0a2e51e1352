package guard

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestFunc(t *testing.T) {
	failed := make(chan error, 1)
	go Func(func() { var none []int; _ = none[len(failed)+1] }, func(err error) { failed <- err })()
	var p *Panic
	if err := <-failed; !errors.As(err, &p) || !strings.Contains(err.Error(), "out of range") || !strings.Contains(string(p.Stack), "TestFunc") {
		t.Errorf("%v", err)
	}
	Func(func() {}, func(err error) { t.Errorf("%v", err) })()
}

func TestCall(t *testing.T) {
	if err := Call(func() error { return io.EOF }); err != io.EOF {
		t.Errorf("%v", err)
	}
}
