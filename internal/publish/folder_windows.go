package publish

// syncFolder does nothing: NTFS orders renames by its own journal.
func syncFolder(string) error { return nil }
