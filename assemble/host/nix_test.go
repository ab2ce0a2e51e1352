package host

import "testing"

func TestOldNix(t *testing.T) {
	for version, want := range map[string][2]bool{ // too old; for imgasm's own flake
		"1.11.16": {true, true}, "2.3.16": {true, true}, "2.8.0": {false, true}, "2.17.1": {false, true}, "2.18.1": {false, false}, "2.31pre20250901_abc": {false, false}, "3.0": {false, false}, "2": {false, false},
	} {
		for i, own := range []bool{false, true} {
			if text, do := OldNix(version, own); (text != "") != want[i] || text != "" && do == "" {
				t.Errorf("%s, own flake %v: %q, %q", version, own, text, do)
			}
		}
	}
}
