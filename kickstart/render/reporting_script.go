// The shell of the reporting sections.

package render

import (
	"cmp"
	_ "embed" // of onerror.sh
	"fmt"
	"strings"
)

// report is one of our sections.
type report struct {
	header string
	body   string // shell that writes the report to standard output
	after  string // shell that follows, whether there is a port or not
	ticks  int    // tenths of a second after which the port is given up
}

// reports are our sections, in the order of the file. Scripts of one kind run
// in the order of the file, so our %post is the last.
func reports(r Reporting) []report {
	logs := cmp.Or(r.logs, "/tmp")
	post := postReport
	if r.Packages {
		post += postPackages
	}
	all := []report{
		{header: "%pre", body: "say phase pre\n", ticks: 100},
		{header: "%pre-install", body: "say phase pre-install\n", ticks: 100},
		// Asking rpm for a desktop's packages takes minutes on an emulated processor,
		// and without "done" the installation has failed.
		{header: "%post", body: post + "say done\n", after: trim, ticks: 12000},
		// The installer waits for three minutes after an error, then leaves.
		{header: "%onerror", body: "logs=" + shellQuote(logs) + "\n" + onerrorReport, ticks: 900},
	}
	if r.ticks > 0 {
		for i := range all {
			all[i].ticks = r.ticks
		}
	}
	return all
}

// script is the body of a section. The report is written in the background,
// since opening or writing a port that nobody reads may block for ever; its
// standard output and error are no pipe of the installer's, which would wait
// until they are closed.
func script(r Reporting, s report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "port=%s\n", shellQuote(r.Port))
	fmt.Fprintf(&b, "say() { printf '%%s\\n' \"%s %s $*\"; }\n", progressMagic, r.Nonce)
	// One line, printable ASCII, bounded.
	b.WriteString("text() { tr '\\t' ' ' | LC_ALL=C tr -cd '[:print:]' | head -c 1000; }\n")
	b.WriteString("report() {\n" + indent(s.body) + "}\n")
	b.WriteString("if [ -w \"$port\" ]; then\n")
	b.WriteString("  report </dev/null >>\"$port\" 2>/dev/null &\n")
	b.WriteString("  ticks=0\n")
	fmt.Fprintf(&b, "  while kill -0 \"$!\" 2>/dev/null && [ \"$ticks\" -lt %d ]; do\n", s.ticks)
	b.WriteString("    if [ \"$ticks\" -lt 20 ] && sleep 0.1 2>/dev/null; then ticks=$((ticks + 1))\n")
	// Starting a program takes longer than 0.1 s on an emulated processor.
	b.WriteString("    else sleep 1; ticks=$((ticks + 10)); fi\n")
	b.WriteString("  done\n")
	b.WriteString("  kill \"$!\" 2>/dev/null\n")
	b.WriteString("fi\n" + s.after)
	b.WriteString("exit 0\n")
	return b.String()
}

const postReport = `fact() { [ -z "$2" ] || say fact "$1=$(printf '%s' "$2" | text)"; }
say phase post
release=$(cat /etc/redhat-release 2>/dev/null | head -n 1)
[ -n "$release" ] || release=$(. /etc/os-release && printf '%s' "$PRETTY_NAME")
fact release "$release"
kernel=$(ls /lib/modules 2>/dev/null | tail -n 1)
fact kernel "${kernel:-$(uname -r)}"
fact arch "$(uname -m)"
fact hostname "$(cat /etc/hostname 2>/dev/null | head -n 1)"
packages=$(rpm -qa --qf '%{NEVRA}\n' 2>/dev/null | LC_ALL=C tr -cd '[:print:]\n' | while IFS= read -r package; do
  case $package in
    '' | gpg-pubkey-*) ;; # signing keys are no packages
    *) printf '%s\n' "$package" ;;
  esac
done)
[ -z "$packages" ] || fact packages "$(printf '%s\n' "$packages" | wc -l | tr -cd 0-9)"
`

// trim gives the blocks of removed files, such as downloaded packages, back to
// the disk: they would be part of the image.
const trim = `timeout 120 fstrim -a >/dev/null 2>&1
`

const postPackages = `[ -z "$packages" ] || printf '%s\n' "$packages" | while IFS= read -r package; do
  say package "$package"
done
`

// onerrorReport sends at most 192 KiB of logs, which are 256 KiB in base64.
// 3000 characters of base64 are 2250 bytes, so each line stands for itself. The
// installer has no base64 (lorax rhel10-branch, 99-generic/runtime-cleanup.tmpl).
// The most telling logs come first; the last exception says what happened.
//
//go:embed onerror.sh
var onerrorReport string

// shellQuote makes one word of text for a POSIX shell. A quote is quoted by
// double quotes, not by a backslash, which mvdan.cc/sh 3.14 keeps here.
func shellQuote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'"'"'`) + "'"
}

func indent(lines string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(lines, "\n"), "\n", "\n  ") + "\n"
}
