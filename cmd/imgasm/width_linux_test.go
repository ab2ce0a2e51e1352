package main

import (
	"bytes"
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
