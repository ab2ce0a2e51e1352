package qemu

// Candidates is for the tests.
var Candidates = candidates
