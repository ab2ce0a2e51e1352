// The charts: what grew with time.

package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/size"
)

// chart is a curve in a field of 600 × 160.
type chart struct{ Title, Max, From, To, Line, Area string }

type point struct {
	at time.Duration // since the build began
	n  int64
}

// charts are those of which there is something to see.
func (b *Build) charts() (all []chart) {
	var packages, written []point
	writer := "" // the step whose guest writes first: that installs
	for _, e := range b.Events {
		p := point{e.Time.Sub(b.Events[0].Time), e.Done}
		switch {
		case e.Kind == event.Progress && e.Unit == "packages":
			packages = append(packages, p)
		case e.Kind == event.Written && cmp.Or(writer, e.Step) == e.Step:
			writer, written = e.Step, append(written, p)
		}
	}
	for _, c := range []struct {
		title  string
		points []point
		text   func(int64) string
	}{
		{"Packages installed", packages, func(n int64) string { return fmt.Sprint(n) }},
		{"Written to the guest's disks", written, size.Text},
	} {
		if len(c.points) < 2 {
			continue
		}
		one := curve(c.points)
		one.Title, one.Max = c.title, c.text(c.points[len(c.points)-1].n)
		all = append(all, one)
	}
	return all
}

// curve draws points, of which there are two at least, in the order of time.
func curve(points []point) (c chart) {
	first, last := points[0].at, points[len(points)-1].at
	top := int64(1)
	for _, p := range points {
		top = max(top, p.n)
	}
	var line strings.Builder
	for i, p := range points {
		command := "L"
		if i == 0 {
			command = "M"
		}
		x := 600 * float64(p.at-first) / float64(max(last-first, 1))
		y := 155 - 150*float64(p.n)/float64(top)
		fmt.Fprintf(&line, "%s%.1f %.1f", command, x, y)
	}
	c.Line = line.String()
	c.Area = c.Line + "L600 160L0 160Z"
	c.From, c.To = duration(first), duration(last)
	return c
}
