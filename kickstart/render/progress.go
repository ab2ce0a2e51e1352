// The lines of the progress port: the sections that AddReporting adds write
// them, whoever follows the installation reads them.

package render

import "strings"

// progressMagic begins each line.
const progressMagic = "imgasm1"

// LogPrefix begins a line that carries a piece of a log, up to its nonce.
const LogPrefix = progressMagic + " "

// ProgressLine takes a line of the progress port apart, "imgasm1 NONCE VERB
// VALUE"; see AddReporting for the verbs. It is not ok for any other line.
func ProgressLine(line string) (nonce, verb, value string, ok bool) {
	magic, rest, _ := strings.Cut(line, " ")
	nonce, rest, _ = strings.Cut(rest, " ")
	verb, value, _ = strings.Cut(rest, " ")
	return nonce, verb, value, magic == progressMagic && nonce != ""
}
