package alma

import (
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// An emulator that is known to crash the guest's kernel is warned of in the plan.
func TestPlanWarnsOfAnEmulator(t *testing.T) {
	for version, want := range map[[3]int]bool{{7, 2, 22}: true, {7, 1, 0}: true, {8, 2, 0}: false, {10, 0, 2}: false} {
		s := testSpec(t, qemutest.Script{Version: version})
		p, err := resolve(t.Context(), s, testHost(t))
		if err != nil {
			if version[1] == 1 { // it emulates no processor that is new enough
				continue
			}
			t.Fatal(err)
		}
		got := false
		for _, c := range p.View().Cautions {
			got = got || strings.Contains(c.Text, "crash kernel 6.12") && strings.Contains(c.Do, "newer QEMU")
		}
		if got != want {
			t.Errorf("QEMU %v: warned %v, want %v", version, got, want)
		}
	}
	if !host.Crashes(qemu.Version{Major: 7, Minor: 0}) || host.Crashes(qemu.Version{Major: 7, Minor: 3}) || host.Crashes(qemu.Version{Major: 6}) {
		t.Error("what is not known is claimed, or what is known is not")
	}
}

// An image into which anybody can log in is warned of when the build begins and
// when it is done.
func TestBuildWarnsOfKnownPasswords(t *testing.T) {
	p, err := resolve(t.Context(), testSpec(t, qemutest.Script{}), testHost(t))
	ok(t, err)
	p.Cautions = []assemble.Caution{{Text: "an emulator", Do: "another"}, knownPasswords([]string{"root", "admin"})}
	r := &recorder{}
	willSucceed(t, p)
	_, err = p.Run(t.Context(), r.sink)
	ok(t, err)
	var texts []string
	for _, e := range r.events {
		if e.Kind == event.Warning && e.Hint != "" {
			texts = append(texts, e.Text)
		}
	}
	if len(texts) != 3 || texts[1] != texts[2] || !strings.Contains(texts[2], "the password of root and admin is published") {
		t.Errorf("%q", texts)
	}
}
