package qemu

// Where QEMU's executables are.

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/imgasm/imgasm/internal/arch"
)

// elsewhere are places outside PATH where an installed emulator lies, by
// operating system. NAME stands for the executable's name.
var elsewhere = []struct {
	goos, path string
	host       bool // only for guests of the host's architecture
}{
	{"linux", "/usr/libexec/qemu-kvm", true},             // RHEL, AlmaLinux
	{"linux", "/usr/local/bin/NAME", false},              // services have a short PATH
	{"darwin", "/opt/homebrew/bin/NAME", false},          // likewise; Apple Silicon
	{"darwin", "/usr/local/bin/NAME", false},             // Intel
	{"darwin", "/opt/local/bin/NAME", false},             // MacPorts
	{"windows", `C:\Program Files\qemu\NAME.exe`, false}, // the installer leaves PATH alone
	{"windows", `C:\msys64\ucrt64\bin\NAME.exe`, false},  // MSYS2
	{"freebsd", "/usr/local/bin/NAME", false},
}

// candidates are the paths to try for an executable that PATH does not have;
// host is the host's own emulator.
func candidates(goos, host, binary string) []string {
	if strings.ContainsAny(binary, `/\`) {
		return nil // a path is meant as it is
	}
	var paths []string
	for _, e := range elsewhere {
		if e.goos == goos && (!e.host || binary == host) {
			paths = append(paths, strings.ReplaceAll(e.path, "NAME", binary))
		}
	}
	return paths
}

// Find looks an executable up: a path as it is; a bare name in PATH, then
// where systems put QEMU outside of it. The error is ErrMissing.
func Find(binary string) (string, error) {
	path, err := exec.LookPath(binary)
	if err == nil {
		return filepath.Abs(path) // children may run in other directories
	}
	for _, c := range candidates(runtime.GOOS, arch.Host().QEMU, binary) {
		if path, err := exec.LookPath(c); err == nil {
			return path, nil
		}
	}
	return "", missing(binary, err)
}
