// The installed system: its root, its names, its services, its end.

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/imgasm/imgasm/cmd/imgasm-guest/sshd"
)

// system is the installed system while it runs.
type system struct {
	*machine
	hostname string
	shells   *sshd.Server
}

func (m *machine) runSystem(root string) {
	d := m.findRoot(root)
	if d == nil {
		m.con.Raw("Warning: " + root + " does not exist\n\nEntering emergency mode. Exit the shell to continue.\n")
		forever()
	}
	if err := m.switchRoot(d); err != nil {
		m.con.Raw("imgasm rehearsal: " + err.Error() + "\n")
		os.Exit(1) // and the kernel panics, as without a root it must
	}
	s := &system{machine: m}
	s.con.Raw("\r\nWelcome to \x1b[1mimgasm rehearsal " + productVersion + " (not AlmaLinux)\x1b[0m!\r\n\r\n")
	s.mountTable()
	s.names()
	s.readSeed()
	go func() {
		<-powerButton()
		s.end("poweroff")
	}()
	network := make(chan struct{})
	go func() {
		defer close(network)
		s.startNetwork(context.Background())
	}()
	if err := s.startSSH(); err != nil {
		s.con.Unit("FAILED", "Failed to start", "sshd.service", "OpenSSH server daemon")
		s.con.Raw("imgasm rehearsal: ssh: " + err.Error() + "\n")
	} else {
		s.con.Unit("OK", "Started", "sshd.service", "the rehearsal's ssh server")
	}
	// The prompt means that the system can be reached, if it can at all.
	select {
	case <-network:
	case <-time.After(20 * time.Second):
	}
	s.con.Unit("OK", "Reached target", "multi-user.target", "Multi-User System")
	s.login()
}

// findRoot waits for the device of root=.
func (m *machine) findRoot(root string) *device {
	for n := 0; n < 100; n++ {
		if d := rootDevice(root); d != nil {
			return d
		}
		if n == 5 {
			m.loadLate()
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil
}

// switchRoot makes the device's file system the root and takes the kernel's
// own file systems along.
func (m *machine) switchRoot(d *device) error {
	const root = "/sysroot"
	if err := mountVolume(d, root, false); err != nil {
		return err
	}
	for _, k := range []string{"/dev", "/proc", "/sys", "/run"} {
		os.MkdirAll(root+k, 0o755)
		if err := unix.Mount(k, root+k, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("moving %s: %w", k, err)
		}
	}
	if err := unix.Chdir(root); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("switching the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return err
	}
	return unix.Chdir("/")
}

// mountTable mounts what fstab names besides the root.
func (s *system) mountTable() {
	unix.Mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777")
	table, _ := os.ReadFile("/etc/fstab")
	for _, line := range strings.Split(string(table), "\n") {
		f := strings.Fields(line)
		if len(f) < 4 || strings.HasPrefix(f[0], "#") || f[1] == "/" {
			continue
		}
		d := rootDevice(f[0])
		if d == nil {
			s.con.Unit("DEPEND", "Dependency failed for", f[1], f[0])
			continue
		}
		if err := mountVolume(d, f[1], false); err != nil {
			s.con.Unit("FAILED", "Failed to mount", f[1], err.Error())
		}
	}
}

// names gives the system its host name and, at its first boot, its machine ID.
func (s *system) names() {
	s.setHostname("localhost")
	if data, err := os.ReadFile("/etc/hostname"); err == nil && len(strings.Fields(string(data))) > 0 {
		s.setHostname(strings.Fields(string(data))[0])
	}
	if data, err := os.ReadFile("/etc/machine-id"); err != nil || len(data) < 32 {
		os.WriteFile("/etc/machine-id", []byte(machineID()), 0o444)
	}
}

func (s *system) setHostname(name string) {
	s.hostname = name
	unix.Sethostname([]byte(name))
}

// end stops the system in order: what is on the disk is whole.
func (s *system) end(what string) {
	s.con.Unit("OK", "Stopped", "sshd.service", "the rehearsal's ssh server")
	s.con.Unit("OK", "Reached target", what+".target", "System "+strings.ToUpper(what[:1])+what[1:])
	endOfSystem(what)
}

// endOfSystem is the end without words: also a command's, in a process of its own.
func endOfSystem(what string) {
	unix.Sync()
	mounts, _ := os.ReadFile("/proc/self/mounts")
	lines := strings.Split(string(mounts), "\n")
	for k := len(lines) - 1; k >= 0; k-- {
		if f := strings.Fields(lines[k]); len(f) > 2 && strings.HasPrefix(f[0], "/dev/") {
			unix.Mount("", f[1], "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
		}
	}
	(&machine{}).power(what)
}

// accountsNow reads the accounts as they are on the disk.
func accountsNow() []account {
	passwd, _ := os.ReadFile("/etc/passwd")
	shadow, _ := os.ReadFile("/etc/shadow")
	return parsePasswd(string(passwd), string(shadow))
}

func accountNamed(name string) (account, bool) {
	for _, a := range accountsNow() {
		if a.name == name {
			return a, true
		}
	}
	return account{}, false
}

// issue is what stands above the login prompt.
func (s *system) issue() string {
	data, _ := os.ReadFile("/etc/issue")
	return strings.NewReplacer(`\r`, s.release, `\m`, s.arch, `\n`, s.hostname, "\r", "").Replace(string(data))
}

// inHome is a path below a user's home.
func inHome(a account, path string) string { return filepath.Join(a.home, path) }
