//go:build linux

// Command imgasm-guest is /init of the rehearsal's guest.
package main

func main() {}
