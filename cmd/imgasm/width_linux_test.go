package main

import (
	"bytes"
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/imgasm/imgasm/cmd/imgasm/ui"
)

// A page has the terminal's width, or what COLUMNS says, or 80 columns.
func TestWidth(t *testing.T) {
	person, program := terminalPair(t)
	if err := unix.IoctlSetWinsize(int(person.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 57}); err != nil {
		t.Fatal(err)
	}
	env := func(columns string) func(string) string {
		return func(name string) string { return map[string]string{"COLUMNS": columns}[name] }
	}
	for _, tt := range []struct {
		got, want int
	}{
		{ui.NewStreams(program, program, env("")).Width(), 57},
		{ui.NewStreams(program, program, env("70")).Width(), 70},
		{ui.NewStreams(program, program, env("many")).Width(), 57},
		{ui.NewStreams(&bytes.Buffer{}, program, env("")).Width(), 80},
	} {
		if tt.got != tt.want {
			t.Errorf("%d columns, want %d", tt.got, tt.want)
		}
	}
}

// What is said on a terminal is broken between words; a hint stays as it is to be copied.
func TestWords(t *testing.T) {
	person, program := terminalPair(t)
	if err := unix.IoctlSetWinsize(int(person.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 40}); err != nil {
		t.Fatal(err)
	}
	s := ui.NewStreams(program, program, func(name string) string { return map[string]string{"TERM": "xterm"}[name] })
	s.Note("imgasm ssh demo logs in, imgasm stop demo ends it")
	s.Problem("error", "no machine runs, of those that there are", "imgasm run a-long-name-of-an-image.qcow2 --detach")
	want := "imgasm: imgasm ssh demo logs in, imgasm\r\n    stop demo ends it\r\n" +
		"imgasm: error: no machine runs, of\r\n    those that there are\r\nimgasm: hint: imgasm run a-long-name-of-an-image.qcow2 --detach\r\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(person, got); err != nil || string(got) != want {
		t.Errorf("%q, want %q, %v", got, want, err)
	}
}
