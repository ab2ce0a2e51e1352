// The report for programs that show tests.

package verify

import (
	"io"
	"path/filepath"
	"strings"

	"github.com/imgasm/imgasm/internal/junit"
)

// WriteJUnit writes the report as JUnit's XML, which build servers show.
func (r *Report) WriteJUnit(w io.Writer) error {
	suite := junit.Suite{Name: "imgasm verify " + filepath.Base(r.Image), Seconds: r.Seconds}
	for _, res := range r.Results {
		c := junit.Case{Class: "imgasm.verify." + r.Arch, Name: res.Name, Seconds: res.Seconds}
		switch res.Status {
		case Failed:
			c.Failure = &junit.Outcome{Message: res.Why, Type: string(Failed), Text: strings.Join(res.Said, "\n")}
		case Skipped:
			c.Skipped = &junit.Outcome{Message: res.Why}
		default:
			c.Out = res.Why
		}
		suite.Cases = append(suite.Cases, c)
	}
	return suite.Write(w)
}
