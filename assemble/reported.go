// The page about a build, made when that has ended, of what a failure's bundle
// would have.

package assemble

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/imgasm/imgasm/assemble/report"
	"github.com/imgasm/imgasm/internal/event"
)

// report makes the page that was asked for, of a build that ended with err. One
// of whose guest a bundle is kept has its page already.
func (j *Job) report(err error, interrupted bool) {
	if j.Outputs.Report == "" || errors.As(err, new(*KeptError)) {
		return
	}
	files := map[string][]byte{}
	if j.Build.Report != nil {
		files = j.Build.Report("the build", err).Files
	}
	if err != nil {
		j.note(Event{Kind: event.Error, Text: err.Error(), Hint: Hint(err), Interrupted: interrupted})
	} else if about, err := json.Marshal(j.finished.Image); err == nil { // a struct of strings and numbers
		files[report.ImageFile] = about
	}
	if problem := j.stage(files); problem != nil {
		j.noPage(problem)
		return
	}
	j.page()
}

// page makes a page of the staged bundle. The build ends as it does without it.
func (j *Job) page() {
	b, err := report.Read(context.Background(), j.Path(stagedBundle))
	if err == nil {
		b.Name = filepath.Base(j.Outputs.Path)
		_, err = b.Put(j.Outputs.Report)
	}
	if err != nil {
		j.noPage(err)
	}
}

func (j *Job) noPage(err error) {
	j.Emit(Event{Kind: event.Warning, Text: fmt.Sprintf("there is no report in %s: %v", j.Outputs.Report, err)})
}
