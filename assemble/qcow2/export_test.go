package qcow2

// CheckWindow is the window of Check, for tests.
var CheckWindow = &checkWindow
