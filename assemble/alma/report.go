// What a failure's bundle says of a build.

package alma

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/guest"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/kickstart"
	"github.com/imgasm/imgasm/kickstart/render"
)

// logs are those that a bundle takes out of the working folder.
func logs() map[string]assemble.Log {
	all := guest.TestLogs()
	all[serialFile] = assemble.Log{About: "the guest's serial console, byte by byte"}
	all[logFile] = assemble.Log{About: "the installer's log, as it came on its port"}
	all[progressFile] = assemble.Log{About: "what imgasm's own sections of the kickstart said", Filter: withoutPayload}
	return all
}

// payload is the BASE64 of a line "imgasm1 NONCE log NAME BASE64".
var payload = regexp.MustCompile(`(?m)^(` + render.LogPrefix + `\S+ log \S+ ).*`)

// withoutPayload leaves the BASE64 out: the bundle has those logs as files, and a
// secret in base64 cannot be found. Lines keep their numbers.
func withoutPayload(log []byte) []byte {
	return payload.ReplaceAll(log, []byte("${1}(see "+watch.InstallerLogs+"/)"))
}

// report is what a bundle has besides logs, and besides what a guest's end has given it.
func (p *Plan) report(cause error, said anaconda.Report) assemble.Report {
	r := p.Report(p.Outputs.Path, p.View(), cause)
	r.Files[kickstartFile], r.About[kickstartFile] = kickstart.Redact(p.Kickstart.Guest), "the kickstart that the guest read, without secrets"
	for name, text := range said.Logs {
		r.Files[watch.InstallerLogs+"/"+filepath.Base(name)] = text
	}
	if names := slices.Sorted(maps.Keys(said.Logs)); len(names) > 0 {
		r.About[watch.InstallerLogs+"/"] = "the ends of the installer's own logs: " + strings.Join(names, ", ")
	}
	r.Facts += fmt.Sprintf("- installer: %s, volume %q\n- kickstart: %s\n- kernel arguments: `%s`\n",
		p.Installer.name(), p.Installer.Label, p.Kickstart.Name, strings.Join(p.Arguments, " "))
	r.Next = fmt.Sprintf("\n`imgasm replay %s` shows how the installation went. Numbers of lines are those of the files here.\n", filepath.Base(assemble.BundleDir(p.Outputs.Path)))
	return r
}
