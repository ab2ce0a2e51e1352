package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/imgasm/imgasm/internal/fault"
)

var (
	errRequest = fault.Class(fault.Input, "bad request")
	errLack    = fault.Class(fault.Host, "lack")
)

func TestFault(t *testing.T) {
	bad := &fault.Error{Class: errRequest, Field: "Mirror", Err: fmt.Errorf("%q is no address: %w", "x", io.EOF), Do: "give another {Mirror} or {SHA256}; {not} this"}
	flags := func(f string) string { return map[string]string{"Mirror": "--mirror", "SHA256": "--checksum"}[f] }
	for _, err := range []error{bad, fmt.Errorf("fetch: %w", bad), errors.Join(io.ErrClosedPipe, bad)} {
		if !errors.Is(err, errRequest) || !errors.Is(err, io.EOF) || errors.Is(err, errLack) || fault.KindOf(err) != fault.Input {
			t.Errorf("%v is not told apart", err)
		}
		if got := fault.Hint(err, flags); got != "give another --mirror or --checksum; {not} this" {
			t.Error(got)
		}
	}
	if got := bad.Error() + " | " + bad.Hint(); got != `Mirror: "x" is no address: EOF | give another Mirror or SHA256; {not} this` {
		t.Error(got)
	}
	if got := fault.Text(fmt.Errorf("fetch: %w", bad), flags); got != `fetch: --mirror: "x" is no address: EOF` {
		t.Error(got)
	}
	if got := fault.Text(bad, func(string) string { return "" }); got != `"x" is no address: EOF` {
		t.Error(got)
	}
	if got := fault.Text(&fault.Error{Class: errLack, Err: bad}, flags); got != `--mirror: "x" is no address: EOF` {
		t.Error(got)
	}
	// The outermost class decides; none is Other.
	if got := fault.KindOf(&fault.Error{Class: errLack, Err: bad}); got != fault.Host {
		t.Error(got)
	}
	if got := fault.KindOf(io.EOF); got != fault.Other || fault.KindOf(fmt.Errorf("x: %w", errLack)) != fault.Host {
		t.Error(got)
	}
	if fault.Hint(io.EOF, flags) != "" || fault.Text(io.EOF, flags) != "EOF" {
		t.Error("a plain error is not left as it is")
	}
}
