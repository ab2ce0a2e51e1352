// The first page of a failure bundle.

package alma

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/internal/proc"
)

// bundleFiles says what the files of a bundle are.
var bundleFiles = map[string]string{
	serialFile:     "the guest's serial console, byte by byte",
	logFile:        "the installer's log, as it came on its port",
	progressFile:   "what imgasm's own sections of the kickstart said",
	testSerialFile: "the serial console of the boot test",
	eventsFile:     "what imgasm said, and when",
	kickstartFile:  "the kickstart that the guest read, without secrets",
	"plan.json":    "everything that was decided before the build",
	"host.json":    "this host",
	"failure.json": "the failure, with the guest's lines",
	"guest.json":   "what QEMU said of the guest",
	"qemu.txt":     "QEMU's command and what it printed",
	screenFile:     "the guest's screen",
	panicFile:      "where imgasm itself broke",
}

// summary is what a person pastes into a bug report. files are those of the
// bundle that are no logs of the working folder's.
func (b *build) summary(what string, cause error, failure *anaconda.Failure, files map[string][]byte) string {
	var s strings.Builder
	fmt.Fprintf(&s, "# %s failed\n\n%v\n\n", what, cause)
	if failure != nil {
		fmt.Fprintf(&s, "- phase: %v\n- rule: %s (%s)\n- meaning: %s\n- what to do: %s\n\n", failure.Phase, failure.Rule, failure.Class, failure.Says(), failure.Hint)
		if lines := slices.Concat(failure.Lines, failure.Said); len(lines) > 0 {
			s.WriteString("What the guest said:\n\n")
			for _, l := range lines {
				fmt.Fprintf(&s, "    %s\n", place(what, l)+l.Text)
			}
			s.WriteString("\n")
		}
		for _, o := range failure.Others {
			fmt.Fprintf(&s, "Also seen: %s (%s)\n", o.Says(), o.Rule)
		}
	}
	fmt.Fprintf(&s, "\n- date: %s\n", b.Host.Now().UTC().Format(time.RFC3339))
	if len(b.Host.Command) > 0 {
		fmt.Fprintf(&s, "- to repeat it: `%s`\n", proc.Quote(b.Host.Command))
	}
	fmt.Fprintf(&s, "- imgasm %s, QEMU %s, %s on %s (%s)\n- installer: %s, volume %q\n- kickstart: %s\n- kernel arguments: `%s`\n",
		b.Host.Version, b.QEMU.Version, b.Accel.Accel, b.Host.OS, b.Accel.Reason, b.productName(), b.Installer.Label, b.Kickstart.Name, strings.Join(b.Arguments, " "))
	s.WriteString("\nFiles beside this one:\n\n")
	for _, name := range slices.Sorted(maps.Keys(bundleFiles)) {
		if _, ok := files[name]; ok || b.logged(name) {
			fmt.Fprintf(&s, "- %s: %s\n", name, bundleFiles[name])
		}
	}
	if len(b.report.Logs) > 0 {
		names := slices.Sorted(maps.Keys(b.report.Logs))
		fmt.Fprintf(&s, "- %s/: the ends of the installer's own logs: %s\n", installerLogs, strings.Join(names, ", "))
	}
	fmt.Fprintf(&s, "\n`imgasm replay %s` shows how the installation went. Numbers of lines are those of the files here.\n", filepath.Base(bundleDir(b.Out)))
	return s.String()
}

// logged reports whether the working folder has a log.
func (b *build) logged(name string) bool {
	if !slices.Contains(workLogs, name) {
		return false
	}
	_, err := b.ws.root.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}
