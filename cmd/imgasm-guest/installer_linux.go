// The installer: the order of an installation, in Anaconda's words. What goes
// wrong ends it as Anaconda's errors do.

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble/rehearsal/failures"
	"github.com/imgasm/imgasm/cmd/imgasm-guest/layout"
	"github.com/imgasm/imgasm/cmd/imgasm-guest/talk"
	"github.com/imgasm/imgasm/kickstart"
)

// Where things are while installing, as in Anaconda's environment.
const (
	sysimage  = "/mnt/sysimage"
	repo      = "/run/install/repo"
	ksPath    = "/run/install/ks.cfg"
	product   = "AlmaLinux " + productVersion
	anacondaV = "40.22.3.57-1.el10"
)

// productVersion is the AlmaLinux release whose layout is rehearsed.
const productVersion = "10.0"

type installer struct {
	*machine
	log      *talk.Log
	ks       *kickstart.File
	commands []*kickstart.Command
	stage2   *stage2
	plan     *layout.Plan
	roots    map[string]string // UUID of the file system at a mount point
	nevras   []string          // installed packages
	queue    int               // task queues started
	started  time.Time

	stage1Errors []string // what dracut warned of, for the installer to say again
}

// Errors, by what Anaconda does about them.
type (
	// cmdlineError ends a non-interactive installation: the text, %onerror,
	// three minutes, then as the kickstart says.
	cmdlineError struct{ text string }
	// crashError is an exception that nothing handles.
	crashError struct{ text string }
	// scriptError is a script with --erroronfail: a dialog that waits for ENTER.
	scriptError struct {
		line   int
		output string
	}
)

func (e *cmdlineError) Error() string { return e.text }
func (e *crashError) Error() string   { return e.text }
func (e *scriptError) Error() string  { return fmt.Sprintf("script at line %d", e.line) }

func (m *machine) runInstaller() {
	i := &installer{machine: m, roots: map[string]string{}, log: &talk.Log{Now: wallClock}, started: time.Now()}
	i.at(atBoot)
	i.stage1()
	i.startStage2()
	i.con.Anaconda("Starting installer, one moment...")
	i.openLog()
	i.repeatErrors()
	i.con.Anaconda(fmt.Sprintf("anaconda %s for %s started.", anacondaV, product))
	i.con.Anaconda(" * installation log files are stored in /tmp during the installation\n" +
		" * shell is available on TTY2 and in second TMUX pane (ctrl+b, then press 2)\n" +
		" * if the graphical installation interface fails to start, try again with the\n" +
		"   inst.text bootoption to start text installation\n" +
		" * when reporting a bug add logs from /tmp as separate text/plain attachments")
	i.con.Anaconda("This is imgasm's rehearsal: no AlmaLinux is installed, the words are Anaconda's.")
	i.log.Info("main", "/sbin/anaconda %s", anacondaV)
	i.log.Info("main", "this is imgasm's rehearsal, not Anaconda")
	i.at(atStart)
	if !exists(ksPath) {
		i.withoutKickstart()
	}
	i.readKickstart()
	if err := i.runScripts("%pre", ""); err != nil {
		i.endByPreError(err)
	}
	i.at(atPre)
	i.parseKickstart()
	i.con.Anaconda(clock() + " Not asking for remote desktop session because of an automated install")
	if err := i.install(); err != nil {
		i.endByError(err)
	}
	i.complete()
}

// wallClock and clock are the guest's time of day.
func wallClock() time.Time { return time.Now() }

func clock() string { return time.Now().UTC().Format("15:04:05") }

