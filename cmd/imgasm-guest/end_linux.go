// How an installation ends that does not succeed: what Anaconda and systemd
// say, and what the machine does afterwards.

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// endByKickstart is an error of the kickstart file: the process exits before
// it has told systemd to end the machine, which therefore stays up.
func (i *installer) endByKickstart(line int, text string) {
	where := ""
	if line > 0 {
		where = fmt.Sprintf("The following problem occurred on line %d of the kickstart file:\n\n", line)
	}
	i.con.Anaconda("\nAn error occurred during reading the kickstart file:\n" + where + text + "\n\nThe installer will now terminate.")
	i.log.Line("CRIT", "anaconda", fmt.Sprintf("anaconda: startup_utils: kickstart line %d: %s", line, text))
	time.Sleep(10 * time.Second)
	i.serviceFailed()
}

// endByPreError is a %pre --erroronfail: no handler is installed yet, so the
// exception is a traceback.
func (i *installer) endByPreError(err error) {
	var s *scriptError
	if !errors.As(err, &s) {
		i.endByError(err)
	}
	i.con.Anaconda("Traceback (most recent call last):\n" +
		"  File \"/sbin/anaconda\", line 372, in <module>\n" +
		"    kickstart.run_pre_scripts(path)\n" +
		"  File \"/usr/lib64/python3.12/site-packages/pyanaconda/kickstart.py\", line 366, in runPreScripts\n" +
		"    script.run(\"/\")\n" +
		"pyanaconda.errors.ScriptError: " + fmt.Sprintf("(%d, '%s')", s.line, firstLine([]byte(s.output))))
	i.serviceFailed()
}

// serviceFailed is what systemd says of a dead installer. In tmux the pane
// shows it and stays; otherwise a second, hidden installer starts, and the
// console is silent for ever.
func (i *installer) serviceFailed() {
	if i.con.Screen != nil {
		i.con.Anaconda("\nPane is dead (status 1, " + time.Now().UTC().Format(time.ANSIC) + ")")
		forever()
	}
	i.con.Unit("FAILED", "Failed to start", "anaconda-direct.service", "the anaconda installation program")
	i.con.Raw("See 'systemctl status anaconda-direct.service' for details.\r\n")
	i.con.Unit("OK", "Reached target", "anaconda.target", "Anaconda System Services")
	i.con.Unit("", "Starting", "anaconda.service", "Anaconda..")
	i.con.Unit("OK", "Started", "anaconda.service", "Anaconda")
	forever()
}

// endByError ends as Anaconda does in cmdline mode.
func (i *installer) endByError(err error) {
	var script *scriptError
	var crash *crashError
	if errors.As(err, &script) {
		i.scriptDialog(script)
	}
	i.log.Line("CRIT", "anaconda", "anaconda: exception: Traceback (most recent call last):\n"+err.Error())
	if errors.As(err, &crash) {
		i.con.Anaconda("Traceback (most recent call last):\n" +
			"  File \"/usr/lib64/python3.12/site-packages/pyanaconda/installation_tasks.py\", line 209, in _run\n" +
			"    item.start()\n" + crash.text)
		i.con.Anaconda("\nRunning in cmdline mode, no interactive debugging allowed.\nThe exact error message is: \n\n" + crash.text + ".\n\nThe installer will now terminate.")
	} else {
		i.con.Anaconda("\nThe installation was stopped due to an error which occurred while running in non-interactive cmdline mode. " +
			"Since there cannot be any questions in cmdline mode, edit your kickstart file and retry installation. \n" +
			"The exact error message is: \n\nNon interactive installation failed: " + err.Error() + ". \n\nThe installer will now terminate.")
	}
	if err := i.runScripts("%onerror", ""); err != nil {
		i.log.Error("kickstart", "%v", err)
	}
	time.Sleep(180 * time.Second)
	how := i.ending()
	if how == "" {
		how = "reboot"
	}
	i.unmount()
	i.shutdown(how)
}

// scriptDialog is a failed --erroronfail script after the hub: a box, and a
// prompt that a journal never shows.
func (i *installer) scriptDialog(s *scriptError) {
	rule := strings.Repeat("=", 80)
	text := rule + "\n" + rule + "\nError\n\n" +
		indent(fmt.Sprintf("There was an error running the kickstart script at line %d.  This is a fatal error and installation will be aborted.  The details of this error are:", s.line)) +
		"\n  \n" + indent(s.output)
	i.con.Anaconda(text)
	i.con.Begin("\nPress ENTER to exit: ")
	forever()
}

// indent wraps a text at 80 columns behind two blanks, as simpleline's dialogs do.
func indent(text string) string {
	var out []string
	for _, paragraph := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		line := " "
		for _, word := range strings.SplitAfter(paragraph, " ") {
			if len(strings.TrimRight(line+word, " ")) >= 79 && line != " " {
				out = append(out, strings.TrimRight(line, " "))
				line = " "
			}
			if line == " " {
				line = "  "
			}
			line += word
		}
		out = append(out, strings.TrimRight(line, " "))
	}
	return strings.Join(out, "\n")
}

// waitForPowerButton waits at the prompt that nobody answers, until the
// machine is told to power down.
func (i *installer) waitForPowerButton() {
	<-powerButton()
	i.unmount()
	i.shutdown("poweroff")
}

// unmount takes the target's file systems down, the innermost first, so that
// the installed system finds them clean.
func (i *installer) unmount() {
	unix.Sync()
	mounts, _ := os.ReadFile("/proc/self/mounts")
	lines := strings.Split(string(mounts), "\n")
	for k := len(lines) - 1; k >= 0; k-- {
		f := strings.Fields(lines[k])
		if len(f) < 2 || f[1] != sysimage && !strings.HasPrefix(f[1], sysimage+"/") {
			continue
		}
		if err := unix.Unmount(f[1], 0); err != nil {
			i.con.Unit("FAILED", "Failed unmounting", f[1], err.Error())
		}
	}
	unix.Sync()
}
