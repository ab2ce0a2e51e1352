// Package junit writes results as JUnit's XML, which build servers show: as far
// as its readers agree (github.com/testmoapp/junitxml).
package junit

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// Check refuses a path at which no suite can be put, or where something else is than
// results of any program. Errors are of class publish.ErrPlace, and of files.
func Check(path string) error {
	if err := publish.Check(path); err != nil {
		return err
	}
	f, err := smallfile.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer f.Close()
	begin, err := io.ReadAll(io.LimitReader(f, 4<<10))
	if err == nil && len(begin) > 0 && !bytes.Contains(begin, []byte("<testsuite")) {
		err = &fault.Error{Class: publish.ErrPlace, Err: fmt.Errorf("%s exists and has no results of tests", path), Do: "move it away, or give another name"}
	}
	return err
}

// Suite is a run of cases.
type Suite struct {
	Name    string
	Seconds float64 // 0: the sum of the cases'
	Cases   []Case
}

// Case is one of them. Neither Failure nor Skipped: it passed.
type Case struct {
	Class, Name string
	Seconds     float64
	Failure     *Outcome
	Skipped     *Outcome
	Out         string
}

// Outcome is why.
type Outcome struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

type (
	xmlSuites struct {
		XMLName xml.Name   `xml:"testsuites"`
		Suites  []xmlSuite `xml:"testsuite"`
	}
	xmlSuite struct {
		Name     string    `xml:"name,attr"`
		Tests    int       `xml:"tests,attr"`
		Failures int       `xml:"failures,attr"`
		Errors   int       `xml:"errors,attr"`
		Skipped  int       `xml:"skipped,attr"`
		Time     string    `xml:"time,attr"` // seconds
		Cases    []xmlCase `xml:"testcase"`
	}
	xmlCase struct {
		Class   string   `xml:"classname,attr"`
		Name    string   `xml:"name,attr"`
		Time    string   `xml:"time,attr"`
		Failure *Outcome `xml:"failure"`
		Skipped *Outcome `xml:"skipped"`
		Out     string   `xml:"system-out,omitempty"`
	}
)

// Write writes the suite.
func (s Suite) Write(w io.Writer) error {
	seconds := func(s float64) string { return fmt.Sprintf("%.3f", s) }
	out := xmlSuite{Name: s.Name, Tests: len(s.Cases)}
	sum := 0.0
	for _, c := range s.Cases {
		sum += c.Seconds
		if c.Failure != nil {
			out.Failures++
		}
		if c.Skipped != nil {
			out.Skipped++
		}
		out.Cases = append(out.Cases, xmlCase{c.Class, c.Name, seconds(c.Seconds), c.Failure, c.Skipped, c.Out})
	}
	if s.Seconds > 0 {
		sum = s.Seconds
	}
	out.Time = seconds(sum)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(xmlSuites{Suites: []xmlSuite{out}}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
