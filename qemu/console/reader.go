package console

// Reader is fed with the bytes of a console and calls back with records. It is
// not safe for use by several goroutines. Its memory is bounded whatever it is
// fed with.
//
// It starts as a line printer with a carriage return. When the stream sets a
// scroll region, which on these consoles only tmux does, it becomes a screen
// (see screen) until the terminal is reset. Of a recording from which carriage
// returns were taken out, each line feed is one too.
type Reader struct {
	emit    func(Record)
	feeds   int  // line feeds so far
	returns bool // there have been carriage returns
	parser  parser
	line    line
	screen  *screen // nil while lines are printed
	partial string  // the last partial record of the current line
}

// NewReader returns a Reader that calls emit for each record. emit must return
// soon: the guest may be waiting.
func NewReader(emit func(Record)) *Reader {
	return &Reader{emit: emit}
}

// Write takes the next bytes. It never fails and never keeps p.
func (r *Reader) Write(p []byte) (int, error) {
	for _, b := range p {
		r.parser.feed(b, r)
	}
	return len(p), nil
}

// Flush reports what has been written but not yet ended by a newline, once, as
// partial records. Call it when the console has been silent for a moment (half
// a second), so that prompts are seen, and at the end of the console.
func (r *Reader) Flush() {
	if r.screen != nil {
		r.screen.flush()
		return
	}
	if text := r.line.text(); text != "" && text != r.partial {
		r.partial = text
		r.report(text, &Record{Line: r.feeds + 1, Partial: true, Cut: r.line.cut})
	}
}

// Close reports what has not ended as if it had: nothing will follow.
func (r *Reader) Close() {
	if r.screen != nil {
		r.leaveScreen()
		return
	}
	r.endLine()
}

// Lines returns the number of line feeds so far.
func (r *Reader) Lines() int { return r.feeds }

// report emits a record of a line's text, unless it is of no interest.
func (r *Reader) report(text string, rec *Record) {
	if rec.read(text) {
		r.emit(*rec)
	}
}

// endLine reports the current line and begins a new one.
func (r *Reader) endLine() {
	r.report(r.line.text(), &Record{Line: r.feeds + 1, Cut: r.line.cut})
	r.line.reset()
	r.partial = ""
}

// The parser's terminal:

func (r *Reader) print(c rune) {
	if r.screen != nil {
		r.screen.print(c)
		return
	}
	r.line.print(c)
}

func (r *Reader) control(c byte) {
	if c == '\n' {
		if r.screen != nil {
			if !r.returns { // something has taken them out
				r.screen.control('\r')
			}
			r.screen.lineFeed()
		} else {
			r.endLine()
		}
		r.feeds++
		return
	}
	r.returns = r.returns || c == '\r'
	if r.screen != nil {
		r.screen.control(c)
		return
	}
	r.line.control(c)
}

func (r *Reader) escape(intermediate, final byte) {
	switch {
	case intermediate != 0: // character sets
	case final == 'c': // RIS: everything anew
		r.leaveScreen()
		r.endLine()
	case r.screen != nil:
		r.screen.escape(final)
	}
}

func (r *Reader) csi(s *sequence) {
	switch s.final {
	case 'r':
		if s.prefix == 0 && s.n == 2 && s.arg(1, 0) > s.arg(0, 1) {
			if r.screen == nil {
				r.endLine()
				r.screen = newScreen(r)
			}
			r.screen.region(s.arg(0, 1), s.arg(1, 0))
			return
		}
	case 'p':
		if s.intermediate == '!' { // DECSTR: systemd resets the terminal before it hands it on
			r.leaveScreen()
			return
		}
	case 'l':
		if s.prefix == '?' && s.arg(0, 0) == 1049 { // back from the alternate screen
			r.leaveScreen()
			return
		}
	}
	switch {
	case r.screen != nil:
		r.screen.csi(s)
	case s.prefix != 0 || s.intermediate != 0:
	default:
		r.lineCSI(s)
	}
}

// lineCSI does what an escape sequence does to a line printer. A cursor that
// goes elsewhere, as in firmware and boot loader menus, ends the line.
func (r *Reader) lineCSI(s *sequence) {
	switch s.final {
	case 'H', 'f', 'J', 'd', 'A', 'B', 'E', 'F':
		if r.line.empty() {
			return
		}
		if s.final == 'J' && s.arg(0, 0) == 0 { // to the end of the screen: to the end of the line
			r.line.erase(0)
			return
		}
		r.endLine()
	case 'K':
		r.line.erase(s.arg(0, 0))
	case 'G':
		r.line.move(s.arg(0, 1) - 1)
	case 'C':
		r.line.move(r.line.col + s.arg(0, 1))
	case 'D':
		r.line.move(r.line.col - s.arg(0, 1))
	}
}

func (r *Reader) leaveScreen() {
	if r.screen != nil {
		r.screen.finish()
		r.screen = nil
	}
}
