// The step that runs the installer and watches it.

package alma

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/guest"
	"github.com/imgasm/imgasm/assemble/watch"
)

// theInstallation is what a guest does that is watched, and what keeps its channels.
var theInstallation = guest.Watched{What: "the installation", Logs: map[anaconda.Channel]string{anaconda.OnConsole: serialFile, anaconda.OnLog: logFile, anaconda.OnProgress: progressFile}}

// install starts the installer and follows it to its end. report is what it has said.
func install(ctx context.Context, j *assemble.Job, p *Plan, report *anaconda.Report) (string, error) {
	vm, err := p.Start(ctx, j, p.Machine)
	if err != nil {
		return "", err
	}
	defer vm.Close()
	judge := anaconda.New(anaconda.Config{
		Arch: p.arch.Name, Accel: p.Accel.Accel, Field: p.Host.Field, Nonce: p.nonce(), DoneMarker: true, KickstartRequired: true,
		EndsWithReboot: p.Kickstart.End == "reboot", PreScripts: p.Kickstart.HasPre, Stall: p.Spec.StallTimeout,
		Kickstart: anaconda.Kickstart{Name: p.Kickstart.Name, Text: p.Kickstart.Guest},
	})
	g := watch.New(vm, judge, watch.Options{
		What: theInstallation.What, Timeout: p.Timeout, SpaceWait: p.Spec.SpaceWait,
		Free: func() (int64, error) { return p.Host.Free(filepath.Dir(p.Outputs.Path)) },
		Keep: func(port string) (*os.File, error) {
			return j.Create(map[string]string{"": serialFile, watch.LogPort: logFile, watch.ProgressPort: progressFile}[port])
		},
		Emit: j.Emit,
	})
	defer g.FinishLogs()
	failure, err := g.Follow(ctx, nil)
	*report = judge.Report()
	if failure != nil || err != nil {
		return "", p.Failed(ctx, j, g, theInstallation, failure, err)
	}
	// The guest is off and QEMU paused: what it still holds goes to the disk now.
	if err := vm.Quit(ctx); err != nil && ctx.Err() == nil {
		return "", lacking(
			fmt.Errorf("QEMU exited with an error after the installation, before all of the guest's disk was written: %w", err),
			"try again, and see what on this host ends processes: a lack of memory, perhaps",
		)
	}
	text := "complete"
	if n := len(report.Packages); n > 0 {
		text = fmt.Sprintf("complete, %d packages", n)
	}
	if release := report.Facts["release"]; release != "" {
		text += ", " + release
	}
	return text, nil
}
