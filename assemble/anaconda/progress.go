package anaconda

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/imgasm/imgasm/internal/event"
)

// How much is done, as a fraction that never goes back.

type progress struct {
	fraction  float64
	n, total  int   // packages
	got, size int64 // bytes of them
}

// shares of the phase of packages: downloading if there is any, installing,
// and the scripts that follow.
const (
	downloadShare = 0.3
	scriptsShare  = 0.1
)

// update recomputes the fraction.
func (p *progress) update(phase Phase) {
	within := 0.0
	if phase == PhasePackages {
		within = p.inPackages()
	}
	f := (weightBefore[phase] + within*phases[phase].weight) / totalWeight
	p.fraction = max(p.fraction, min(f, 1))
}

// weightBefore is the weight of all phases before each, totalWeight that of all.
var weightBefore, totalWeight = func() (before [len(phases)]float64, sum float64) {
	for i, p := range phases {
		before[i] = sum
		sum += p.weight
	}
	return before, sum
}()

func (p *progress) inPackages() float64 {
	f, rest := 0.0, 1-scriptsShare
	if p.size > 0 {
		f = downloadShare * min(1, float64(p.got)/float64(p.size))
		rest -= downloadShare
	}
	if p.total > 0 {
		if p.size > 0 {
			f = downloadShare
		}
		f += rest * min(1, float64(p.n)/float64(p.total))
	}
	return f
}

func (p *progress) packages(m *Machine, name string, n, total int) {
	if m.phase != PhasePackages {
		return
	}
	p.n, p.total = n, total
	p.update(m.phase)
	m.event(event.Event{Kind: event.Progress, Text: name, Done: int64(n), Total: int64(total), Unit: "packages", Fraction: p.fraction})
}

var downloadLine = regexp.MustCompile(`^Downloading .*? RPMs, ([0-9.]+ \w+) / ([0-9.]+ \w+)`)

// download reads "Downloading 389 RPMs, 95.38 MiB / 331.12 MiB (28%) done."
func (p *progress) download(m *Machine, text string) bool {
	amounts := downloadLine.FindStringSubmatch(text)
	if amounts == nil {
		return false
	}
	got, okGot := size(amounts[1])
	all, okAll := size(amounts[2])
	if !okGot || !okAll || all <= 0 {
		return false
	}
	p.got, p.size = max(p.got, min(got, all)), all
	p.update(m.phase)
	m.event(event.Event{Kind: event.Progress, Text: "downloading packages", Done: p.got, Total: p.size, Unit: "B", Fraction: p.fraction})
	return true
}

// size parses blivet's sizes: "331.12 MiB".
func size(s string) (int64, bool) {
	value, unit, ok := strings.Cut(s, " ")
	f, err := strconv.ParseFloat(value, 64)
	if !ok || err != nil || f > 1e12 {
		return 0, false
	}
	factor, ok := map[string]float64{"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
		"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}[unit]
	return int64(f * factor), ok && f*factor < 1<<60
}

// tasks notes the counter of Anaconda's log: "Queue started: NAME (3/16)".
func (p *progress) tasks(m *Machine, name string, n, total int) {
	m.event(event.Event{Kind: event.Progress, Text: name, Done: int64(n), Total: int64(total), Unit: "tasks", Fraction: p.fraction})
}

// finish says that all is done.
func (p *progress) finish(m *Machine) {
	if p.fraction < 1 {
		p.fraction = 1
		m.event(event.Event{Kind: event.Progress, Text: "installation complete", Fraction: 1})
	}
}
