package remote

import (
	"errors"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]Address{
		"builder":                    {"", "builder", 0},
		"ann@builder":                {"ann", "builder", 0},
		"builder:2222":               {"", "builder", 2222},
		"ssh://ann@b.example.org:22": {"ann", "b.example.org", 22},
		"ssh://builder/":             {"", "builder", 0},
		"ssh://ann%40corp@builder":   {"ann@corp", "builder", 0},
		"ann@corp@builder":           {"ann@corp", "builder", 0},
		"10.0.0.7:65535":             {"", "10.0.0.7", 65535},
		"[::1]":                      {"", "::1", 0},
		"ann@[fe80::1%eth0]:2222":    {"ann", "fe80::1%eth0", 2222},
	} {
		if got, err := ParseAddress(text); err != nil || got != want {
			t.Errorf("%s: %+v %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                      "no host is named",
		"ssh://":                "no host is named",
		"ann@":                  "no host is named",
		"@builder":              "before the @",
		"-oProxyCommand=x":      "does not begin with -",
		"ssh://-oProxyCommand":  "does not begin with -",
		"-lroot@builder":        "does not begin with -",
		"ssh://%2dl@builder":    "does not begin with -",
		"ssh://a%0ab@builder":   `has "\n" in it`,
		"builder/tmp":           `has "/" in it`,
		"two words":             `has " " in it`,
		"$(id)@builder":         `in it`,
		"builder:":              "no port follows",
		"builder:0":             "is no port",
		"builder:65536":         "is no port",
		"builder:ssh":           "is no port",
		"::1":                   "in brackets",
		"[::1":                  "ends with ]",
		"[::1]22":               "ends with ]",
		"https://builder.local": "is no port",
	} {
		if _, err := ParseAddress(text); !errors.Is(err, ErrAddress) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
