package qemu

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/proc"
)

func TestInstallHint(t *testing.T) {
	tests := []struct{ goos, binary, want string }{
		{"linux", "qemu-system-aarch64", "apt-get install qemu-system-arm qemu-efi-aarch64"},
		{"linux", "qemu-system-x86_64", "dnf install qemu-system-x86-core edk2-ovmf"},
		{"linux", "/opt/qemu", "apt-get install qemu-system "},
		{"darwin", "qemu-system-aarch64", "brew install qemu"},
		{"windows", "qemu-system-x86_64", "winget install"},
		{"plan9", "qemu-system-x86_64", "qemu.org"},
	}
	for _, tt := range tests {
		if got := installHint(tt.goos, tt.binary); !strings.Contains(got, tt.want) {
			t.Errorf("%s %s: %q, want %q", tt.goos, tt.binary, got, tt.want)
		}
	}
}

func TestVersion(t *testing.T) {
	tests := []struct {
		a, b   Version
		before bool
	}{
		{Version{6, 2, 0, ""}, MinVersion, true},
		{Version{7, 0, 0, ""}, MinVersion, false},
		{Version{7, 1, 99, ""}, V3Version, true},
		{Version{7, 2, 0, "Debian"}, V3Version, false},
		{Version{10, 0, 0, ""}, Version{9, 2, 5, ""}, false},
	}
	for _, tt := range tests {
		if got := tt.a.Before(tt.b); got != tt.before {
			t.Errorf("%v before %v: %v", tt.a, tt.b, got)
		}
	}
}

// Every known text of QEMU's leads to its hint; an unknown one to none.
func TestNotStarted(t *testing.T) {
	for _, row := range startErrors {
		err := notStarted(&proc.Error{Argv: []string{"qemu"}, Stderr: "qemu: x\nqemu: " + row.text + ": y\n", Err: &exec.ExitError{}})
		if !errors.Is(err, ErrStart) || fault.Hint(err, nil) != row.hint || !errors.As(err, new(*proc.Error)) {
			t.Errorf("%s: %v", row.text, err)
		}
	}
	plain := &proc.Error{Stderr: "who knows", Err: errors.New("exit status 1")}
	if err := notStarted(plain); !errors.Is(err, ErrStart) || !errors.Is(err, plain) || fault.Hint(err, nil) != "" || err.Error() != plain.Error() {
		t.Error(err)
	}
}
