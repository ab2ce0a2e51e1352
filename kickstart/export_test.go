package kickstart

// What tests of redaction look at.
const Redacted = redacted

var (
	CutLine       = cutLine
	RedactExcerpt = redactExcerpt
)
