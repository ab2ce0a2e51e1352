// Failures on demand: at which point of an installation each is done, and how.

package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/imgasm/imgasm/assemble/rehearsal/failures"
)

// A point is a moment of an installation. Apart from these, the title of each
// step in install is one.
type point string

const (
	atBoot     point = "boot"     // the kernel is up, nothing said
	atStage1   point = "stage1"   // kickstart and stage 2 are found
	atStage2   point = "stage2"   // systemd runs in stage 2
	atStart    point = "start"    // Anaconda has greeted
	atPre      point = "pre"      // %pre has run
	atHub      point = "hub"      // "Starting automated install" stands there
	atPackages point = "packages" // in the middle of the packages
	atComplete point = "complete" // all done, "Complete!" not said yet
)

// behaviours says what is done when and for which failure. Failures that are
// the absence of something (no OEMDRV volume, no stage 2, …) are asked about
// where that thing is looked for.
var behaviours map[string]map[point]func(*installer)

func init() {
	behaviours = map[string]map[point]func(*installer){
		failures.Panic:            {atPackages: (*installer).panicKernel},
		failures.PanicSilent:      {atPackages: (*installer).panicKernel},
		failures.Silent:           {atBoot: func(*installer) { forever() }},
		failures.Emergency:        {atBoot: func(i *installer) { i.emergency(false) }},
		failures.SystemdEmergency: {atStage2: (*installer).systemdEmergency},
		failures.LowMemory:        {atStart: (*installer).lowMemory},
		failures.Dots:             {atHub: (*installer).dots},
		failures.HubPrompt:        {atHub: (*installer).hubPrompt},
		failures.Repository: {atHub: func(i *installer) {
			i.endByError(&cmdlineError{"Failed to download metadata for repo 'anaconda': Cannot download repomd.xml: Cannot download repodata/repomd.xml: All mirrors were tried"})
		}},
		failures.Clock:       {atPackages: (*installer).tickingClock},
		failures.Hang:        {atPackages: func(*installer) { spin() }},
		failures.Watchdog:    {atPackages: (*installer).starveWatchdog},
		failures.HostNoSpace: {atPackages: (*installer).fillDisk},
		failures.OutOfMemory: {atPackages: (*installer).outOfMemory},
		failures.Crash: {atPackages: func(i *installer) {
			i.endByError(&crashError{"KeyError: 'imgasm-rehearsal'"})
		}},
		failures.PoweroffEarly: {atPackages: func(i *installer) { i.shutdown("poweroff") }},
		failures.RebootEarly:   {atPackages: func(i *installer) { i.power("reboot") }},
		failures.Flood:         {atPackages: (*installer).flood},
		failures.Garbage:       {atStart: (*installer).garbage, atPackages: (*installer).garbage},
		failures.KernelBug:     {atStage1: (*installer).kernelBugs, atPackages: (*installer).kernelBugs},
		failures.QuietWriter:   {atPackages: (*installer).writeQuietly},
		failures.PreError: {atPre: func(i *installer) {
			i.endByPreError(&scriptError{line: 1, output: "about to fail"})
		}},
		failures.PostError: {"Running post-installation scripts": func(i *installer) {
			i.endByError(&scriptError{line: 2, output: "about to fail"})
		}},
	}
}

// at does what the failure on demand wants done at a point.
func (i *installer) at(p point) {
	if do := behaviours[i.fail][p]; do != nil {
		do(i)
	}
}

// dieOfOldCPU ends init as glibc does: status 127, by which the kernel panics.
func (m *machine) dieOfOldCPU() {
	m.con.Raw("Fatal glibc error: CPU does not support x86-64-v3\n")
	os.Exit(127)
}

func (i *installer) panicKernel() {
	setConsoleLevel(7)
	os.WriteFile("/proc/sys/kernel/sysrq", []byte("1"), 0)
	if err := os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0); err != nil {
		i.con.Journal("kernel", 1, "no sysrq: "+err.Error())
		os.Exit(1) // init dies, which the kernel does not survive either
	}
	forever()
}

func (i *installer) systemdEmergency() {
	i.con.Unit("FAILED", "Failed to start", "systemd-remount-fs.service", "Remount Root and Kernel File Systems")
	i.con.Unit("DEPEND", "Dependency failed for", "local-fs.target", "Local File Systems")
	i.con.Raw("You are in emergency mode. After logging in, type \"journalctl -xb\" to view\nsystem logs, \"systemctl reboot\" to reboot, or \"exit\"\nto continue bootup.\n\n" +
		"Cannot open access to console, the root account is locked.\nSee sulogin(8) man page for more details.\n\nPress Enter to continue.\n")
	forever()
}

func (i *installer) mediaCheck() {
	i.warn("Media check failed! We do not recommend using this medium. System will halt in 12 hours")
	time.Sleep(12 * time.Hour)
	i.con.Journal("dracut-initqueue", dracutPID, "dracut: FATAL: Media check failed!")
	i.power("halt")
}

func (i *installer) lowMemory() {
	i.con.Anaconda(product + " requires 1070 MB of memory to install, but you only have 480 MB on this machine.")
	i.con.Begin("\nPress ENTER to continue: ")
	forever()
}

func (i *installer) dots() {
	for {
		i.con.Begin(".")
		time.Sleep(time.Second)
	}
}

