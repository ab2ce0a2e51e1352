package ui

// canMove: consoles know control sequences; only shells from elsewhere set TERM.
func canMove(kind string) bool { return kind != "dumb" }

// Unread: Windows has no SIGPIPE.
func Unread() bool { return false }
