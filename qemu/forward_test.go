package qemu

import (
	"context"
	"net"
	"strconv"
	"testing"

	"github.com/imgasm/imgasm/qemu/qemutest"
)

func TestHostPort(t *testing.T) {
	table := "Hub -1 (net0):\r\n" +
		"  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n" +
		"  TCP[ESTABLISHED]   9       127.0.0.1 50000       10.0.2.15    80     0     0\r\n" +
		"  UDP[236 sec]      10       10.0.2.15    22         9.9.9.9    53     0     0\r\n" +
		"  TCP[HOST_FORWARD]  8       127.0.0.1 37243       10.0.2.15    22     0     0\r\n" +
		"  TCP[HOST_FORWARD]  3       127.0.0.1 43761       10.0.2.15    80     0     0\r\n" +
		"  TCP[HOST_FORWARD]\r\n"
	for guest, want := range map[int]int{22: 37243, 80: 43761, 443: 0} {
		if got, ok := hostPort(table, guest); got != want || ok != (want != 0) {
			t.Errorf("%d: %d %v, want %d", guest, got, ok, want)
		}
	}
}

// The port that is told is one on which somebody listens.
func TestForwardedPort(t *testing.T) {
	test := func(c Config) func(*testing.T) {
		return func(t *testing.T) {
			needQEMU(t, c.Binary)
			c.Net = &Net{Restrict: true, Forwards: []Forward{{GuestPort: 22}, {GuestPort: 80}}}
			vm, err := Start(t.Context(), c, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer vm.Close()
			ports := map[int]bool{}
			for _, guest := range []int{22, 80} {
				port, err := vm.ForwardedPort(t.Context(), guest)
				if err != nil {
					t.Fatal(err)
				}
				conn, err := net.Dial("tcp4", "127.0.0.1:"+strconv.Itoa(port))
				if err != nil {
					t.Fatal(err)
				}
				conn.Close()
				ports[port] = true
			}
			if len(ports) != 2 {
				t.Errorf("ports %v", ports)
			}
			if _, err := vm.ForwardedPort(t.Context(), 443); err == nil {
				t.Error("a port that is not forwarded")
			}
			vm.Quit(context.Background())
		}
	}
	t.Run("fake", test(Config{Arch: "x86_64", Binary: qemutest.Executable(t, qemutest.Script{})}))
	t.Run("QEMU", test(Config{Arch: "x86_64", Binary: "qemu-system-x86_64"}))
}
