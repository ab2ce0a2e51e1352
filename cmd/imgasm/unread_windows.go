package main

// unread: Windows has no SIGPIPE.
func unread() bool { return false }
