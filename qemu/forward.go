package qemu

// Which port of the host leads to the guest.

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// ForwardedPort is the host's port that leads to a port of the guest, by a
// Forward of the configuration: the way to learn it where HostPort was 0.
// Unlike a port that was looked for beforehand it cannot be taken meanwhile.
func (vm *VM) ForwardedPort(ctx context.Context, guestPort int) (int, error) {
	// There is no QMP command for it. The table is the same since QEMU 1.0.
	var table string
	err := vm.Monitor.Do(ctx, "human-monitor-command", map[string]any{"command-line": "info usernet"}, &table)
	if err != nil {
		return 0, err
	}
	if port, ok := hostPort(table, guestPort); ok {
		return port, nil
	}
	return 0, fmt.Errorf("no port of the host leads to port %d of the guest", guestPort)
}

// hostPort reads "info usernet":
//
//	Hub -1 (net0):
//	  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
//	  TCP[HOST_FORWARD]   8       127.0.0.1 37243       10.0.2.15    22     0     0
func hostPort(table string, guestPort int) (int, bool) {
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 6 || f[0] != "TCP[HOST_FORWARD]" || f[5] != strconv.Itoa(guestPort) {
			continue
		}
		if port, err := strconv.ParseUint(f[3], 10, 16); err == nil && port > 0 {
			return int(port), true
		}
	}
	return 0, false
}
