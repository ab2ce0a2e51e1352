package anaconda

import "testing"

// Where an error of the installer's is in the user's file: only what the file and
// the error's words hold is said.
func TestPlaces(t *testing.T) {
	const plain = "text\nnetwork --bogus --bootproto=dhcp\nfrobnicate --now\n%post\nnetwork --bogus\n%end\n"
	for name, c := range map[string]struct{ kickstart, problem, said, want string }{
		"the line":                  {plain, "The following problem occurred on line 3 of the kickstart file:", "Unknown command: frobnicate", "my.ks:3: the installer refuses this line: Unknown command: frobnicate"},
		"a line of an include":      {"%include /tmp/x.ks\n" + plain, "The following problem occurred on line 1 of the kickstart file:", "Unknown command: frobnicate", "The installer refuses line 1 of a file that the kickstart includes (/tmp/x.ks): Unknown command: frobnicate"},
		"the line, with an include": {"%include /tmp/x.ks\n" + plain, "The following problem occurred on line 4 of the kickstart file:", "Unknown command: frobnicate", "my.ks:4: the installer refuses this line: Unknown command: frobnicate"},
		"either":                    {"%include /tmp/x.ks\n" + plain, "The following problem occurred on line 2 of the kickstart file:", "Something odd", "The installer refuses line 2 of the kickstart or of a file that it includes (/tmp/x.ks): Something odd"},
		"a module names no line":    {plain, "", "unrecognized arguments: --bogus", "my.ks:2: the installer refuses this line: unrecognized arguments: --bogus"},
		"nor which of two":          {"user --bogus\n" + plain, "", "unrecognized arguments: --bogus", "The installer refuses the kickstart: unrecognized arguments: --bogus"},
		"rewritten by %pre":         {plain + "%pre\nx\n%end\n", "The following problem occurred on line 1 of the kickstart file:", "Unknown command: frobnicate", "The installer refuses line 1 of the kickstart, as it is in the guest: Unknown command: frobnicate"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDrive(t, Config{Kickstart: Kickstart{Name: "my.ks", Text: []byte(c.kickstart)}})
			d.console(healthy[:2]...)
			d.console("An error occurred during reading the kickstart file:")
			if c.problem != "" {
				d.console(c.problem)
			}
			d.console(c.said, "The installer will now terminate.")
			if f := d.out.Failure; f == nil || f.Says() != c.want {
				t.Errorf("%+v\nwant %q", f, c.want)
			}
		})
	}
}
