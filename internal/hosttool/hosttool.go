// Package hosttool finds the programs of others with which tests check what
// imgasm writes.
package hosttool

import (
	"os/exec"
	"testing"
)

// Find returns the path of a program of the host, or skips the test aloud.
// Debian keeps some where ordinary users do not look.
func Find(t testing.TB, name, debianPackage string) string {
	t.Helper()
	for _, place := range []string{name, "/usr/sbin/" + name, "/sbin/" + name} {
		if path, err := exec.LookPath(place); err == nil {
			return path
		}
	}
	t.Skipf("%s is not installed (Debian: %s): this check by an independent tool is left out", name, debianPackage)
	return ""
}
