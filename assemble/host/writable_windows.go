package host

// Writable is nil: an access list is understood by trying alone.
func Writable(string) error { return nil }
