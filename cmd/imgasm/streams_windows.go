package main

// canMove: consoles know control sequences; only shells from elsewhere set TERM.
func canMove(kind string) bool { return kind != "dumb" }

// unread: Windows has no SIGPIPE.
func unread() bool { return false }
