// What a verification has found out.

package verify

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/boottest"
	"github.com/imgasm/imgasm/internal/fault"
)

// Report is what was found out of an image.
type Report struct {
	Image    string          `json:"image"`
	System   string          `json:"system,omitempty"` // as its os-release calls it
	Arch     string          `json:"arch"`
	Firmware string          `json:"firmware"` // "UEFI" or "BIOS"
	Accel    string          `json:"accelerator"`
	QEMU     string          `json:"qemu"` // its version
	Machines int             `json:"machines"`
	Results  []Result        `json:"checks"`
	Seconds  float64         `json:"seconds"`
	Proof    *boottest.Proof `json:"bootTest,omitempty"` // nil: nobody saw it boot

	// Failure is the guest's own, nil if it had none.
	Failure *anaconda.Failure `json:"failure,omitempty"`
	// Kept are the files of Dir that tell of a failure, and what they are.
	Kept map[string]string `json:"-"`
}

// Status is how a check ended.
type Status string

// How checks end.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped" // it could not be asked, or was not to be
)

// Result is a check that was made, or skipped.
type Result struct {
	Name    string   `json:"name"`
	Text    string   `json:"text"` // what it asks
	Status  Status   `json:"status"`
	Seconds float64  `json:"seconds"`
	Why     string   `json:"why"`            // the evidence, or why not
	Said    []string `json:"said,omitempty"` // the guest's own words, of a failure
	// Warning: it failed, and the image passes all the same: see Options.Decides.
	Warning bool `json:"warning,omitempty"`
}

// mostSaid is how many lines of the guest an error quotes.
const mostSaid = 8

// String is why, and the end of what the guest said.
func (r Result) String() string {
	text := r.Why
	for _, line := range r.Said[max(0, len(r.Said)-mostSaid):] {
		text += "\n    " + line
	}
	return text
}

// Names are those of the checks that ended in a way.
func (r *Report) Names(s Status) (names []string) {
	for _, res := range r.Results {
		if res.Status == s {
			names = append(names, res.Name)
		}
	}
	return names
}

// Count is how many checks ended in a way.
func (r *Report) Count(s Status) int { return len(r.Names(s)) }

// Unanswered are the checks that were skipped, by the reason.
func (r *Report) Unanswered() map[string][]string {
	all := map[string][]string{}
	for _, res := range r.Results {
		if res.Status == Skipped {
			all[res.Why] = append(all[res.Why], res.Name)
		}
	}
	return all
}

// Err is of class ErrFailed if a check failed that decides, and says which; nil if
// none did.
func (r *Report) Err() error {
	var text string
	n := 0
	for _, res := range r.Results {
		if res.Status == Failed && !res.Warning {
			n++
			text += "\n  " + res.Name + ": " + strings.ReplaceAll(res.String(), "\n", "\n  ")
		}
	}
	if text == "" {
		return nil
	}
	do := ""
	if r.Failure != nil {
		do = r.Failure.Hint
	}
	return &fault.Error{
		Class: ErrFailed, Err: errors.New(count(n, "check") + " of " + fmt.Sprint(len(r.Results)) + " failed:" + text),
		Do: cmp.Or(do, "what was kept shows more: the console, the screen, what each check saw; {Skip} NAME leaves a check out"),
	}
}

// count is "1 check", "2 checks".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Summary is the report as a page of Markdown, the first of what is kept of a failure.
func (r *Report) Summary() string {
	var s strings.Builder
	fmt.Fprintf(&s, "# %s: %s failed\n\n", filepath.Base(r.Image), count(r.Count(Failed), "check"))
	fmt.Fprintf(&s, "- image: %s\n- system: %s\n- machines: %d, %s by %s, QEMU %s on %s\n\n", r.Image, r.System, r.Machines, r.Arch, r.Firmware, r.QEMU, r.Accel)
	for _, res := range r.Results {
		fmt.Fprintf(&s, "- %s: **%s** (%.1f s): %s\n", res.Status, res.Name, res.Seconds, res.Why)
		if res.Status == Failed && len(res.Said) > 0 {
			fmt.Fprintf(&s, "\n        %s\n\n", strings.Join(res.Said, "\n        "))
		}
	}
	return s.String()
}
