// The names of lint's rules: stable, for comments that suppress them and for
// reports.

package kickstart

import "sort"

// Rule describes a kind of finding.
type Rule struct {
	// Name is stable and kebab-case.
	Name string
	// Severity is what the rule's findings usually are.
	Severity Severity
	// Summary says in one sentence what the rule is about.
	Summary string
	// NeedsTarget says that the rule looks only when the machine is known.
	NeedsTarget bool
	// Completeness says that the rule does not look at fragments.
	Completeness bool
}

var rules = map[string]*Rule{}

// Rules lists all rules by name.
func Rules() []*Rule {
	all := make([]*Rule, 0, len(rules))
	for _, r := range rules {
		all = append(all, r)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

func newRule(severity Severity, name, summary string) *Rule {
	r := &Rule{Name: name, Severity: severity, Summary: summary}
	rules[name] = r
	return r
}

// What the installer does not read.
var (
	ruleUnreadable       = newRule(Error, "unreadable", "the line cannot be split in words")
	ruleByteOrderMark    = newRule(Error, "byte-order-mark", "the file begins with a byte order mark, which the installer takes for a command")
	ruleInvalidUTF8      = newRule(Error, "invalid-utf8", "the file is not UTF-8")
	ruleUnknownCommand   = newRule(Error, "unknown-command", "no such command")
	ruleRemovedCommand   = newRule(Error, "removed-command", "the command went away before this release")
	ruleFutureCommand    = newRule(Error, "future-command", "the command came after this release")
	ruleUnknownOption    = newRule(Error, "unknown-option", "the command or section has no such option")
	ruleRemovedOption    = newRule(Error, "removed-option", "the option went away before this release")
	ruleFutureOption     = newRule(Error, "future-option", "the option came after this release")
	ruleAmbiguousOption  = newRule(Error, "ambiguous-option", "an abbreviation fits several options")
	ruleMissingValue     = newRule(Error, "missing-value", "the option has no value")
	ruleUnexpectedValue  = newRule(Error, "unexpected-value", "the option takes no value")
	ruleInvalidValue     = newRule(Error, "invalid-value", "the value is not one of those allowed")
	ruleMissingOption    = newRule(Error, "missing-option", "an option that the command needs is not there")
	ruleMissingArgument  = newRule(Error, "missing-argument", "an argument that the command needs is not there")
	ruleExtraArgument    = newRule(Error, "extra-argument", "the command takes no such argument")
	ruleOptionConflict   = newRule(Error, "option-conflict", "options that exclude each other, or that make no sense together")
	ruleCommandConflict  = newRule(Error, "command-conflict", "commands that exclude each other")
	ruleUnknownSection   = newRule(Error, "unknown-section", "no such section")
	ruleUnclosedSection  = newRule(Error, "unclosed-section", "the section does not end with %end")
	ruleStrayEnd         = newRule(Error, "stray-end", "%end outside of a section")
	ruleEmptyCertificate = newRule(Error, "empty-certificate", "the certificate is empty")
	ruleIncludeMissing   = newRule(Error, "include-missing", "the file to include cannot be read")
	ruleIncludeCycle     = newRule(Error, "include-cycle", "a file includes itself")
	ruleBadEntry         = newRule(Error, "bad-package-entry", "a line of %packages that the installer cannot read")
	ruleRemovedSection   = newRule(Error, "removed-section", "the section went away before this release")
	ruleModule           = newRule(Error, "module-refuses", "the installer reads it, and the part of it that should act on it stops")
)

// What the installer reads with a warning, or reads otherwise than meant.
var (
	ruleDeprecatedCommand = newRule(Warning, "deprecated-command", "the command has no effect any more, or will go away")
	ruleDeprecatedOption  = newRule(Warning, "deprecated-option", "the option has no effect any more, or will go away")
	ruleDeprecatedSection = newRule(Warning, "deprecated-section", "the section has no effect any more, or will go away")
	ruleAbbreviatedOption = newRule(Warning, "abbreviated-option", "an abbreviated option breaks when a later release adds a similar one")
	ruleHashInWord        = newRule(Warning, "hash-in-word", "a # in the middle of a word begins a comment")
	ruleContinuation      = newRule(Warning, "no-continuation", "a backslash at the end of a line does not continue it")
	ruleDuplicate         = newRule(Warning, "duplicate", "the same thing is defined twice")
	ruleReplaced          = newRule(Warning, "replaced-command", "a later command replaces an earlier one")
	ruleDroppedArgument   = newRule(Warning, "dropped-argument", "the installer drops an argument silently")
	ruleUnknownRule       = newRule(Warning, "unknown-rule", "a comment suppresses a rule that does not exist")
	ruleIncludeUnread     = newRule(Warning, "include-unread", "a file to include that is not looked at")
	ruleAppendFile        = newRule(Warning, "ksappend", "%ksappend works in the installer's first step only")
)
