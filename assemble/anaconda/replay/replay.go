// Package replay feeds recorded channels of a guest to the machine that follows
// installations, and tells what it would have said.
package replay

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/kickstart/render"
	"github.com/imgasm/imgasm/qemu/console"
)

// Source is what was recorded. Only Console is needed.
type Source struct {
	Console  io.Reader // serial.log: the raw bytes
	Log      io.Reader // anaconda.log: of the virtio port or from the guest's /tmp
	Progress io.Reader // progress.log: of the port org.imgasm.progress.0
	// Others are other logs of the installer, such as packaging.log. They explain.
	Others []Log
	// Kickstart is the file that the guest read.
	Kickstart anaconda.Kickstart
	// Arch and Accel are named in hints, and Field says how; see anaconda.Config.
	Arch, Accel string
	Field       func(field string) string
}

// Log is a log of the installer's.
type Log struct {
	Name string
	In   io.Reader
}

// Result is what the recording proves at its end.
type Result struct {
	Verdict anaconda.Verdict
	Phase   anaconda.Phase
	Failure *anaconda.Failure  // nil unless Verdict is anaconda.Failed
	Remarks []anaconda.Failure // what was noticed and decided nothing
	Waits   *anaconda.Failure  // what a complete installation waits for; nil: nothing
	Report  anaconda.Report
	Lines   int           // line feeds of the console
	At      time.Duration // the last time stamp on the console
}

// chunk is how much of the console is read at once. It has no influence on the result.
const chunk = 64 << 10

// Run reads everything and calls say, if it is not nil, with each event as it
// happens. Event.Elapsed is the guest's own clock where the console shows it.
// The error is the first one of reading; what was read before it is judged.
//
// The logs have no clock in common with the console. They are read first, so
// that the console, whose end is the guest's end, has the last word.
func Run(s Source, say func(anaconda.Event)) (Result, error) {
	r := &run{say: say}
	var failed error
	nonce, progress, err := readProgress(s.Progress)
	failed = first(failed, err)
	r.machine = anaconda.New(anaconda.Config{Arch: s.Arch, Accel: s.Accel, Nonce: nonce, Kickstart: s.Kickstart, ConsoleOnly: true, Field: s.Field})
	for i, line := range progress {
		r.step(anaconda.Progress{Line: i + 1, Text: line})
	}
	failed = first(failed, eachLine(s.Log, func(n int, line string) {
		r.step(anaconda.Log{Line: n, Text: line})
	}))
	for _, other := range s.Others {
		failed = first(failed, eachLine(other.In, func(n int, line string) {
			r.step(anaconda.Log{Line: n, Text: line, File: other.Name})
		}))
	}
	lines, err := r.console(s.Console)
	failed = first(failed, err)
	r.step(anaconda.End{})
	return Result{
		Verdict: r.verdict, Phase: r.machine.Phase(), Failure: r.failure,
		Remarks: r.machine.Remarks(), Waits: r.machine.Waits(),
		Report: r.machine.Report(), Lines: lines, At: r.at,
	}, failed
}

type run struct {
	machine *anaconda.Machine
	at      time.Duration
	say     func(anaconda.Event)
	verdict anaconda.Verdict // after the last step
	failure *anaconda.Failure
}

func (r *run) step(w anaconda.What) {
	out := r.machine.Step(anaconda.Input{At: r.at, What: w})
	if r.say != nil {
		for _, e := range out.Events {
			e.Elapsed = r.at.Seconds()
			r.say(e)
		}
	}
	r.verdict, r.failure = out.Verdict, out.Failure
}

func (r *run) console(in io.Reader) (lines int, err error) {
	if in == nil {
		return 0, nil
	}
	reader := console.NewReader(func(rec console.Record) {
		r.at = max(r.at, rec.Stamp)
		r.step(anaconda.Console(rec))
	})
	buf := make([]byte, chunk)
	in = undo(in)
	for {
		n, err := in.Read(buf)
		reader.Write(buf[:n])
		if err != nil {
			reader.Close()
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return reader.Lines(), err
		}
	}
}

// readProgress reads the progress port's lines. Whoever replays them has chosen
// to trust them: the nonce is that of the first well-formed line.
func readProgress(in io.Reader) (nonce string, lines []string, err error) {
	err = eachLine(in, func(_ int, line string) {
		if word, verb, _, ok := render.ProgressLine(line); ok && verb != "" && nonce == "" {
			nonce = word
		}
		lines = append(lines, line)
	})
	return nonce, lines, err
}

// maxLine bounds a line of the logs, in bytes.
const maxLine = 64 << 10

// eachLine calls f with each line, cut to maxLine.
func eachLine(in io.Reader, f func(n int, line string)) error {
	if in == nil {
		return nil
	}
	b := bufio.NewReaderSize(in, maxLine)
	for n := 1; ; n++ {
		line, err := b.ReadSlice('\n')
		if len(line) > 0 {
			f(n, strings.TrimRight(string(line), "\r\n"))
		}
		for errors.Is(err, bufio.ErrBufferFull) { // the rest of a line that is too long
			_, err = b.ReadSlice('\n')
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
}

func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