// install is what happens between the hub and "Complete!".
func (i *installer) install() error {
	i.con.Begin("Starting automated install")
	i.at(atHub)
	i.con.Begin(".")
	i.con.Anaconda("Saving storage configuration...")
	plan, err := i.planStorage()
	if err != nil {
		return err
	}
	i.plan = plan
	i.con.Begin("..")
	i.con.Anaconda("Checking storage configuration...")
	i.con.Anaconda("..")
	i.showHub()
	i.log.Info("installation", "Task started: Installation queue (1/2)")
	i.queueStarted("Installation queue")
	for _, step := range []struct {
		says, queue string
		run         func() error
	}{
		{"Setting up the installation environment", "Installation environment setup", i.prepare},
		{"Configuring storage", "Early storage configuration", i.configureStorage},
		{"Running pre-installation scripts", "Pre-install scripts", func() error { return i.runScripts("%pre-install", "") }},
		{"Running pre-installation tasks", "Pre install tasks", nothing},
		{"Installing the software", "Payload installation", i.installPackages},
		{"Installing boot loader", "Bootloader installation", i.installBootloader},
		{"Performing post-installation setup tasks", "Post-installation setup tasks", nothing},
		{"", "Configuration queue", nothing},
		{"Importing certificates", "Certificates import", nothing},
		{"Configuring installed system", "Installed system configuration", i.configureSystem},
		{"Writing network configuration", "", i.writeNetwork},
		{"Creating users", "User creation", i.createUsers},
		{"Configuring addons", "Anaconda addon configuration", nothing},
		{"Generating initramfs", "Initramfs generation", i.writeInitramfs},
		{"Storing configuration files and kickstarts", "Write configs and kickstarts", i.storeKickstart},
		{"Running post-installation scripts", "Post installation scripts", func() error { return i.runScripts("%post", sysimage) }},
	} {
		if step.queue == "Configuration queue" {
			i.log.Debug("installation", "Task completed: Installation queue (1/2) (%.1f s)", time.Since(i.started).Seconds())
			i.log.Info("installation", "Task started: Configuration queue (2/2)")
		}
		if step.queue != "" {
			i.queueStarted(step.queue)
		}
		if step.says == "" {
			continue
		}
		i.con.Anaconda(step.says)
		i.at(point(step.says))
		if err := step.run(); err != nil {
			return err
		}
		i.con.Anaconda(".")
	}
	i.log.Debug("installation", "Task completed: Configuration queue (2/2) (%.1f s)", time.Since(i.started).Seconds())
	i.log.Info("installation", "All tasks in the installation queue are done. Installation successfully finished.")
	i.at(atComplete)
	return nil
}

func nothing() error { return nil }

// queues is how many times install calls queueStarted.
const queues = 16

func (i *installer) queueStarted(name string) {
	i.queue++
	i.log.Info("installation", "Queue started: %s (%d/%d)", name, i.queue, queues)
}

// showHub prints the summary hub as text mode draws it once before it goes on.
func (i *installer) showHub() {
	rule := strings.Repeat("=", 80)
	i.con.Anaconda(rule + "\n" + rule + "\nInstallation\n\n" +
		"1) [x] Language settings                 2) [x] Time settings\n" +
		"       (English (United States))                (UTC timezone)\n" +
		"3) [x] Installation source               4) [x] Software selection\n" +
		"       (Local media)                            (Custom software selected)\n" +
		"5) [x] Installation Destination          6) [x] Network configuration\n" +
		"       (Custom partitioning selected)           (Connected: eth0)\n\n" +
		rule + "\n" + rule)
	i.con.Anaconda("Progress")
}

// complete says that all is done and ends as the kickstart asks.
func (i *installer) complete() {
	i.con.Anaconda("Complete!")
	i.con.Anaconda("Installation complete")
	i.con.Anaconda("\nUse of this product is subject to the license agreement found at:\n/usr/share/almalinux-release/EULA\n")
	how := i.ending()
	if i.fail == failures.WaitsForEnter {
		how = ""
	}
	if how == "" || how == "halt" {
		i.con.Begin("Installation complete. Press ENTER to quit: ")
		i.waitForPowerButton()
	}
	i.unmount()
	i.shutdown(how)
}

// ending is the last of reboot, poweroff, shutdown and halt in the kickstart,
// shutdown being poweroff; empty if there is none.
func (i *installer) ending() string {
	how := ""
	for _, c := range i.commands {
		switch c.Name() {
		case "reboot", "poweroff", "halt":
			how = c.Name()
		case "shutdown":
			how = "poweroff"
		}
	}
	return how
}

