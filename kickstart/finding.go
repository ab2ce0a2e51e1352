// What lint finds.

package kickstart

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	// Error: the installer refuses the file, or surely fails with it.
	Error Severity = "error"
	// Warning: the installer accepts it and does something that surprises.
	Warning Severity = "warning"
)

// Finding is one thing that is wrong with a file.
type Finding struct {
	Severity Severity `json:"severity"`
	// Rule is the stable kebab-case name of the rule, as in "unknown-command".
	Rule string `json:"rule"`
	// File is the name given to Parse, or the name of the included file.
	File string `json:"file"`
	// Line and Column count from 1, columns in runes. EndColumn is the column
	// behind the last rune meant, on the same line; equal to Column when the
	// finding is about a point, or about something that is missing.
	Line      int `json:"line"`
	Column    int `json:"column"`
	EndColumn int `json:"end_column"`
	// Text says what is wrong, in one lower-case sentence without a full stop.
	Text string `json:"text"`
	// Meaning says what the installer makes of it; may be empty.
	Meaning string `json:"meaning,omitempty"`
	// Hint says what to write or do instead; may be empty.
	Hint string `json:"hint,omitempty"`
	// Excerpt is the line as it stands in the file, without its line end; ""
	// for lines over 4096 bytes.
	Excerpt string `json:"excerpt,omitempty"`
}
