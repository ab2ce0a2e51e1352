package rpmdb

// Parse and CompareStrings are for the tests.
var (
	Parse          = parse
	CompareStrings = compareVersions
)
