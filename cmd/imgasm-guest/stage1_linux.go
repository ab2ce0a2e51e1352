// Stage 1: what dracut and Anaconda's modules in it do until stage 2 runs.

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/imgasm/imgasm/assemble/rehearsal/failures"
	"github.com/imgasm/imgasm/cmd/imgasm-guest/talk"
	"github.com/imgasm/imgasm/kickstart"
)

// dracutPID is in the prefix of what dracut-initqueue says.
const dracutPID = 848

func (i *installer) dracut(text string) { i.con.Journal("dracut-initqueue", dracutPID, text) }
func (i *installer) warn(text string)   { i.dracut("Warning: " + text) }

// The hooks by which dracut waits for the kickstart and for stage 2.
const (
	waitKickstart = `/lib/dracut/hooks/initqueue/finished/kickstart.sh: "[ -e /tmp/ks.cfg.done ]"`
	waitStage2    = `/lib/dracut/hooks/initqueue/finished/devexists-\x2fdev\x2froot.sh: "[ -e "/dev/root" ]"`
)

func (i *installer) stage1() {
	value, _ := i.args.value("inst.ks")
	path, inInitramfs := local(value)
	if inInitramfs {
		i.kickstartOfInitramfs(value, path)
	}
	i.con.Unit("", "Starting", "dracut-initqueue.service", "dracut initqueue hook...")
	retry := i.retry()
	if !inInitramfs {
		i.kickstartOfVolume(value, retry)
	}
	i.warnOfKickstart()
	i.findStage2(retry)
	i.at(atStage1)
}

// kickstartOfInitramfs is dracut's cmdline hook for inst.ks=file:. Nothing
// waits for a file that is not there, and no volume is looked at in its place:
// the boot goes on without a kickstart.
func (i *installer) kickstartOfInitramfs(value, path string) {
	i.con.Unit("", "Starting", "dracut-cmdline.service", "dracut cmdline hook...")
	if i.fail == failures.NoKickstart {
		path = "/no-such-file"
	}
	data, err := os.ReadFile(path)
	if err == nil {
		err = saveKickstart(data)
	}
	if err != nil {
		i.stage1Errors = []string{"inst.ks='" + value + "'", "can't find " + path + "!"}
		for _, line := range i.stage1Errors {
			i.con.Journal("dracut-cmdline", dracutPID-10, "Warning: "+line)
		}
	}
}

// kickstartOfVolume waits for the volume that inst.ks= names, or OEMDRV.
func (i *installer) kickstartOfVolume(value string, retry time.Duration) {
	label, path, ok := volume(value)
	if !ok {
		label, path = "OEMDRV", "/ks.cfg"
	}
	if i.fail == failures.NoOEMDRV {
		label = "no such volume"
	}
	d := i.waitFor(findVolume, label, retry)
	if d == nil {
		i.giveUp(waitKickstart, "", retry)
	}
	i.dracut("Examining " + d.path())
	i.con.Journal("dracut-initqueue", dracutPID+1, "mount: /media/DD-1: WARNING: source write-protected, mounted read-only.")
	if err := i.fetchKickstart(d, path); err != nil {
		i.warn(fmt.Sprintf("Can't get kickstart from %s:%s", d.path(), path))
		i.giveUp(waitKickstart, fmt.Sprintf("Can't get kickstart from %s:%s", d.path(), path), retry)
	}
}

// retry is dracut's patience in seconds: rd.retry=, 180 by default.
func (i *installer) retry() time.Duration {
	text, ok := i.args.value("rd.retry")
	n, err := strconv.Atoi(text)
	if !ok || err != nil || n < 0 {
		n = 180
	}
	return time.Duration(n) * time.Second
}

// waitFor waits until find finds a volume, for two thirds of dracut's patience,
// after which dracut begins to complain.
func (i *installer) waitFor(find func(label string) *device, label string, retry time.Duration) *device {
	for end := time.Now().Add(retry * 2 / 3); ; time.Sleep(100 * time.Millisecond) {
		if d := find(label); d != nil {
			return d
		}
		i.loadLate()
		if time.Now().After(end) {
			return nil
		}
	}
}