func (i *installer) hubPrompt() {
	rule := strings.Repeat("=", 80)
	i.con.Anaconda(".\n" + rule + "\n" + rule + "\nInstallation\n\n" +
		"1) [x] Language settings                 2) [x] Time settings\n" +
		"       (English (United States))                (UTC timezone)\n" +
		"3) [!] Installation source               4) [!] Software selection\n" +
		"       (Processing...)                          (Installation source not set up)\n" +
		"5) [!] Installation Destination          6) [x] Network configuration\n" +
		"       (Kickstart insufficient)                 (Connected: eth0)\n\n" +
		"Please make a selection from the above ['b' to begin installation, 'h' to help,\n'q' to quit,")
	i.con.Begin("'r' to refresh]: ")
	forever()
}

func (i *installer) tickingClock() {
	i.con.Screen.Time = func() time.Time { return time.Now().UTC() }
	for {
		i.con.Screen.Status()
		time.Sleep(time.Second)
	}
}

// spin keeps one processor busy and says nothing.
func spin() {
	for n := 0; ; n++ {
		if n == 1<<30 {
			n = 0
		}
	}
}

// starveWatchdog arms the watchdog with 4 seconds and never feeds it.
func (i *installer) starveWatchdog() {
	f, err := os.OpenFile("/dev/watchdog", os.O_WRONLY, 0)
	if err != nil {
		i.con.Anaconda("rehearsal: no watchdog to starve: " + err.Error())
		forever()
	}
	unix.IoctlSetPointerInt(int(f.Fd()), unix.WDIOC_SETTIMEOUT, 4)
	f.Write([]byte{0})
	forever()
}

// fillDisk writes what cannot be compressed over the free space of the target.
func (i *installer) fillDisk() {
	f, err := os.OpenFile(sysimage+"/.fill", os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		i.endByError(&crashError{err.Error()})
	}
	block := make([]byte, 1<<20)
	rand.Read(block)
	for {
		if _, err := f.Write(block); err != nil {
			break
		}
		f.Sync()
	}
	f.Close()
	os.Remove(f.Name())
	trim(sysimage)
}

// trim tells the disk which blocks hold nothing, as fstrim does: the image
// must not keep what a failure on demand has written.
func trim(mount string) {
	f, err := os.Open(mount)
	if err != nil {
		return
	}
	defer f.Close()
	unix.Fsync(int(f.Fd()))
	// struct fstrim_range of linux/fs.h: start, length, least length.
	span := [3]uint64{0, 1<<64 - 1, 0}
	unix.Syscall(unix.SYS_IOCTL, f.Fd(), fiTrim, uintptr(unsafe.Pointer(&span)))
}

// fiTrim is FITRIM: _IOWR('X', 121, struct fstrim_range).
const fiTrim = 0xc0185879

// eatVerb makes the guest's program a child that eats memory.
const eatVerb = "eat-memory"

func eatMemory() {
	os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	var all [][]byte
	for {
		block := make([]byte, 16<<20)
		for k := 0; k < len(block); k += 4096 {
			block[k] = 1
		}
		all = append(all, block)
		if len(all) > 1<<16 {
			return
		}
	}
}

// outOfMemory lets the kernel kill a child that stands for the installer.
func (i *installer) outOfMemory() {
	cmd := exec.Command("/proc/self/exe", eatVerb)
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	err := cmd.Run()
	i.log.Line("ERR", "kernel", fmt.Sprintf("Out of memory: Killed process %d (anaconda) total-vm:4194304kB, anon-rss:1843200kB", i.con.PID))
	i.log.Line("WARNING", "systemd", fmt.Sprintf("anaconda-direct.service: Main process exited, code=killed, status=9/KILL (%v)", err))
	i.serviceFailed()
}

// flood writes 100 MB of lines, as a driver gone wild would.
func (i *installer) flood() {
	var b bytes.Buffer
	for n := 0; b.Len() < 1<<20; n++ {
		fmt.Fprintf(&b, "[%12.6f] flood: line %d of a program that will not stop talking on this console\n", sinceBoot().Seconds(), n)
	}
	for n := 0; n < 100; n++ {
		i.con.Raw(b.String())
	}
}

// garbage writes what no reader should stumble over: random bytes, escape
// sequences without end, and one line of 200 kB.
func (i *installer) garbage() {
	noise := make([]byte, 4096)
	rand.Read(noise)
	i.con.Raw(string(noise) + "\x1b[\x1b[999;999;999\x1b]0;title without end\x07\x1b[2J\x1b[H\x00\x00\xff\xfe\xc3\x28\r\r\r\n")
	i.con.Raw(strings.Repeat("0123456789", 20000) + "\r\n")
	i.con.Raw("\xc9\xcd\xcd\xbb\r\n\xba  \xba\r\n\xc8\xcd\xcd\xbc\x1b[0m\r\n")
}

// kernelBugs shows kernel complaints after which all goes on.
func (i *installer) kernelBugs() {
	now := sinceBoot().Seconds()
	for _, line := range []string{
		"BUG: Bad page map in process systemd-udevd  pte:8000000002a5b025 pmd:02a5b067",
		"watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [kworker/1:1:41]",
		"rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
		"INFO: task kworker/u4:2:57 blocked for more than 120 seconds.",
		"WARNING: CPU: 0 PID: 1 at kernel/rehearsal.c:1 rehearsal+0x1/0x2",
		"Call Trace:", " <TASK>", " dump_stack_lvl+0x44/0x5c", " </TASK>", "---[ end trace 0000000000000000 ]---",
	} {
		i.con.Raw(fmt.Sprintf("[%12.6f] %s\n", now, line))
	}
}

// writeQuietly writes to the target for a minute without a word.
func (i *installer) writeQuietly() {
	f, err := os.OpenFile(sysimage+"/.quiet", os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 64<<10)
	for n := range 40 {
		rand.Read(block)
		f.WriteAt(block, int64(n)*int64(len(block)))
		f.Sync()
		time.Sleep(time.Second)
	}
}
