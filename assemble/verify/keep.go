// What is kept of a verification, above all of one that failed.

package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/proc"
)

// ReportFile has the report of a failure, in Options.Dir.
const ReportFile = "report.json"

// ScreenFile has the screen of the first machine, in Options.Dir.
const ScreenFile = "screen.png"

// qemuFile is kept of a failure too.
const qemuFile = "qemu.txt"

// keep writes what is known of a failure to Dir, while the machines live.
func (r *run) keep(ctx context.Context) {
	// The context may be what has ended it: looking takes its own time.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	r.report.Kept = map[string]string{}
	var qemu strings.Builder
	for _, c := range r.clones {
		c.guest.Settle(time.Second)
		r.report.Kept[LogFile(c.n)] = fmt.Sprintf("the serial console of machine %d, byte by byte", c.n)
		fmt.Fprintf(&qemu, "%s\n\n%s\n", proc.Quote(c.vm.Argv()), c.vm.Stderr())
	}
	if r.clones[0].vm.Screendump(ctx, filepath.Join(r.Dir, ScreenFile)) == nil {
		r.report.Kept[ScreenFile] = "the screen of machine 1"
	}
	for _, f := range []struct {
		name, about string
		data        func() ([]byte, error)
	}{
		{qemuFile, "QEMU's commands, and what it printed", func() ([]byte, error) { return []byte(qemu.String()), nil }},
		{ReportFile, "every check, with all that the guest said", func() ([]byte, error) { return json.MarshalIndent(r.report, "", "  ") }},
	} {
		data, err := f.data()
		if err == nil && os.WriteFile(filepath.Join(r.Dir, f.name), append(data, '\n'), 0o600) == nil {
			r.report.Kept[f.name] = f.about
		}
	}
}
