package host

import (
	"errors"
	"testing"
)

// A build is refused for what it needs, and for nothing else.
func TestSuits(t *testing.T) {
	h := Host{OS: "linux", Free: func(string) (int64, error) { return 5 << 30, nil }, Getenv: func(string) string { return "" }}
	for name, c := range map[string]struct {
		build Build
		lacks string // the check
	}{
		"nothing":     {Build{}, ""},
		"enough room": {Build{FreeBytes: 5 << 30}, ""},
		"more room":   {Build{FreeBytes: 6 << 30}, "disk"},
		"no QEMU":     {Build{Machine: true, QEMU: "/nonexistent/qemu"}, "qemu"},
	} {
		checkup, err := Suits(t.Context(), h, ".", c.build)
		if err != nil {
			t.Fatal(err)
		}
		var lacks string
		for _, check := range checkup.Checks {
			if check.Health == Missing {
				lacks = check.Name
				if check.Do == "" {
					t.Errorf("%s: no advice: %+v", name, check)
				}
			}
		}
		if lacks != c.lacks || (len(checkup.Ready) == 1) != (c.lacks == "") {
			t.Errorf("%s: lacks %q, want %q; ready: %v", name, lacks, c.lacks, checkup.Ready)
		}
	}
	if _, err := Suits(t.Context(), h, ".", Build{Arch: "vax"}); err == nil {
		t.Error("a vax suits")
	}
	h.Free = func(string) (int64, error) { return 0, errors.New("unknown") }
	if c, err := Suits(t.Context(), h, ".", Build{FreeBytes: 1}); err != nil || len(c.Ready) != 1 {
		t.Errorf("room that nobody knows of: %+v, %v", c, err)
	}
}