// shutdown is systemd's end of the installer's system.
func (i *installer) shutdown(how string) {
	if !i.con.Detach() {
		i.con.Unit("OK", "Stopped", "anaconda-direct.service", "the anaconda installation program")
	}
	i.con.Unit("OK", "Unmounted", "mnt-sysimage.mount", "/mnt/sysimage")
	if how == "reboot" {
		i.con.Unit("OK", "Reached target", "reboot.target", "System Reboot")
		i.con.Raw("Rebooting.\r\n")
	} else {
		i.con.Unit("OK", "Reached target", "poweroff.target", "System Power Off")
		i.con.Raw("Powering off.\r\n")
	}
	i.power(how)
}

// repeatErrors says again what dracut warned of.
func (i *installer) repeatErrors() {
	if len(i.stage1Errors) == 0 {
		return
	}
	const title = " Installer errors encountered during boot "
	i.con.Anaconda(clock() + " \n" + centre(title, '#', 70) + "\n" + strings.Join(i.stage1Errors, "\n") + "\n\n" + centre(title+"end ", '#', 70))
}

// centre writes text in the middle of n fillers.
func centre(text string, filler byte, n int) string {
	left := max(0, n-len(text)) / 2
	right := max(0, n-len(text)) - left
	return strings.Repeat(string(filler), left) + text + strings.Repeat(string(filler), right)
}

// withoutKickstart is an installer that nobody told anything, in cmdline mode.
func (i *installer) withoutKickstart() {
	i.endByError(&cmdlineError{"The following mandatory spokes are not completed:\nInstallation source\nSoftware selection\nInstallation Destination\nRoot password\nUser creation"})
}

// readKickstart parses the file for its scripts. What is wrong in its commands
// is found later: %pre may write files that it includes.
func (i *installer) readKickstart() {
	src, err := os.ReadFile(ksPath)
	if err != nil {
		i.endByError(&crashError{err.Error()})
	}
	file, err := kickstart.Parse("ks.cfg", src)
	if err != nil {
		var p *kickstart.ParseError
		if errors.As(err, &p) {
			i.endByKickstart(p.Pos.Line, p.Text)
		}
		i.endByKickstart(1, err.Error())
	}
	i.ks, i.commands = file, file.Commands()
	i.log.Info("main", "Found a kickstart file: %s", ksPath)
}

// parseKickstart reads the file with its includes as Anaconda's parser does
// and stops at the first error.
func (i *installer) parseKickstart() {
	i.log.Info("startup_utils", "Parsing kickstart: %s", ksPath)
	whole, missing := expand(i.ks.Bytes(), 0)
	if missing != nil {
		i.endByKickstart(missing.Line, missing.Text)
	}
	file, err := kickstart.Parse("ks.cfg", whole)
	if err != nil {
		i.endByKickstart(1, err.Error())
	}
	i.ks, i.commands = file, file.Commands()
	if all := i.kickstartErrors(); len(all) > 0 {
		i.endByKickstart(all[0].Line, all[0].Text)
	}
	if warnings := ksWarnings(i.ks); len(warnings) > 0 {
		i.con.Anaconda("\nSome warnings occurred during reading the kickstart file:\n" + strings.Join(warnings, "\n"))
		if i.args.flag("inst.ksstrict") {
			i.endByKickstart(0, "Please modify your kickstart file to fix the warnings or remove the `ksstrict` option.")
		}
	}
}

// kickstartErrors lists the errors that Anaconda stops at, in the order of the file.
func (i *installer) kickstartErrors() []ksError {
	if i.fail == failures.Kickstart || i.fail == failures.TmuxKickstart {
		return []ksError{{1, "Unknown command: frobnicate"}}
	}
	return ksErrors(i.ks)
}

// planStorage decides on disk and partitions.
func (i *installer) planStorage() (*layout.Plan, error) {
	uefi := exists("/sys/firmware/efi")
	disks := targets(devices())
	if len(disks) == 0 {
		i.loadLate()
		disks = targets(devices())
	}
	plan, err := layout.Make(i.commands, disks, uefi)
	var e *layout.Error
	switch {
	case errors.As(err, &e) && e.Parse:
		i.endByKickstart(e.Line, e.Text)
	case err != nil:
		return nil, &cmdlineError{err.Error()}
	}
	for _, n := range plan.Notes {
		i.con.Anaconda("rehearsal: " + n)
	}
	return plan, nil
}
