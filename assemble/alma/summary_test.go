package alma

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// The summary has all that a person needs, and its numbers of lines are those of
// the files beside it.
func TestSummary(t *testing.T) {
	s := testSpec(t, qemutest.Script{})
	if err := os.WriteFile(s.Kickstart, []byte(smallKickstart+"%post --erroronfail\necho about to fail\nexit 7\n%end\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := testHost(t)
	h.Command = []string{"imgasm", "alma", "--out", "out.raw"}
	p, err := resolve(t.Context(), s, h)
	if err != nil {
		t.Fatal(err)
	}
	edge := "[  798.200000] anaconda[2345]: " + strings.Repeat("=", 80)
	p.Machine.Binary = qemutest.Executable(t, qemutest.Script{Steps: qemutest.Steps(
		line("EFI stub: Loaded initrd from command line option"), line(""), line("[    0.000000] Linux version 6.12.0-55.el10.x86_64"),
		line("[   20.100000] anaconda[2345]: Starting installer, one moment..."),
		line("[  796.900000] anaconda[2345]: Running post-installation scripts"), line(edge), line(edge),
		line("[  798.300000] anaconda[2345]: Error"),
		line("[  798.400000] anaconda[2345]:   There was an error running the kickstart script at line 2.  This is a fatal"),
		line("[  798.500000] anaconda[2345]:   error and installation will be aborted.  The details of this error are:"),
		line("[  798.600000] anaconda[2345]:   about to fail"),
		qemutest.Port(watch.LogPort, "11:40:02,118 WARNING org.fedoraproject.Anaconda.Modules.Runtime:ERROR:anaconda.core.kickstart.scripts.script:Error code 7 running the kickstart script at line 2\n"),
	)})
	_, err = p.Run(t.Context(), nil)
	if err == nil {
		t.Fatal("it succeeded")
	}
	want := s.Kickstart + ":14: this %post ended with status 7:\n    serial.log:11: about to fail\nlogs: " + s.Out + ".failed"
	if got := err.Error(); got != want {
		t.Errorf("the error says\n%s\nwant\n%s", got, want)
	}
	text, err := os.ReadFile(filepath.Join(s.Out+".failed", summaryFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"- date: 20", "- to repeat it: `imgasm alma --out out.raw`", "- serial.log: ", "- anaconda.log: ", "- ks.cfg: ", "imgasm replay out.raw.failed"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	serial, err := os.ReadFile(filepath.Join(s.Out+".failed", serialFile))
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(string(serial), "\n"); !strings.Contains(lines[10], "about to fail") {
		t.Errorf("line 11 of serial.log is %q", lines[10])
	}
}