func (i *installer) fetchKickstart(d *device, path string) error {
	const at = "/run/install/oemdrv"
	if err := mountVolume(d, at, true); err != nil {
		return err
	}
	defer unix.Unmount(at, 0)
	if i.fail == failures.NoKickstart {
		path = "/no-such-file"
	}
	data, err := os.ReadFile(filepath.Join(at, path))
	if err != nil {
		return err
	}
	return saveKickstart(data)
}

// saveKickstart puts the kickstart where stage 2 looks for it.
func saveKickstart(data []byte) error {
	if err := os.MkdirAll(filepath.Dir(ksPath), 0o755); err != nil {
		return err
	}
	return os.WriteFile(ksPath, data, 0o600)
}

// warnOfKickstart is what Anaconda's parse-kickstart says in stage 1: every
// wrong command, none of them fatal yet.
func (i *installer) warnOfKickstart() {
	src, err := os.ReadFile(ksPath)
	if err != nil {
		return
	}
	file, err := kickstart.Parse("ks.cfg", src)
	if err != nil {
		return
	}
	i.ks, i.commands = file, file.Commands()
	for _, e := range i.kickstartErrors() {
		i.dracut(fmt.Sprintf("The following problem occurred on line %d of the kickstart file:\n\n%s\n", e.Line, e.Text))
	}
}

// findStage2 mounts the installation medium and reads its stage 2.
func (i *installer) findStage2(retry time.Duration) {
	value, given := i.args.value("inst.stage2")
	label, path, ok := volume(value)
	if path == "" {
		path = "/images/install.img"
	}
	var d *device
	switch {
	case i.fail == failures.Stage2:
		time.Sleep(retry * 2 / 3)
	case ok:
		d = i.waitFor(findMedium, label, retry)
	case !given:
		// Without the argument every CD is tried.
		for _, v := range devices() {
			if v.fs == "iso9660" && v.label != "OEMDRV" {
				d = &v
				break
			}
		}
	}
	if d == nil {
		i.giveUp(waitStage2, "", retry)
	}
	if err := mountVolume(d, repo, true); err != nil {
		i.warn(err.Error())
		i.giveUp(waitStage2, "", retry)
	}
	if i.fail == failures.MediaCheck {
		i.mediaCheck()
	}
	s, err := openStage2(filepath.Join(repo, path))
	if err != nil {
		i.warn("anaconda: no suitable images: " + err.Error())
		i.giveUp(waitStage2, "", retry)
	}
	i.stage2 = s
	// The installer's own environment has the programs that the installed system has.
	for _, p := range s.packages {
		if err := p.install("/", ""); err != nil {
			i.warn(err.Error())
			i.giveUp(waitStage2, "", retry)
		}
	}
}

// giveUp is dracut's end: the block of errors again and again for the last
// third of its patience, then the emergency shell or what rd.emergency says.
func (i *installer) giveUp(hook, reason string, retry time.Duration) {
	if reason == "" {
		reason = "Reason unknown"
	}
	for end := time.Now().Add(retry / 3); ; time.Sleep(2200 * time.Millisecond) {
		i.warn("dracut-initqueue: timeout, still waiting for following initqueue hooks:")
		i.warn(hook)
		i.warn("dracut-initqueue: starting timeout scripts")
		for _, line := range []string{
			"############# Anaconda installer errors begin #############",
			"#                                                         #",
			"It seems that the boot has failed. Possible causes include",
			"missing inst.stage2 or inst.repo boot parameters on the",
			"kernel cmdline. Please verify that you have specified",
			"inst.stage2 or inst.repo.",
			"Please also note that the 'inst.' prefix is now mandatory.",
			"#                                                         #",
			"####     Installer errors encountered during boot:     ####",
			"#                                                         #",
			reason,
			"#                                                         #",
			"############# Anaconda installer errors end ###############",
		} {
			i.warn(line)
		}
		if time.Now().After(end) {
			break
		}
	}
	i.warn("Could not boot.")
	i.emergency(hook == waitStage2)
}

