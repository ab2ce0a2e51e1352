package debian

import (
	"os/exec"
	"testing"

	"github.com/imgasm/imgasm/internal/hosttool"
)

// Versions as Debian has them, with traps, each older than the next.
var versions = []string{
	"0~~", "0~", "0", "1.0~rc1-1", "1.0-1~bpo12+1", "1.0-1", "1.0-1+b1", "1.0-1+deb12u1", "1.0.1-1", "1.9-1", "1.10-1", "1.a", "1.+",
	"6.1.176-1", "6.1.192-2", "6.1.192-3", "1:0.5", "1:1.44~1+deb12u1+15.8-1~deb12u1", "1:1.44", "2:0-1",
}

func sign(n int) int { return min(1, max(-1, n)) }

func TestCompareVersions(t *testing.T) {
	for i, a := range versions {
		for j, b := range versions {
			if got := sign(compareVersions(a, b)); got != sign(i-j) {
				t.Errorf("%s to %s: %d", a, b, got)
			}
		}
	}
	for _, same := range [][2]string{{"1.0", "1.00"}, {"0:1", "1"}, {"1-0", "1"}, {"1.a0", "1.a"}} {
		if got := compareVersions(same[0], same[1]); got != 0 {
			t.Errorf("%v: %d", same, got)
		}
	}
}

// dpkg knows.
func TestCompareVersionsDpkg(t *testing.T) {
	dpkg := hosttool.Find(t, "dpkg", "dpkg")
	all := append([]string{"1.0", "1.00", "1-0", "1.a0", "1~~a", "1~a", "1a", "1.0+git20200101"}, versions...)
	for i, a := range all {
		for _, b := range all[i:min(i+4, len(all))] {
			older := exec.Command(dpkg, "--compare-versions", a, "lt", b).Run() == nil
			if (compareVersions(a, b) < 0) != older {
				t.Errorf("%s older than %s: dpkg says %v", a, b, older)
			}
		}
	}
}
