package hosttool

import (
	"os"
	"testing"
)

// Machines skips, aloud, a test that starts virtual machines unless they are
// wished for: IMGASM_E2E=1 (make e2e, part of make test) or all (make test-all).
func Machines(t testing.TB) {
	t.Helper()
	if os.Getenv("IMGASM_E2E") == "" {
		t.Skip("starts virtual machines: run it with IMGASM_E2E=1 (make e2e)")
	}
}

// All reports whether everything is wished for, however long it takes.
func All() bool { return os.Getenv("IMGASM_E2E") == "all" }

// Rest skips, aloud, what only `make test-all` runs.
func Rest(t testing.TB) {
	t.Helper()
	if !All() {
		t.Skip("left out of make test to keep it short: make test-all runs it (IMGASM_E2E=all)")
	}
}
