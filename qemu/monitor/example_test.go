package monitor_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"

	"github.com/imgasm/imgasm/qemu/monitor"
)

// talk is QEMU's side of a conversation.
func talk(conn net.Conn) {
	in := bufio.NewReader(conn)
	for _, line := range []string{
		`{"QMP": {"version": {"qemu": {"major": 10, "minor": 0, "micro": 2}, "package": ""}, "capabilities": []}}`,
		`{"return": {}, "id": 1}`,
		`{"return": {"running": true, "status": "running"}, "id": 2}`,
		`{"error": {"class": "CommandNotFound", "desc": "there is no warp drive"}, "id": 3}`,
	} {
		if _, err := io.WriteString(conn, line+"\r\n"); err != nil {
			return
		}
		if _, err := in.ReadString('\n'); err != nil {
			return
		}
	}
}

// Commands, over a socket to which QEMU is connected: -qmp unix:PATH,server.
func ExampleClient_Do() {
	ours, theirs := net.Pipe()
	go talk(theirs)

	ctx := context.Background()
	m := monitor.New(ours)
	defer m.Disconnect()
	if err := m.Handshake(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("QEMU", m.Version().QEMU.Major)

	var status struct{ Status string }
	if err := m.Do(ctx, "query-status", nil, &status); err != nil {
		log.Fatal(err)
	}
	fmt.Println(status.Status)

	var refusal *monitor.Error
	if err := m.Do(ctx, "engage", nil, nil); errors.As(err, &refusal) {
		fmt.Println(refusal.Class)
	}
	// Output:
	// QEMU 10
	// running
	// CommandNotFound
}
