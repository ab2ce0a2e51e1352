// Package kickstart reads, checks and writes kickstart files: the text that
// answers the installer's questions on Fedora, RHEL and AlmaLinux.
//
// [Parse] keeps every byte of a file in a tree with positions. [Decode] turns
// one command of it into typed options by the table of the dialect. [Lint]
// says what the installer would refuse (errors) and what would surprise
// (warnings). The package reads no files, no environment and no clock: callers
// hand over bytes. Package render writes kickstart files.
package kickstart
