package qemutest

// The fake's side: its command line, its sockets, its steps.

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

type machine struct {
	script  Script
	args    []string
	chars   map[string]*char  // by id
	ports   map[string]string // port's name → chardev's id
	drives  map[string]string // id → file
	usernet strings.Builder   // what "info usernet" says
	hostfwd []net.Listener    // kept open
	ended   chan int
	serial  *char
	qmp     *char
	running chan struct{} // closed by the first "cont"
	once    sync.Once

	mu       sync.Mutex
	cond     *sync.Cond
	came     []string // commands that no Await has taken yet
	typed    []byte   // what came in on the serial console
	status   string
	lastWord string // the last event but STOP
	stats    map[string]map[string]int64
	frozen   bool
}

// char is a chardev.
type char struct {
	conn net.Conn
	mu   sync.Mutex
}

func (c *char) Write(b []byte) (int, error) {
	if c == nil {
		return len(b), nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		c.conn.Write(b) // nobody listens any more: as a real QEMU, go on
	}
	return len(b), nil
}

func newMachine(s Script, args []string) *machine {
	m := &machine{
		script: s, args: args, status: "prelaunch", ended: make(chan int, 1), running: make(chan struct{}),
		chars: map[string]*char{}, ports: map[string]string{}, drives: map[string]string{},
	}
	m.cond = sync.NewCond(&m.mu)
	return m
}

// run is the fake's life; its result is the exit status.
func (m *machine) run() int {
	if m.script.IgnoreTERM {
		signal.Ignore(syscall.SIGTERM)
	}
	fmt.Fprint(os.Stderr, m.script.Stderr)
	switch {
	case slices.ContainsFunc(m.args, func(a string) bool { return strings.Contains(a, "path=letters") }):
		return m.probe()
	case m.script.NoSandbox && slices.Contains(m.args, "-sandbox"):
		fmt.Fprintln(os.Stderr, "-sandbox support is not enabled in this QEMU binary")
		return 1
	case m.script.EarlyExit != nil:
		return *m.script.EarlyExit
	case m.script.NoConnect:
		forEver()
	}
	time.Sleep(m.script.Slow)
	if err := m.connect(); err != nil {
		fmt.Fprintf(os.Stderr, "qemu-system-fake: %v\n", err)
		return 1
	}
	go m.monitor()
	if m.serial != nil && m.serial.conn != nil {
		go m.keyboard()
	}
	if slices.Contains(m.args, "-S") {
		go func() { <-m.running; m.steps() }()
	} else {
		go m.steps()
	}
	return <-m.ended
}

// probe plays accel's probe guest.
func (m *machine) probe() int {
	all, code := "RX", 0
	if slices.Contains(m.args, "isa-debug-exit,iobase=0xf4,iosize=4") {
		all, code = "RPLCUFSIX", 85
	}
	if m.script.Probe != "" {
		all, code = m.script.Probe, 0
	}
	os.WriteFile("letters", []byte(all), 0o600)
	return code
}

// connect reads the command line and opens what it names.
func (m *machine) connect() error {
	for i := 0; i+1 < len(m.args); i++ {
		kind, props := options(m.args[i+1])
		switch m.args[i] {
		case "-chardev":
			c, err := openChar(kind, props)
			if err != nil {
				return fmt.Errorf("-chardev %s: %w", m.args[i+1], err)
			}
			m.chars[props["id"]] = c
		case "-mon":
			if props["mode"] == "control" {
				m.qmp = m.chars[props["chardev"]]
			}
		case "-serial":
			m.serial = m.chars[strings.TrimPrefix(m.args[i+1], "chardev:")]
		case "-device":
			if kind == "virtserialport" {
				m.ports[props["name"]] = props["chardev"]
			}
		case "-netdev":
			if err := m.forward(m.args[i+1]); err != nil {
				return err
			}
		case "-drive":
			if props["id"] != "" {
				m.drives[props["id"]] = props["file.filename"]
			}
		}
	}
	return nil
}

// forward listens on the ports that a -netdev forwards, and never answers there.
func (m *machine) forward(netdev string) error {
	for _, p := range strings.Split(netdev, ",") {
		rule, ok := strings.CutPrefix(p, "hostfwd=tcp:")
		if !ok {
			continue
		}
		host, guest, _ := strings.Cut(rule, "-:")
		l, err := net.Listen("tcp4", host)
		if err != nil {
			return fmt.Errorf("-netdev %s: Could not set up host forwarding rule 'tcp:%s'", netdev, rule)
		}
		m.hostfwd = append(m.hostfwd, l)
		fmt.Fprintf(&m.usernet, "  TCP[HOST_FORWARD]  8 127.0.0.1 %d 10.0.2.15 %s 0 0\r\n", l.Addr().(*net.TCPAddr).Port, guest)
	}
	return nil
}

