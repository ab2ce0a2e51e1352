// The kernel's command line.

package main

import "strings"

// cmdline is the kernel's command line, read as the kernel does: words are
// separated by blanks, and double quotes keep blanks inside a word.
type cmdline []string

func parseCmdline(text string) cmdline {
	var words cmdline
	var word strings.Builder
	quoted, inWord := false, false
	flush := func() {
		if inWord {
			words = append(words, word.String())
		}
		word.Reset()
		inWord = false
	}
	for _, r := range text {
		switch {
		case r == '"':
			quoted = !quoted
			inWord = true
		case (r == ' ' || r == '\t' || r == '\n') && !quoted:
			flush()
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	flush()
	return words
}

// value is the text after "NAME=" of the last such word, and whether there is one.
func (c cmdline) value(name string) (string, bool) {
	for i := len(c) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(c[i], name+"="); ok {
			return v, true
		}
	}
	return "", false
}

// flag tells whether a word is there, alone or with a value other than 0.
func (c cmdline) flag(name string) bool {
	for i := len(c) - 1; i >= 0; i-- {
		if c[i] == name {
			return true
		}
		if v, ok := strings.CutPrefix(c[i], name+"="); ok {
			return v != "0" && v != "no" && v != "off"
		}
	}
	return false
}

// consoles returns the console= words as they are, in order.
func (c cmdline) consoles() []string {
	var all []string
	for _, w := range c {
		if strings.HasPrefix(w, "console=") {
			all = append(all, w)
		}
	}
	return all
}

// volume reads "hd:LABEL=NAME:/path", the form of inst.stage2, and of inst.ks
// for a kickstart on a volume. Blanks in the label are written "\x20".
func volume(value string) (label, path string, ok bool) {
	rest, ok := strings.CutPrefix(value, "hd:LABEL=")
	if !ok {
		return "", "", false
	}
	label, path, _ = strings.Cut(rest, ":")
	return strings.ReplaceAll(label, `\x20`, " "), path, label != ""
}

// local reads "file:/path", the form of inst.ks for a kickstart in the initramfs.
func local(value string) (path string, ok bool) {
	path, ok = strings.CutPrefix(value, "file:")
	return path, ok && path != ""
}
