// The report for programs that show tests.

package verify

import (
	"encoding/xml"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// JUnit's XML, as far as its readers agree (github.com/testmoapp/junitxml).
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     string      `xml:"time,attr"` // seconds
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitOutcome `xml:"failure"`
		Skipped *junitOutcome `xml:"skipped"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitOutcome struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes the report as JUnit's XML, which build servers show.
func (r *Report) WriteJUnit(w io.Writer) error {
	seconds := func(s float64) string { return fmt.Sprintf("%.3f", s) }
	suite := junitSuite{
		Name: "imgasm verify " + filepath.Base(r.Image), Tests: len(r.Results),
		Failures: r.Count(Failed), Skipped: r.Count(Skipped), Time: seconds(r.Seconds),
	}
	for _, res := range r.Results {
		c := junitCase{Class: "imgasm.verify." + r.Arch, Name: res.Name, Time: seconds(res.Seconds)}
		switch res.Status {
		case Failed:
			c.Failure = &junitOutcome{res.Why, string(Failed), strings.Join(res.Said, "\n")}
		case Skipped:
			c.Skipped = &junitOutcome{Message: res.Why}
		default:
			c.Out = res.Why
		}
		suite.Cases = append(suite.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(junitSuites{Suites: []junitSuite{suite}}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
