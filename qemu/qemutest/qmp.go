package qemutest

// The fake's QMP: what a driver asks for is answered as QEMU 7.2 does.

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"io"
	"os"
)

type request struct {
	Execute   string          `json:"execute"`
	Arguments map[string]any  `json:"arguments"`
	ID        json.RawMessage `json:"id"`
}

func (m *machine) greet() {
	if m.script.Greeting != "" {
		io.WriteString(m.qmp, m.script.Greeting)
		return
	}
	v := m.script.Version
	if v == [3]int{} {
		v = [3]int{7, 2, 22}
	}
	m.send(map[string]any{"QMP": map[string]any{
		"version": map[string]any{
			"qemu": map[string]int{"major": v[0], "minor": v[1], "micro": v[2]}, "package": "fake"},
		"capabilities": []string{"oob"},
	}})
}

// monitor reads commands to the end of the connection. The process lives on
// when the connection ends, as QEMU does.
func (m *machine) monitor() {
	if m.qmp == nil || m.qmp.conn == nil {
		return
	}
	m.greet()
	in := json.NewDecoder(bufio.NewReader(m.qmp.conn))
	for {
		var r request
		if in.Decode(&r) != nil {
			return
		}
		m.mu.Lock()
		m.came = append(m.came, r.Execute)
		m.cond.Broadcast()
		frozen := m.frozen
		m.mu.Unlock()
		if frozen || m.script.Deaf && r.Execute != "qmp_capabilities" {
			continue
		}
		m.answer(r)
	}
}

func (m *machine) answer(r request) {
	if desc, ok := m.script.Refusals[r.Execute]; ok {
		m.refuse(r, "GenericError", desc)
		return
	}
	if text, ok := m.script.Replies[r.Execute]; ok {
		m.reply(r, text)
		return
	}
	switch r.Execute {
	case "qmp_capabilities", "system_powerdown":
		m.reply(r, struct{}{})
	case "cont":
		m.reply(r, struct{}{})
		m.event("RESUME", nil)
		m.once.Do(func() { close(m.running) })
	case "quit":
		m.reply(r, struct{}{})
		if !m.script.IgnoreQuit {
			m.event("SHUTDOWN", map[string]any{"guest": false, "reason": "host-qmp-quit"})
			m.end(0)
		}
	case "human-monitor-command":
		m.reply(r, m.usernet.String())
	case "query-status":
		m.mu.Lock()
		status := m.status
		m.mu.Unlock()
		m.reply(r, map[string]any{"running": status == "running", "singlestep": false, "status": status})
	case "query-blockstats":
		m.reply(r, m.blockstats())
	case "screendump":
		name, _ := r.Arguments["filename"].(string)
		picture := pixel
		if r.Arguments["format"] == nil {
			picture = []byte("P6\n1 1\n255\n\x00\x00\x00")
		}
		if err := os.WriteFile(name, picture, 0o644); err != nil {
			m.refuse(r, "GenericError", err.Error())
			return
		}
		m.reply(r, struct{}{})
	case "qom-list-types":
		m.reply(r, types(r.Arguments["implements"]))
	case "query-cpu-definitions":
		m.reply(r, []map[string]string{{"name": "max"}, {"name": "cortex-a72"}})
	default:
		m.refuse(r, "CommandNotFound", "The command "+r.Execute+" has not been found")
	}
}

// types are what qom-list-types knows: the devices that drivers ask for.
func types(implements any) []map[string]string {
	names := []string{"tcg-accel", "qtest-accel"}
	if implements == "device" {
		names = []string{"virtio-blk-pci", "virtio-scsi-pci", "scsi-hd", "scsi-cd", "qemu-xhci", "usb-storage", "virtio-net-pci",
			"virtio-serial-pci", "virtserialport", "virtio-rng-pci", "pvpanic-pci", "i6300esb", "VGA", "virtio-gpu-pci"}
	}
	var list []map[string]string
	for _, n := range names {
		list = append(list, map[string]string{"name": n, "parent": "object"})
	}
	return list
}

func (m *machine) blockstats() []any {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := []any{}
	for id := range m.drives {
		stats := map[string]int64{"rd_bytes": 0, "wr_bytes": 0, "rd_operations": 0, "wr_operations": 0, "flush_operations": 0}
		for k, v := range m.stats[id] {
			stats[k] = v
		}
		list = append(list, map[string]any{"device": id, "node-name": "#" + id, "stats": stats,
			"parent": map[string]any{"stats": map[string]int64{"wr_bytes": 0}}})
	}
	return list
}

func (m *machine) reply(r request, ret any) {
	m.send(map[string]any{"return": ret, "id": r.ID})
}

func (m *machine) refuse(r request, class, desc string) {
	m.send(map[string]any{"error": map[string]string{"class": class, "desc": desc}, "id": r.ID})
}

// pixel is a PNG file of one black pixel.
var pixel, _ = base64.StdEncoding.DecodeString(
	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")