// options reads QEMU's comma-joined properties, doubled commas undone; kind is
// the first word without "=".
func options(word string) (kind string, props map[string]string) {
	const comma = "\x00"
	props = map[string]string{}
	for i, part := range strings.Split(strings.ReplaceAll(word, ",,", comma), ",") {
		key, value, ok := strings.Cut(strings.ReplaceAll(part, comma, ","), "=")
		if i == 0 && !ok {
			kind = key
		}
		props[key] = value
	}
	kind = cmp.Or(kind, props["driver"])
	return kind, props
}

func openChar(kind string, props map[string]string) (*char, error) {
	if kind != "socket" {
		return &char{}, nil
	}
	network, addr := "unix", props["path"]
	if props["host"] != "" {
		network, addr = "tcp", net.JoinHostPort(props["host"], props["port"])
	}
	conn, err := net.Dial(network, addr)
	return &char{conn: conn}, err
}

// keyboard keeps what comes in on the serial console.
func (m *machine) keyboard() {
	buf := make([]byte, 4096)
	for {
		n, err := m.serial.conn.Read(buf)
		m.mu.Lock()
		m.typed = append(m.typed, buf[:n]...)
		m.cond.Broadcast()
		m.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// steps does what the script says.
func (m *machine) steps() {
	for _, s := range m.script.Steps {
		m.step(s)
	}
}

func (m *machine) step(s Step) {
	switch s.Do {
	case "serial":
		io.WriteString(m.serial, s.Text)
	case "port":
		io.WriteString(m.chars[m.ports[s.Name]], s.Text)
	case "open":
		m.event("VSERPORT_CHANGE", map[string]any{"open": true, "id": m.ports[s.Name]})
	case "flood":
		m.flood(s.N)
	case "event":
		m.event(s.Name, s.Data)
	case "stats":
		m.mu.Lock()
		m.stats = s.Stats
		m.mu.Unlock()
	case "stamp":
		if err := os.WriteFile(s.Text, strconv.AppendInt(nil, time.Now().UnixNano(), 10), 0o600); err != nil {
			fmt.Fprintln(os.Stderr, "qemutest:", err)
		}
	case "sleep":
		time.Sleep(s.Time)
	case "await":
		m.await(s.Name)
	case "await-serial":
		m.mu.Lock()
		for !bytes.Contains(m.typed, []byte(s.Text)) {
			m.cond.Wait()
		}
		m.mu.Unlock()
	case "stderr":
		fmt.Fprint(os.Stderr, s.Text)
	case "copy":
		if err := copyFile(m.drives[s.Name], s.Text, 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "qemutest:", err)
			m.end(2)
		}
	case "close-qmp":
		m.qmp.conn.Close()
	case "close-serial":
		m.serial.conn.Close()
	case "exit":
		m.end(int(s.N))
		forEver()
	case "crash":
		if p, err := os.FindProcess(os.Getpid()); err == nil && runtime.GOOS != "windows" {
			p.Kill()
		}
		os.Exit(3)
	case "hang":
		forEver()
	case "freeze":
		m.mu.Lock()
		m.frozen = true
		m.mu.Unlock()
		forEver()
	default:
		fmt.Fprintf(os.Stderr, "qemutest: unknown step %q\n", s.Do)
		m.end(2)
	}
}

func (m *machine) end(status int) {
	select {
	case m.ended <- status:
	default:
	}
}

func (m *machine) flood(n int64) {
	line := bytes.Repeat([]byte("\x1b[31m0123456789\xff\xfe garbage of the console "), 30)
	line = append(line, "\r\n"...)
	for n > 0 {
		b := line[:min(n, int64(len(line)))]
		m.serial.Write(b)
		n -= int64(len(b))
	}
}

func (m *machine) await(command string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		if i := slices.Index(m.came, command); i >= 0 {
			m.came = m.came[i+1:]
			return
		}
		m.cond.Wait()
	}
}

// event raises a QMP event and keeps query-status in step with it.
func (m *machine) event(name string, data map[string]any) {
	m.mu.Lock()
	switch name {
	case "STOP":
		m.status = map[string]string{
			"SHUTDOWN": "shutdown", "GUEST_PANICKED": "guest-panicked", "BLOCK_IO_ERROR": "io-error", "WATCHDOG": "watchdog",
		}[m.lastWord]
		m.status = cmp.Or(m.status, "paused")
	case "RESUME":
		m.status = "running"
	default:
		m.lastWord = name
	}
	m.mu.Unlock()
	now := time.Now()
	message := map[string]any{"event": name,
		"timestamp": map[string]any{"seconds": now.Unix(), "microseconds": now.Nanosecond() / 1000}}
	if data != nil {
		message["data"] = data
	}
	m.send(message)
}

// send writes one QMP message.
func (m *machine) send(message any) {
	text, err := json.Marshal(message)
	if err != nil {
		fmt.Fprintln(os.Stderr, "qemutest:", err)
		m.end(2)
		return
	}
	m.qmp.Write(append(text, "\r\n"...))
}

// forEver never returns. A bare select would be taken for a deadlock in a
// program without cgo.
func forEver() {
	for {
		time.Sleep(time.Hour)
	}
}