// emergency is dracut's emergency shell, or what is done in its place.
func (i *installer) emergency(noRoot bool) {
	if !i.args.flag("rd.shell") && i.shellForbidden() && i.fail != failures.Emergency {
		i.warn(`Boot has failed. To debug this issue add "rd.shell rd.debug" to the kernel command line.`)
		switch what, _ := i.args.value("rd.emergency"); what {
		case "poweroff", "reboot", "halt":
			i.power(what)
		}
		forever()
	}
	i.con.Unit("", "Starting", "dracut-emergency.service", "Dracut Emergency Shell..")
	text := ""
	if noRoot {
		text = "Warning: /dev/root does not exist\n"
	}
	i.con.Raw(text + "\nGenerating \"/run/initramfs/rdsosreport.txt\"\n\n\nEntering emergency mode. Exit the shell to continue.\n" +
		"Type \"journalctl\" to view system logs.\nYou might want to save \"/run/initramfs/rdsosreport.txt\" to a USB stick or /boot\n" +
		"after mounting them and attach it to a bug report.\n\n\n\nCannot open access to console, the root account is locked.\n" +
		"See sulogin(8) man page for more details.\n\nPress Enter to continue.\n")
	forever()
}

// shellForbidden tells whether rd.shell=0 is given.
func (i *installer) shellForbidden() bool {
	v, ok := i.args.value("rd.shell")
	return ok && (v == "0" || v == "no" || v == "off")
}

// startStage2 is systemd's part between dracut and Anaconda.
func (i *installer) startStage2() {
	i.con.Unit("OK", "Finished", "dracut-initqueue.service", "dracut initqueue hook")
	i.con.Unit("OK", "Reached target", "initrd-switch-root.target", "Switch Root")
	i.con.Unit("", "Starting", "initrd-switch-root.service", "Switch Root..")
	i.con.Journal("systemd-journald", 259, "Received SIGTERM from PID 1 (systemd).")
	i.con.Raw("\r\nWelcome to \x1b[1mAlmaLinux " + productVersion + " (imgasm rehearsal)\x1b[0m!\r\n\r\n")
	i.at(atStage2)
	// anaconda-pre does the same: from here only panics and the end are seen.
	setConsoleLevel(1)
	i.con.Unit("OK", "Started", "anaconda-pre.service", "pre-anaconda logging service")
	if i.tmux() {
		i.con.Screen = &talk.Screen{W: i.con.W}
		i.con.Unit("OK", "Started", "anaconda.service", "Anaconda")
		i.con.Screen.Attach()
	}
}

// tmux tells whether Anaconda is seen through tmux, as it is by default.
func (i *installer) tmux() bool {
	switch i.fail {
	case failures.Tmux, failures.TmuxKickstart, failures.Clock:
		return true
	}
	return !i.args.flag("inst.notmux")
}

// setConsoleLevel sets which kernel messages the console shows; with
// ignore_loglevel it shows all the same.
func setConsoleLevel(n int) {
	os.WriteFile("/proc/sys/kernel/printk", []byte(strconv.Itoa(n)), 0)
}

// openLog opens Anaconda's log file, and its virtio port if there is one.
func (i *installer) openLog() {
	if f, err := os.OpenFile("/tmp/anaconda.log", os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err == nil {
		i.log.File = f
	}
	name := "org.fedoraproject.anaconda.log.0"
	if v, ok := i.args.value("inst.virtiolog"); ok {
		name = filepath.Base(v)
	}
	if i.fail == failures.NoLogPort || !exists(filepath.Join(ports, name)) {
		return
	}
	if w, err := openPort(name); err == nil {
		i.log.W = w
		i.con.Unit("", "Stopping", "rsyslog.service", "System Logging Service..")
		i.con.Unit("OK", "Started", "rsyslog.service", "System Logging Service")
	}
}

// A port is a virtio-serial port. Writes do not block for longer than two
// seconds: a host that does not read must not stop the installation.
type port struct{ fd int }

func openPort(name string) (*port, error) {
	fd, err := unix.Open(filepath.Join(ports, name), unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return &port{fd}, nil
}

func (p *port) Write(b []byte) (int, error) {
	total := len(b)
	for end := time.Now().Add(2 * time.Second); len(b) > 0; {
		n, err := unix.Write(p.fd, b)
		if n > 0 {
			b = b[n:]
			continue
		}
		if err != unix.EAGAIN && err != unix.EINTR || time.Now().After(end) {
			return total - len(b), err
		}
		time.Sleep(5 * time.Millisecond)
	}
	return total, nil
}

// firstLine is the first line of a text, for messages.
func firstLine(b []byte) string {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return strings.TrimSpace(string(line))
}
